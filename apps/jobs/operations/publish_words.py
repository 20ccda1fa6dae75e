"""What a publish says of itself: stored sentences with their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.jobs.operations.rollout_steps import hosts_of
from apps.jobs.rollout.progress import Progress
from apps.jobs.rollout.values import Copy, Manner, Wanted
from apps.jobs.services.drafts import SecretMissing
from apps.jobs.spec.files import MAX_FILE_BYTES, MAX_FILES_BYTES, FilesTooLarge

UNDER_WAY = gettext_noop(
    "Version %(version)s: %(healthy)s of %(wanted)s instances are well; %(old)s of earlier ones remain."
)
COMING_UP = gettext_noop("Version %(version)s: %(healthy)s of %(wanted)s instances are well.")
COMING_UP_BESIDE = gettext_noop(
    "Version %(version)s beside the old one: %(healthy)s of %(beside)s new instances are well; old instances that "
    "serve on: %(old)s."
)
HOLDING = gettext_noop("Holding at %(new)s of %(wanted)s: go on or undo.")
HOLDING_UNTIL = gettext_noop("Holding at %(new)s of %(wanted)s until %(at)s, then it goes on by itself.")
SERVES = gettext_noop("The new version serves; %(old)s old instances are kept: go on or undo.")
SERVES_UNTIL = gettext_noop(
    "The new version serves; %(old)s old instances are kept until %(at)s, then it goes on by itself."
)
PAUSED = gettext_noop("Paused: %(new)s new and %(old)s old instances run on.")
RUNS = gettext_noop("Version %(version)s runs: %(wanted)s of %(wanted)s instances are well.")
RUNS_BUT_SLOW = gettext_noop(
    "Version %(version)s runs: %(well)s of %(wanted)s instances are well; still starting: %(slow)s, on %(hosts)s."
)
HANDED_OVER = gettext_noop("Version %(version)s takes over.")
SUPERSEDED = gettext_noop("Another change on the scheduler itself replaced this one.")
CANCELLED = gettext_noop("Cancelled.")
KEEPS_CRASHING = gettext_noop(
    "The new version does not stay up: an instance ended %(count)s times in a row. %(why)s"
)
OLD_SERVES_ON = gettext_noop("%(why)s Version %(previous)s goes on serving.")
NOTHING_BEFORE = gettext_noop("%(why)s Nothing ran before, so nothing runs now.")
NEW_STAYS = gettext_noop(
    "%(why)s Version %(version)s stays: version %(previous)s names the secret '%(name)s', which is gone."
)
NEW_STAYS_WHOLE = gettext_noop(
    "%(why)s Version %(version)s stays, as the one before cannot be asked for: %(fault)s"
)
STILL_PUTTING_BACK = gettext_noop("%(why)s The scheduler has not finished putting back what ran before.")
SECRET_GONE = gettext_noop(
    "The secret '%(name)s' is gone: add it again, or publish a version that does not name it."
)
FILES_TOO_LARGE = gettext_noop(
    "With the values of their secrets the config files are too large: %(file_kib)s KiB each and %(kib)s KiB together "
    "are the most that can be sent."
)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence's source and its values."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def line(text: str, values: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A sentence as it is stored as a value of another one."""
    return {"text": text, "values": {**(values or {}), **more}}


def under_way(version: int, progress: Progress, *, aside: bool) -> Said:
    values = {"version": version, "old": progress.old}
    if aside:
        beside = {"healthy": progress.beside_well, "beside": progress.beside}
        return Said(COMING_UP_BESIDE, {**values, **beside})
    well = {"healthy": progress.total_well, "wanted": progress.wanted}
    return Said(UNDER_WAY if progress.old else COMING_UP, {**values, **well})


def holding(wanted: Wanted, progress: Progress, *, until: datetime | None) -> Said:
    values: dict[str, Any] = {"new": progress.beside, "wanted": progress.wanted, "old": progress.old}
    if until is not None:
        at = until.astimezone(timezone.get_default_timezone())
        values["at"] = {"moment": at.isoformat(timespec="seconds")}
    if wanted.manner is Manner.BLUE_GREEN:
        return Said(SERVES_UNTIL if until else SERVES, values)
    return Said(HOLDING_UNTIL if until else HOLDING, values)


def paused(progress: Progress) -> Said:
    return Said(PAUSED, {"new": progress.new + progress.beside, "old": progress.old})


def runs(version: int, wanted: int, slow: tuple[Copy, ...]) -> Said:
    if not slow:
        return Said(RUNS, {"version": version, "wanted": wanted})
    values = {"version": version, "wanted": wanted, "well": wanted - len(slow), "slow": len(slow)}
    return Said(RUNS_BUT_SLOW, {**values, "hosts": hosts_of(slow)})


def cannot_define(exc: SecretMissing | FilesTooLarge) -> tuple[str, dict[str, Any]]:
    """Why a version cannot be sent to the scheduler."""
    if isinstance(exc, SecretMissing):
        return SECRET_GONE, {"name": exc.name}
    return FILES_TOO_LARGE, {"file_kib": MAX_FILE_BYTES // 1024, "kib": MAX_FILES_BYTES // 1024}
