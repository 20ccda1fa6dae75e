"""Marathon's HTTP API, typed, on the `marathon` package with its traps covered.

The package knows the calls; `transport` replaces the one method through which they all leave, so that a
write is never repeated, errors are `clients.errors`, and nothing passes the package's models (an unknown
field in a reply is a TypeError there, and its JSON encoder fails on Python 3.10 and later).
Sources: `marathon/client.py` 0.13.0; Marathon's REST reference for 1.5 – 1.11.
"""

from clients.marathon.api import MarathonApi
from clients.marathon.wire import App, Deployment, DeploymentResult, Info, QueueItem, Task

__all__ = ["App", "Deployment", "DeploymentResult", "Info", "MarathonApi", "QueueItem", "Task"]
