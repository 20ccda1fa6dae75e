"""The live topic that the hosts' mirror announces."""

from __future__ import annotations

from apps.core.live_topics import register_list

register_list("hosts")
