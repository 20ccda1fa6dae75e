"""Why a job is not as wanted, in words: from what the engine said to sentences with a hint. Pure.

Sentences are stored as English sources with values and rendered in the reader's language.
Sources: Marathon's queue (reasons why offers were declined, back-off), `lastTaskFailure`, health check results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext_noop

from apps.core.models import render_line
from apps.jobs.planning import is_current
from engines.base import HealthResult, Waiting, WorkloadStatus

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, why, and what one can do. The three texts share `values`."""

    severity: Severity
    what: str
    why: str = ""
    hint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
            "values": dict(self.values),
        }


NO_OFFER = gettext_noop("Instances that wait for a host: %(count)s.")
BACKING_OFF = gettext_noop("Instances that wait %(delay_s)s s before they are started again: %(count)s.")
BACKING_OFF_WHY = gettext_noop(
    "Earlier ones ended soon after their start, so the scheduler holds the next ones back."
)
BACKING_OFF_HINT = gettext_noop("Read the log of the last failure; publish a version that stays up.")
UNHEALTHY = gettext_noop("Instances that fail their health check: %(count)s.")
UNHEALTHY_WHY = gettext_noop('The check last said: "%(cause)s".')
UNHEALTHY_HINT = gettext_noop("See whether the path and port are right, and read the instance's log.")
STARTING = gettext_noop("Instances that are starting: %(count)s.")
LAST_FAILURE = gettext_noop("An instance ended on %(host)s.")
LAST_FAILURE_WHY = gettext_noop('The scheduler said: "%(message)s".')
LAST_FAILURE_HINT = gettext_noop("Its log may say more.")
MISSING = gettext_noop("The scheduler does not have this job.")
MISSING_WHY = gettext_noop("It was removed on the scheduler itself, or lost with its state.")
MISSING_HINT = gettext_noop("Publish it again.")

STALE = gettext_noop("What is shown of this job is %(age_s)s s old.")
NEVER_SEEN = gettext_noop("Ocean has not seen this job's cluster yet.")
STALE_WHY = gettext_noop("The scheduler of %(cluster)s does not answer: %(error)s")
UNWATCHED_WHY = gettext_noop("Nothing watches %(cluster)s at the moment.")
STALE_HINT = gettext_noop("What runs goes on running. Tell an SRE if this lasts.")

