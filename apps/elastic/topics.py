"""The live topics of scaling: `scaling` (the pause of all), `scaling:<job's id>` (its policy, decisions, proposals)."""

from __future__ import annotations

from apps.core.live_topics import register_list, register_rows
from apps.jobs.topics import job_visible

register_list("scaling")
register_rows("scaling", job_visible)
