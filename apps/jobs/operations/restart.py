"""Restarting: every instance replaced by a new one of the same version."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.operations.kinds import Again, Done, Failed, Outcome
from apps.jobs.operations.base import GONE, NOT_IN_TIME, JobKind, Work, follow_again
from apps.jobs.planning import count_rollout
from apps.jobs.services.actions import RESTART
from engines.base import DeploymentId, WorkloadStatus

UNDER_WAY = gettext_noop("%(healthy)s of %(wanted)s instances are new and well; %(old)s old ones remain.")
RESTARTED = gettext_noop("Restarted: %(wanted)s of %(wanted)s instances are new and well.")


class Restart(JobKind):
    """Restarting is not idempotent on the scheduler, so the definition's stamp is written down before asking: when
    it has moved, an earlier try got through. Source: Marathon REST, POST /v2/apps/{id}/restart."""

    name = RESTART
    label = _("restart")

    def step_before(self, work: Work, status: WorkloadStatus | None) -> bool:
        """Whether the stamp had to be written down first."""
        if "stamp" in work.memory or status is None:
            return False
        work.memory["stamp"] = status.config_changed_at.isoformat()
        return True

    def _ask(self, work: Work) -> Outcome:
        if self.step_before(work, work.look()):
            return Again(after_s=0.0)
        return super()._ask(work)

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        stamp = work.memory.get("stamp")
        return status is not None and stamp is not None and status.config_changed_at.isoformat() != stamp

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        return work.engine.restart(work.workload_id).deployment_id

    def time_limit(self, work: Work) -> timedelta:
        return timedelta(seconds=work.parameters["deadline_s"])

    def follow(self, work: Work) -> Outcome:
        status = work.look()
        if status is None:
            return Failed(GONE)
        count = count_rollout(status)
        if count.is_complete and not status.deployments:
            return Done(RESTARTED, {"wanted": count.wanted})
        return follow_again(
            work,
            status,
            progress=count.percent,
            text=UNDER_WAY,
            healthy=count.new_healthy,
            wanted=count.wanted,
            old=count.old,
        )

    def time_is_up(self, work: Work, status: WorkloadStatus | None) -> Outcome:
        """Old and new are the same version, so the deployment is let go rather than rolled back."""
        if status is None:
            return Failed(GONE)
        count = count_rollout(status)
        reason = self.why(work, status)
        for deployment in status.deployments:
            if deployment == work.operation.deployment_id:
                work.engine.cancel(deployment, roll_back=False)
        return Failed(
            NOT_IN_TIME,
            {
                "seconds": work.parameters["deadline_s"],
                "count": count.new_healthy,
                "wanted": count.wanted,
                "why": reason,
            },
        )


KINDS = (Restart(),)
