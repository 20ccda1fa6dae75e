"""Restarting: every instance replaced by a new one of the same version."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.operations.kinds import Again, Done, Failed, Outcome
from apps.jobs.operations.base import NOT_IN_TIME, JobKind, Work, follow_again
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

    def _ask(self, work: Work) -> Outcome:
        if "stamp" not in work.memory and (status := work.look()) is not None:
            work.memory["stamp"] = status.config_changed_at.isoformat()
            return Again(after_s=0.0)  # written down before it is asked
        return super()._ask(work)

    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        stamp = work.memory.get("stamp")
        return status is not None and stamp is not None and status.config_changed_at.isoformat() != stamp

    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        return work.engine.restart(work.workload_id).deployment_id

    def time_limit(self, work: Work) -> timedelta:
        return timedelta(seconds=work.parameters["deadline_s"])

    def come_true(self, work: Work, status: WorkloadStatus | None) -> Done | None:
        if status is None or status.deployments:
            return None
        count = count_rollout(status)
        return Done(RESTARTED, {"wanted": count.wanted}) if count.is_complete else None

    def follow(self, work: Work, status: WorkloadStatus) -> Outcome:
        count = count_rollout(status)
        return follow_again(
            work,
            status,
            progress=count.percent,
            text=UNDER_WAY,
            healthy=count.new_healthy,
            wanted=count.wanted,
            old=count.old,
        )

    def time_is_up(self, work: Work, status: WorkloadStatus) -> Outcome:
        """Old and new are the same version, so the deployment is let go rather than rolled back."""
        count = count_rollout(status)
        reason = work.why(status)
        work.let_go(status)
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
