"""What is to be said of a job by its own row, without asking the scheduler: it is a draft, stopped, lost, or what is
shown of it is old."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext_noop

from apps.jobs.explain.problem import Problem

MISSING = gettext_noop("The scheduler does not have this job.")
MISSING_WHY = gettext_noop("It was removed on the scheduler itself, or lost with its state.")
MISSING_HINT = gettext_noop("Publish it again.")
STALE = gettext_noop("What is shown of this job is %(age_s)s s old.")
NEVER_SEEN = gettext_noop("Ocean has not seen this job's cluster yet.")
STALE_WHY = gettext_noop("The scheduler of %(cluster)s does not answer: %(error)s")
UNWATCHED_WHY = gettext_noop("Nothing watches %(cluster)s at the moment.")
STALE_HINT = gettext_noop("What runs goes on running. Tell an SRE if this lasts.")
DRAFT = gettext_noop("This job was never published, so nothing of it runs.")
DRAFT_HINT = gettext_noop("Publish version %(version)s.")
STOPPED = gettext_noop("The job is stopped: it is scaled to 0 instances.")
STOPPED_HINT = gettext_noop("Start it; instances before the stop: %(before)s.")
STOPPED_HINT_PLAIN = gettext_noop("Start it, or scale it.")
UNPUBLISHED = gettext_noop("Version %(latest)s is saved but not published; version %(running)s runs.")
UNPUBLISHED_HINT = gettext_noop("Publish version %(latest)s to have its changes.")
PAUSED = gettext_noop("The operation is paused since %(at)s UTC: what runs serves on.")
PAUSED_HINT = gettext_noop("Resume it, or undo it.")
HOLDING = gettext_noop("The publish waits for a person's word: the new version runs beside the old one.")
HOLDING_HINT = gettext_noop("Let it go on, or undo it.")


def missing() -> Problem:
    """A published job that the engine does not list."""
    return Problem("error", "missing", MISSING, MISSING_WHY, MISSING_HINT)


def stale_mirror(*, cluster: str, age_s: int | None, error: str) -> Problem:
    """The mirror of a cluster has not been known to be true for `age_s` seconds (None: never). `error` is what the
    scheduler's watcher last met; empty where there is no watcher."""
    values = {"cluster": cluster, "age_s": age_s, "error": error}
    what = NEVER_SEEN if age_s is None else STALE
    return Problem("warning", "stale", what, STALE_WHY if error else UNWATCHED_WHY, STALE_HINT, values)


def draft(*, version: int) -> Problem:
    return Problem("info", "draft", DRAFT, hint=DRAFT_HINT, values={"version": version})


def stopped(*, before: int | None) -> Problem:
    hint = STOPPED_HINT if before else STOPPED_HINT_PLAIN
    return Problem("info", "stopped", STOPPED, hint=hint, values={"before": before})


def paused(*, at: datetime) -> Problem:
    """Somebody paused the operation at work. (A stored sentence knows no zone: the time is said with its own.)"""
    values = {"at": f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"}
    return Problem("info", "paused", PAUSED, hint=PAUSED_HINT, values=values)


def holding() -> Problem:
    return Problem("info", "holding", HOLDING, hint=HOLDING_HINT)


def unpublished_version(*, latest: int, running: int) -> Problem:
    values = {"latest": latest, "running": running}
    return Problem("info", "unpublished_version", UNPUBLISHED, hint=UNPUBLISHED_HINT, values=values)
