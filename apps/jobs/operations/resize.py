"""Scaling, stopping and starting: the same question with another number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Done, Failed, Outcome
from apps.jobs.models import Job
from apps.jobs.operations.base import GONE, NOT_IN_TIME, JobKind, Work, follow_again
from apps.jobs.planning import is_well
from apps.jobs.services.actions import SCALE, START, STOP
from engines.base import DeploymentId, WorkloadStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNDER_WAY = gettext_noop("%(count)s of %(wanted)s instances are well; %(all)s exist.")
STOPPING = gettext_noop("Instances that are still ending: %(all)s.")
SCALED = gettext_noop("%(wanted)s of %(wanted)s instances are well.")
STOPPED = gettext_noop("Stopped: no instance runs.")


class Resize(JobKind):
    """Ask for an absolute number of instances; asking twice is asking once.

    At the deadline the scheduler's deployment is let go, so that it no longer holds the job; the number stays
    wanted, and the scheduler starts what is missing when it can. Source: Marathon REST, PUT /v2/apps/{id}.
    """

    def __init__(self, name: str, label: StrOrPromise, queue: str = "operations") -> None:
        self.name, self.label, self.queue = name, label, queue

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        return status is not None and status.wanted == work.parameters["instances"]

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        return work.engine.scale(work.workload_id, instances=work.parameters["instances"]).deployment_id

    def follow(self, work: Work) -> Outcome:
        status = work.look()
        if status is None:
            return Failed(GONE)
        wanted = work.parameters["instances"]
        count, everything = _well(status), len(status.instances or ())
        if not status.deployments and everything == count == wanted == status.wanted:
            return Done(SCALED, {"wanted": wanted}) if wanted else Done(STOPPED)
        before = work.parameters.get("previous", {}).get("wanted", 0)
        text = UNDER_WAY if wanted else STOPPING
        progress = _percent(now=everything if wanted < before else count, start=before, end=wanted)
        return follow_again(
            work, status, progress=progress, text=text, count=count, wanted=wanted, all=everything
        )

    def time_is_up(self, work: Work, status: WorkloadStatus | None) -> Outcome:
        if status is None:
            return Failed(GONE)
        reason = self.why(work, status)
        for deployment in status.deployments:
            if deployment == work.operation.deployment_id:
                work.engine.cancel(deployment, roll_back=False)
        return Failed(
            NOT_IN_TIME,
            {
                "seconds": int(self.follow_for.total_seconds()),
                "count": _well(status),
                "wanted": work.parameters["instances"],
                "why": reason,
            },
        )

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        """What the scheduler never took, or somebody called off, is not wanted any more."""
        if isinstance(outcome, Failed) and not operation.memory.get("asked"):
            Job.objects.filter(pk=job.pk).update(wanted=operation.parameters["previous"]["wanted"])


def _well(status: WorkloadStatus) -> int:
    return sum(is_well(instance, checked=status.has_health_checks) for instance in status.instances or ())


def _percent(*, now: int, start: int, end: int) -> int:
    """How far from `start` to `end`, 1–99."""
    if start == end:
        return 50
    return max(1, min(99, int(100 * (now - start) / (end - start))))


KINDS = (
    Resize(SCALE, _("scale"), queue="elastic"),
    Resize(STOP, _("stop")),
    Resize(START, _("start")),
)
