"""Ending one instance, and deleting a whole job."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Again, Done, Failed, Outcome
from apps.jobs.models import Instance, Job, SideWorkload
from apps.jobs.operations.base import (
    LOOK_AGAIN_S,
    NOT_IN_TIME,
    JobKind,
    Work,
    follow_again,
    started_instances,
)
from apps.jobs.planning import count_well
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
        """With `shrink` the lowered number tells: the instance may have ended by itself, and to ask a second time
        while it is still ending would lower the number twice."""
        if status is None:
            return False
        if work.parameters["shrink"]:
            return status.wanted <= int(work.parameters["instances"])
        return self._has_ended(work, status)

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        if status is None:
            return None
        if work.parameters["shrink"] and self._has_ended(work, status):
            return work.engine.scale(work.workload_id, instances=work.parameters["instances"]).deployment_id
        shrink = bool(work.parameters["shrink"])
        return work.engine.kill(work.workload_id, self._victim(work), shrink=shrink).deployment_id

    def come_true(self, work: Work, status: WorkloadStatus | None) -> Done | None:
        if status is None or status.deployments or not self._has_ended(work, status):
            return None
        wanted = work.parameters["instances"]
        if count_well(status) < wanted:
            return None
        return Done(KILLED, {"host": work.parameters["host"], "wanted": wanted})

    def follow(self, work: Work, status: WorkloadStatus) -> Outcome:
        progress = 50 if self._has_ended(work, status) else 10
        wanted = work.parameters["instances"]
        return follow_again(
            work, status, progress=progress, text=KILLING, count=count_well(status), wanted=wanted
        )

    def time_is_up(self, work: Work, status: WorkloadStatus) -> Outcome:
        values = {
            "seconds": int(self.time_limit(work).total_seconds()),
            "count": count_well(status),
            "wanted": work.parameters["instances"],
            "why": work.why(status),
        }
        return Failed(NOT_IN_TIME, values)

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        """A smaller number that the scheduler never took is not wanted any more."""
        if (
            not isinstance(outcome, Done)
            and operation.parameters["shrink"]
            and not operation.memory.get("asked")
        ):
            job.wanted = operation.parameters["instances"] + 1

    def _has_ended(self, work: Work, status: WorkloadStatus) -> bool:
        return self._victim(work) not in started_instances(status)

    def _victim(self, work: Work) -> InstanceId:
        return InstanceId(work.parameters["task_id"])


class Delete(JobKind):
    """Stop and forget the job on the scheduler; here it leaves the lists and keeps its history.

    Source: Marathon REST, DELETE /v2/apps/{id} (forced by default: it ends deployments under way).
    """

    name = DELETE
    label = _("delete")

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        return status is None and work.look_beside() is None

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        beside = work.engine.delete(work.side_id)  # what a publish that did not end left there
        return work.engine.delete(work.workload_id).deployment_id or beside.deployment_id

    def come_true(self, work: Work, status: WorkloadStatus | None) -> Done | None:
        return Done(DELETED) if status is None and work.look_beside() is None else None

    def gone(self, work: Work) -> Outcome:
        """Its own workload is gone; what runs beside it is still ending."""
        return Again(after_s=LOOK_AGAIN_S, progress=90)

    def follow(self, work: Work, status: WorkloadStatus) -> Outcome:
        left = len(status.instances or ())
        before = max(1, work.parameters["instances"])
        progress = max(1, 99 - int(98 * min(left, before) / before))
        return follow_again(work, status, progress=progress, text=DELETING, all=left)

    def time_is_up(self, work: Work, status: WorkloadStatus) -> Outcome:
        return Failed(NOT_DELETED, {"all": len(status.instances or ())})

    def call_off(self, work: Work, status: WorkloadStatus) -> Outcome:
        """Ended instances cannot be brought back, so once asked a deletion is followed to its end."""
        deadline = work.operation.deadline_at
        late = deadline is not None and timezone.now() >= deadline
        return self.time_is_up(work, status) if late else self.follow(work, status)

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            now = timezone.now()
            Instance.objects.filter(job=job).delete()
            SideWorkload.objects.filter(job=job).delete()
            job.deleted_at, job.state, job.state_since = now, Job.State.DELETED, now
            job.wanted = job.running = job.healthy = job.staging = 0
            job.problems = []


KINDS = (KillInstance(), Delete())
