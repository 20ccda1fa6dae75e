"""Scaling, stopping and starting: the same question with another number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Again, Cancelled, Done, Failed, Outcome
from apps.core.operations.line import successor_of
from apps.jobs.models import Job
from apps.jobs.operations.base import NOT_IN_TIME, PUTTING_BACK, JobKind, Work, follow_again
from apps.jobs.planning import count_well
from apps.jobs.services.actions import SCALE, START, STOP
from apps.jobs.services.expiry import expiry_restore
from engines.base import DeploymentId, WorkloadStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNDER_WAY = gettext_noop("%(count)s of %(wanted)s instances are well; %(all)s exist.")
STOPPING = gettext_noop("Instances that are still ending: %(all)s.")
SCALED = gettext_noop("%(wanted)s of %(wanted)s instances are well.")
PUT_BACK = gettext_noop("Cancelled. Instances wanted, as before: %(wanted)s.")
HANDED_OVER = gettext_noop("A newer number takes over: %(wanted)s instances.")
STOPPED = gettext_noop("Stopped: no instance runs.")


class Resize(JobKind):
    """Ask for an absolute number of instances; asking twice is asking once.

    At the deadline the scheduler's deployment is let go, so that it no longer holds the job; the number stays
    wanted, and the scheduler starts what is missing when it can. Source: Marathon REST, PUT /v2/apps/{id}.
    """

    looks_first = False

    def __init__(self, name: str, label: StrOrPromise, queue: str = "operations") -> None:
        self.name, self.label, self.queue = name, label, queue

    def step(self, operation: Operation) -> Outcome:
        return self._handed_over(operation) or super().step(operation)

    def deadline_passed(self, operation: Operation) -> Outcome:
        return self._handed_over(operation) or super().deadline_passed(operation)

    def _handed_over(self, operation: Operation) -> Outcome | None:
        """A newer number goes on from wherever this one is."""
        operation.memory.pop("handed_over", None)
        successor = successor_of(operation)
        if successor is None:
            return None
        operation.memory["handed_over"] = True
        return Cancelled(HANDED_OVER, {"wanted": successor.parameters["instances"]}, hands_over=True)

    def hand_over(self, operation: Operation, *, successor: Operation) -> None:
        """Calling the next one off goes back to what calling this one off would have. The deployment that it may end
        is this one's and no other."""
        job = Job.objects.get(pk=operation.target_id)
        was_handed_over = operation.memory.get("handed_over")
        previous = operation.parameters["previous"] if was_handed_over else {"wanted": job.wanted}
        successor.parameters |= {"previous": previous, "over": operation.deployment_id}
        successor.save(update_fields=["parameters"])
        Job.objects.filter(pk=job.pk).update(wanted=successor.parameters["instances"])

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        return status is not None and status.wanted == work.parameters["instances"]

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        over = work.parameters.get("over")
        force = bool(over) and status is not None and set(status.deployments) == {over}
        instances = work.parameters["instances"]
        return work.engine.scale(work.workload_id, instances=instances, force=force).deployment_id

    def come_true(self, work: Work, status: WorkloadStatus | None) -> Done | None:
        if status is None or status.deployments:
            return None
        wanted = work.parameters["instances"]
        if not len(status.instances or ()) == count_well(status) == wanted == status.wanted:
            return None
        return Done(SCALED, {"wanted": wanted}) if wanted else Done(STOPPED)

    def follow(self, work: Work, status: WorkloadStatus) -> Outcome:
        wanted, before = work.parameters["instances"], work.parameters["previous"]["wanted"]
        count, everything = count_well(status), len(status.instances or ())
        text = UNDER_WAY if wanted else STOPPING
        progress = _percent(now=everything if wanted < before else count, start=before, end=wanted)
        return follow_again(
            work, status, progress=progress, text=text, count=count, wanted=wanted, all=everything
        )

    def time_is_up(self, work: Work, status: WorkloadStatus) -> Outcome:
        reason = work.why(status)
        work.let_go(status)
        return Failed(
            NOT_IN_TIME,
            {
                "seconds": int(self.time_limit(work).total_seconds()),
                "count": count_well(status),
                "wanted": work.parameters["instances"],
                "why": reason,
            },
        )

    def call_off(self, work: Work, status: WorkloadStatus) -> Outcome:
        """Ask for the number of before, over the deployment that is under way; done when the scheduler took that."""
        before = work.parameters["previous"]["wanted"]
        if status.wanted != before:
            work.say(PUTTING_BACK)
            work.engine.scale(work.workload_id, instances=before, force=True)
            return Again(after_s=0.0, message=PUTTING_BACK)
        work.memory["put_back"] = True
        return Cancelled(PUT_BACK, {"wanted": before})

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        """What the scheduler never took, or somebody called off, is not wanted any more."""
        memory = operation.memory
        if memory.get("handed_over"):
            return
        if not isinstance(outcome, Done) and (memory.get("put_back") or not memory.get("asked")):
            previous = operation.parameters["previous"]
            job.wanted = previous["wanted"]
            expiry_restore(job, previous.get("expiry"))


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