_REASONS: dict[str, tuple[str, str]] = {
    "InsufficientCpus": (
        gettext_noop("No offer has %(cpus)s CPUs free (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Ask for fewer CPUs, fewer instances, or free some capacity."),
    ),
    "InsufficientMemory": (
        gettext_noop(
            "No offer has %(memory_mib)s MiB of memory free (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Ask for less memory, fewer instances, or free some capacity."),
    ),
    "InsufficientDisk": (
        gettext_noop(
            "No offer has %(disk_mib)s MiB of disk free (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Ask for less disk, or free some capacity."),
    ),
    "InsufficientGpus": (
        gettext_noop(
            "No offer has enough GPUs free, %(gpus)s asked for (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Ask for fewer GPUs, or a cluster that has them."),
    ),
    "InsufficientPorts": (
        gettext_noop("No offer has the ports free (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Ask for fewer ports, or let the scheduler choose them."),
    ),
    "UnfulfilledConstraint": (
        gettext_noop(
            "No host that is left fits the constraints (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Loosen the constraints, or ask for fewer instances."),
    ),
    "UnfulfilledRole": (
        gettext_noop(
            "The hosts' resources are kept for other roles (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Ask an SRE which role this cluster's hosts are for."),
    ),
    "NoCorrespondingReservationFound": (
        gettext_noop(
            "The host that holds the instance's volume did not offer (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("See whether that host is in service."),
    ),
    "AgentMaintenance": (
        gettext_noop("Hosts are in maintenance (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Wait until they are back, or ask an SRE."),
    ),
    "DeclinedScarceResources": (
        gettext_noop(
            "Only hosts with scarce resources (GPUs) are left (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Free some capacity on ordinary hosts."),
    ),
}
_NO_OFFERS_YET = gettext_noop("No host has made an offer yet.")
_NO_OFFERS_HINT = gettext_noop("See on the hosts page whether the cluster's hosts are in service.")
_ONLY_OTHER = gettext_noop("The scheduler says: %(reason)s (%(declined)s of %(processed)s offers refused).")


def diagnose(
    status: WorkloadStatus,
    *,
    spec: Mapping[str, Any],
    waiting: Waiting | None,
    health: Iterable[HealthResult],
) -> list[Problem]:
    """What keeps a workload from being as wanted, the most telling first. Empty when all is well."""
    problems: list[Problem] = []
    waits = _why_waiting(waiting, spec=spec) if waiting is not None and waiting.count else None
    held_back = waiting is not None and waiting.delay_s > 0
    if waits and not held_back:
        problems.append(waits)
    current = {instance.id for instance in status.instances or () if is_current(instance, status)}
    failing = [result for result in health if not result.alive and result.last_failure_cause]
    of_new = [result for result in failing if result.instance_id in current] or failing
    if of_new:
        cause = max(of_new, key=lambda result: result.consecutive_failures).last_failure_cause
        problems.append(
            Problem("error", UNHEALTHY, UNHEALTHY_WHY, UNHEALTHY_HINT, {"count": len(of_new), "cause": cause})
        )
    well = status.healthy if status.has_health_checks else status.running
    if (
        status.last_failure
        and (problems or min(well, status.running) < status.wanted)
        and status.last_failure.at >= status.config_changed_at
    ):
        values = {"host": status.last_failure.host, "message": status.last_failure.message}
        problems.append(Problem("error", LAST_FAILURE, LAST_FAILURE_WHY, LAST_FAILURE_HINT, values))
    if waits and held_back:  # how the last one ended tells more than that the next one has to wait
        problems.append(waits)
    if not problems and status.staging:
        problems.append(Problem("info", STARTING, values={"count": status.staging}))
    return problems


def missing() -> list[Problem]:
    """A published job that the engine does not list."""
    return [Problem("error", MISSING, MISSING_WHY, MISSING_HINT)]


def stale_mirror(*, cluster: str, age_s: int | None, error: str) -> list[Problem]:
    """The mirror of a cluster has not been known to be true for `age_s` seconds (None: never). `error` is what the
    scheduler's watcher last met; empty where there is no watcher."""
    values = {"cluster": cluster, "age_s": age_s, "error": error}
    what = NEVER_SEEN if age_s is None else STALE
    return [Problem("warning", what, STALE_WHY if error else UNWATCHED_WHY, STALE_HINT, values)]


def _why_waiting(waiting: Waiting, *, spec: Mapping[str, Any]) -> Problem:
    values: dict[str, Any] = {"count": waiting.count}
    if waiting.delay_s > 0:
        values["delay_s"] = waiting.delay_s
        return Problem("warning", BACKING_OFF, BACKING_OFF_WHY, BACKING_OFF_HINT, values)
    declined = [reason for reason in waiting.reasons if reason.declined]
    if not declined:
        return Problem("warning", NO_OFFER, _NO_OFFERS_YET, _NO_OFFERS_HINT, values)
    main = max(declined, key=lambda reason: reason.declined)
    why, hint = _REASONS.get(main.reason, (_ONLY_OTHER, ""))
    values |= {name: spec.get(name) for name in ("cpus", "memory_mib", "disk_mib", "gpus")}
    values["cpus"] = f"{spec.get('cpus') or 0:g}"
    values |= {"reason": main.reason, "declined": main.declined, "processed": main.processed}
    return Problem("error", NO_OFFER, why, hint, values)


def render_problem(stored: Mapping[str, Any]) -> dict[str, str]:
    """A stored problem in the active language: severity, what, why, hint."""
    values = stored.get("values", {})
    rendered = {name: render_line(stored.get(name, ""), values) for name in ("what", "why", "hint")}
    return {"severity": stored.get("severity", "info"), **rendered}


def summarise(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The first problem as stored sentences: what an operation that failed keeps as its reason."""
    first = next(iter(problems), None)
    if first is None:
        return []
    return [{"text": part, "values": dict(first.values)} for part in (first.what, first.why) if part]
