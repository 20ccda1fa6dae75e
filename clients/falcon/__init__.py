"""Open-Falcon: portal API, graph queries, push.

    transport   sessions, errors
    wire        what is said, in Falcon's own words
    portal      host groups, templates, strategies, actions, people
    graph       series
    push        samples, through an agent or a transfer

Source: falcon-plus v0.3, modules/api and modules/agent; docs/falcon.md says what a real installation must set.
"""

from clients.falcon.graph import FalconGraph
from clients.falcon.portal import FalconPortal
from clients.falcon.push import FalconPush
from clients.falcon.transport import FalconLogin, FalconToken, FalconTransport

__all__ = ["FalconGraph", "FalconLogin", "FalconPortal", "FalconPush", "FalconToken", "FalconTransport"]
