"""What a cluster's Chronos should hold, and what it takes to get there. Pure.

Each enabled schedule has one Chronos job that calls Ocean. Its first run is the schedule's next slot as a moment (UTC),
its period the interval, so that it goes on ringing while Ocean cannot look. Where Chronos' arithmetic and the calendar
part (a zone's clocks change, a month's length), the next look finds another next run than the calendar says and posts
the job anew: see docs/decisions.
Source: Chronos' API; its stored schedule moves with each run, and a POST replaces a job whole, counters included.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clients.chronos import ChronosJob

URL_VARIABLE = "OCEAN_SCHEDULE_URL"
TOKEN_VARIABLE = "OCEAN_SCHEDULE_TOKEN"  # noqa: S105 - a name
AUTH_SCHEME = "Ocean-Schedule"
COMMAND = (
    'header="Authorization: Ocean-Schedule $OCEAN_SCHEDULE_TOKEN"; '
    "if command -v curl >/dev/null; then "
    'printf \'header = "%s"\\n\' "$header" | '
    'curl -fsS -K - -X POST --retry 4 --max-time 20 "$OCEAN_SCHEDULE_URL"; '
    "else exec python3 -c '"
    "import os, urllib.request as u; "
    'r = u.Request(os.environ["OCEAN_SCHEDULE_URL"], method="POST", '
    'headers={"Authorization": "Ocean-Schedule " + os.environ["OCEAN_SCHEDULE_TOKEN"]}); '
    "print(u.urlopen(r, timeout=20).read().decode())'; fi"
)
"""The token goes by standard input or the environment: arguments can be read by everybody on the host."""
RETRIES = 2
_ONCE = "PT24H"
_SCHEDULE = re.compile(r"R(\d*)/([^/]+)/(P[^/]+)")
_KEPT = ("successCount", "errorCount", "errorsSinceLastSuccess", "lastSuccess", "lastError")


@dataclass(frozen=True, slots=True)
class Ticker:
    """What one schedule wants of Chronos. `starts`: runs that agree with the calendar, the one to post first."""

    schedule_id: int
    name: str
    starts: tuple[datetime, ...]
    interval: str
    url: str
    token: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Put:
    """Create or replace a job. `why`: a code of `differs`, or `missing`."""

    schedule_id: int
    job: ChronosJob
    why: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one that no schedule wants."""

    name: str


Step = Put | Delete


def diff(
    wanted: Sequence[Ticker],
    found: Iterable[ChronosJob],
    *,
    prefix: str,
    leave: Collection[str] = (),
) -> list[Step]:
    """The steps from what is found to what is wanted; jobs whose name does not begin with `prefix` are not ours, and
    those in `leave` are ringing right now, or another cluster's."""
    ours = {job["name"]: job for job in found if job["name"].startswith(prefix) and job["name"] not in leave}
    steps: list[Step] = []
    for ticker in wanted:
        present = ours.pop(ticker.name, None)
        why = "missing" if present is None else differs(ticker, present)
        if why:
            steps.append(Put(ticker.schedule_id, job_of(ticker, present), why))
    return [*steps, *(Delete(name) for name in ours)]


def job_of(ticker: Ticker, present: ChronosJob | None = None) -> ChronosJob:
    """The job as it is posted; what Chronos counted of the present one stays."""
    start = ticker.starts[0].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    job: ChronosJob = {
        "name": ticker.name,
        "command": COMMAND,
        "schedule": f"R{'' if ticker.interval else 1}/{start}/{ticker.interval or _ONCE}",
        "scheduleTimeZone": "",
        "description": ticker.description,
        "retries": RETRIES,
        "disabled": False,
        "cpus": 0.01,
        "mem": 32,
        "disk": 1,
        "environmentVariables": [
            {"name": URL_VARIABLE, "value": ticker.url},
            {"name": TOKEN_VARIABLE, "value": ticker.token},
        ],
    }
    for name in _KEPT:
        if present is not None and name in present:
            job[name] = present[name]  # type: ignore[literal-required]
    return job


def differs(ticker: Ticker, present: ChronosJob) -> str:
    """Why the job has to be posted anew, as a code; empty where it is as wanted."""
    if present.get("disabled"):
        return "disabled"
    if "parents" in present:
        return "dependent"
    if present.get("command") != COMMAND or present.get("retries") != RETRIES:
        return "command"
    given = {item["name"]: item["value"] for item in present.get("environmentVariables", [])}
    if given != {URL_VARIABLE: ticker.url, TOKEN_VARIABLE: ticker.token}:
        return "environment"
    return "" if _time_agrees(ticker, present) else "time"


def _time_agrees(ticker: Ticker, present: ChronosJob) -> bool:
    found = _SCHEDULE.fullmatch(present.get("schedule", ""))
    if found is None or present.get("scheduleTimeZone"):
        return False
    if (found[1], found[3]) != (("", ticker.interval) if ticker.interval else ("1", _ONCE)):
        return False
    try:
        start = datetime.fromisoformat(found[2])
    except ValueError:
        return False
    return start.tzinfo is not None and start in ticker.starts
