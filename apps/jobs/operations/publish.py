"""Publishing a version, and publishing an earlier one again (rollback)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Again, Cancelled, Done, Failed, Outcome
from apps.jobs.models import Job, JobVersion
from apps.jobs.operations.base import (
    GONE,
    LOOK_AGAIN_S,
    NOT_IN_TIME,
    OPERATION_LABEL,
    PUTTING_BACK,
    JobKind,
    Work,
    follow_again,
)
from apps.jobs.operations.dependencies import waits_for_dependencies
from apps.jobs.planning import count_rollout
from apps.jobs.services.actions import PUBLISH, ROLLBACK
from apps.jobs.services.drafts import SecretMissing, used_secrets
from apps.jobs.spec.files import MAX_FILE_BYTES, MAX_FILES_BYTES, FilesTooLarge
from apps.jobs.spec.workload import make_workload
from engines.base import DeploymentId, WorkloadId, WorkloadStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNDER_WAY = gettext_noop(
    "Version %(version)s: %(healthy)s of %(wanted)s instances are well; %(old)s of earlier ones remain."
)
COMING_UP = gettext_noop("Version %(version)s: %(healthy)s of %(wanted)s instances are well.")
RUNS = gettext_noop("Version %(version)s runs: %(wanted)s of %(wanted)s instances are well.")
SUPERSEDED = gettext_noop("Another change on the scheduler itself replaced this one.")
CANCELLED = gettext_noop("Cancelled.")
OLD_SERVES_ON = gettext_noop("%(why)s Version %(previous)s goes on serving.")
NOTHING_BEFORE = gettext_noop("%(why)s Nothing ran before, so nothing runs now.")
NEW_STAYS = gettext_noop("%(why)s Version %(version)s stays: its deployment had already ended.")
STILL_PUTTING_BACK = gettext_noop("%(why)s The scheduler has not finished putting back what ran before.")
SECRET_GONE = gettext_noop(
    "The secret '%(name)s' is gone: add it again, or publish a version that does not name it."
)
FILES_TOO_LARGE = gettext_noop(
    "With the values of their secrets the config files are too large: %(file_kib)s KiB each and %(kib)s KiB together "
    "are the most that can be sent."
)


class Publish(JobKind):
    """Replace what runs by a version. Done when every instance is of it and well, and none of before remains;
    at the deadline the scheduler's deployment is rolled back, so that what ran before serves on.

    Source: Marathon REST, PUT /v2/apps/{id} and DELETE /v2/deployments/{id} (a deployment never times out itself).
    """

    def __init__(self, name: str, label: StrOrPromise) -> None:
        self.name, self.label = name, label

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        return status is not None and status.labels.get(OPERATION_LABEL) == work.mark

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        job, number = work.job, work.parameters["version"]
        spec = JobVersion.objects.get(job=job, number=number).spec
        dependencies = Job.objects.alive().filter(tag__in=spec["depends_on"], target_version__isnull=False)
        workload = make_workload(
            workload_id=job.workload_id,
            tag=job.tag,
            version=number,
            spec=spec,
            instances=work.parameters["instances"],
            secrets=used_secrets(spec, product_line=job.product_line),
            depends_on=tuple(WorkloadId(path) for path in dependencies.values_list("workload_id", flat=True)),
            strategy=work.parameters["strategy"],
            labels={OPERATION_LABEL: work.mark},
        )
        return work.engine.apply(workload).deployment_id

    def held(self, work: Work) -> Outcome | None:
        return waits_for_dependencies(work)

    def _ask(self, work: Work) -> Outcome:
        try:
            return super()._ask(work)
        except SecretMissing as exc:
            return Failed(SECRET_GONE, {"name": exc.name})
        except FilesTooLarge:
            return Failed(
                FILES_TOO_LARGE, {"file_kib": MAX_FILE_BYTES // 1024, "kib": MAX_FILES_BYTES // 1024}
            )

    def time_limit(self, work: Work) -> timedelta:
        return timedelta(seconds=work.parameters["strategy"]["deadline_s"])

    def come_true(self, work: Work, status: WorkloadStatus | None) -> Done | None:
        if status is None or status.deployments or not self.already_asked(work, status):
            return None
        count = count_rollout(status)
        if not count.is_complete:
            return None
        return Done(RUNS, {"version": work.parameters["version"], "wanted": count.wanted})

    def follow(self, work: Work, status: WorkloadStatus) -> Outcome:
        if not self.already_asked(work, status):
            work.memory["replaced"] = True
            return Failed(SUPERSEDED)
        count = count_rollout(status)
        return follow_again(
            work,
            status,
            progress=count.percent,
            text=UNDER_WAY if count.old else COMING_UP,
            version=work.parameters["version"],
            healthy=count.new_healthy,
            wanted=count.wanted,
            old=count.old,
        )

    def gone(self, work: Work) -> Outcome:
        if work.parameters["previous"]["version"] is not None or "reason" not in work.memory:
            return Failed(GONE)
        work.memory["replaced"] = True  # by nothing, as it was
        return self._ending(work, NOTHING_BEFORE, {"why": work.memory["reason"]})

    def time_is_up(self, work: Work, status: WorkloadStatus) -> Outcome:
        """Keep the reason while it can still be seen, cancel with rollback, and wait until that is over."""
        if self.already_asked(work, status):
            return self._put_back(work, status)
        work.memory["replaced"] = True
        why = work.memory.get("reason", [{"text": SUPERSEDED, "values": {}}])
        if status.deployments:
            if work.putting_back_took_too_long():
                return self._ending(work, STILL_PUTTING_BACK, {"why": why})
            return Again(after_s=LOOK_AGAIN_S, message=PUTTING_BACK)
        version = status.version or work.parameters["previous"]["version"]
        if version is None:  # a definition that is not Ocean's
            return self._ending(work, "%(why)s", {"why": why})
        return self._ending(work, OLD_SERVES_ON, {"why": why, "previous": version})

    def call_off(self, work: Work, status: WorkloadStatus) -> Outcome:
        return self.time_is_up(work, status)

    def _put_back(self, work: Work, status: WorkloadStatus) -> Outcome:
        """The new definition is still the scheduler's."""
        if "reason" not in work.memory:
            work.memory["reason"] = [self._late_or_cancelled(work, status)]
            return Again(after_s=0.0)  # written down before it is put back, which hides it
        why = work.memory["reason"]
        if not status.deployments:  # it did finish, and fell ill since: there is nothing to roll back
            return self._ending(work, NEW_STAYS, {"why": why, "version": work.parameters["version"]})
        if work.putting_back_took_too_long():
            return self._ending(work, STILL_PUTTING_BACK, {"why": why})
        work.say(PUTTING_BACK)
        work.engine.cancel(DeploymentId(work.operation.deployment_id or status.deployments[0]))
        return Again(after_s=LOOK_AGAIN_S, message=PUTTING_BACK)

    def _ending(self, work: Work, text: str, values: dict[str, Any]) -> Outcome:
        return Failed(text, values) if work.operation.cancel_requested_at is None else Cancelled(text, values)

    def _late_or_cancelled(self, work: Work, status: WorkloadStatus) -> dict[str, Any]:
        if work.operation.cancel_requested_at is not None:
            return {"text": CANCELLED, "values": {}}
        count = count_rollout(status)
        values = {
            "seconds": work.parameters["strategy"]["deadline_s"],
            "count": count.new_healthy,
            "wanted": count.wanted,
            "why": work.why(status),
        }
        return {"text": NOT_IN_TIME, "values": values}

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        """Where it failed after the scheduler took it and did not see it replaced, its definition is the scheduler's
        still, and stays the one that was asked for last."""
        if isinstance(outcome, Done):
            Job.objects.filter(pk=job.pk).update(running_version=operation.parameters["version"], problems=[])
        elif operation.memory.get("replaced") or not operation.memory.get("asked"):
            previous = operation.parameters["previous"]
            Job.objects.filter(pk=job.pk).update(
                target_version=previous["version"], wanted=previous["wanted"]
            )


KINDS = (Publish(PUBLISH, _("publish")), Publish(ROLLBACK, _("roll back")))
