"""Ending one instance, and deleting a whole job."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Again, Done, Failed, Outcome
from apps.jobs.models import Instance, Job
from apps.jobs.operations.base import (
    GONE,
    LOOK_AGAIN_S,
    NOT_IN_TIME,
    JobKind,
    Work,
    follow_again,
    started_instances,
)
from apps.jobs.planning import is_well
from apps.jobs.services.actions import DELETE, KILL
from engines.base import DeploymentId, InstanceId, WorkloadStatus

KILLING = gettext_noop("The instance is ending; %(count)s of %(wanted)s instances are well.")
KILLED = gettext_noop("The instance on %(host)s ended; %(wanted)s of %(wanted)s instances are well.")
DELETING = gettext_noop("Instances that are still ending: %(all)s.")
DELETED = gettext_noop("Deleted: the scheduler no longer has this job.")
NOT_DELETED = gettext_noop("The scheduler still has this job. Instances that have not ended: %(all)s.")


class KillInstance(JobKind):
    """End one instance, by its id, so that a second try finds it gone and changes nothing.

    Source: Marathon REST, DELETE /v2/apps/{id}/tasks/{taskId}?scale=.
    """

    name = KILL
    label = _("end an instance")

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        return status is not None and self._victim(work) not in started_instances(status)

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        shrink = bool(work.parameters["shrink"])
        return work.engine.kill(work.workload_id, self._victim(work), shrink=shrink).deployment_id

    def follow(self, work: Work) -> Outcome:
        status = work.look()
        if status is None:
            return Failed(GONE)
        wanted = work.parameters["instances"]
        alive = status.instances or ()
        well = sum(is_well(instance, checked=status.has_health_checks) for instance in alive)
        ended = self._victim(work) not in started_instances(status)
        if ended and well >= wanted and not status.deployments:
            return Done(KILLED, {"host": work.parameters["host"], "wanted": wanted})
        progress = 50 if ended else 10
        return follow_again(work, status, progress=progress, text=KILLING, count=well, wanted=wanted)

    def time_is_up(self, work: Work, status: WorkloadStatus | None) -> Outcome:
        if status is None:
            return Failed(GONE)
        values = {
            "seconds": int(self.follow_for.total_seconds()),
            "count": status.running,
            "wanted": work.parameters["instances"],
            "why": self.why(work, status),
        }
        return Failed(NOT_IN_TIME, values)

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        if (
            isinstance(outcome, Failed)
            and operation.parameters["shrink"]
            and not operation.memory.get("asked")
        ):
            Job.objects.filter(pk=job.pk).update(wanted=operation.parameters["instances"] + 1)

    def _victim(self, work: Work) -> InstanceId:
        return InstanceId(work.parameters["task_id"])


class Delete(JobKind):
    """Stop and forget the job on the scheduler; here it leaves the lists and keeps its history.

    Source: Marathon REST, DELETE /v2/apps/{id} (forced by default: it ends deployments under way).
    """

    name = DELETE
    label = _("delete")

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        return status is None

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        return work.engine.delete(work.workload_id).deployment_id

    def follow(self, work: Work) -> Outcome:
        status = work.look()
        if status is None:
            return Done(DELETED)
        left = len(status.instances or ())
        before = max(1, work.parameters["instances"])
        progress = max(1, 99 - int(98 * min(left, before) / before))
        return follow_again(work, status, progress=progress, text=DELETING, all=left)

    def time_is_up(self, work: Work, status: WorkloadStatus | None) -> Outcome:
        if status is None:
            return Done(DELETED)
        return Failed(NOT_DELETED, {"all": len(status.instances or ())})

    def cancel(self, work: Work) -> Outcome:
        """Ended instances cannot be brought back, so once asked a deletion is followed to its end."""
        if not work.memory.get("asked"):
            return super().cancel(work)
        outcome = self.follow(work)
        return Again(after_s=LOOK_AGAIN_S) if isinstance(outcome, Again) else outcome

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            now = timezone.now()
            Instance.objects.filter(job=job).delete()
            Job.objects.filter(pk=job.pk).update(
                deleted_at=now,
                state=Job.State.DELETED,
                state_since=now,
                wanted=0,
                running=0,
                healthy=0,
                staging=0,
                problems=[],
            )


KINDS = (KillInstance(), Delete())
