"""Writing scaling: what people do with policies. What the loop does is in `apps.elastic.loop`."""

from apps.elastic.services.policies import (
    Rest,
    policy_delete,
    policy_pause,
    policy_renew_callback,
    policy_resume,
    policy_set,
    proposal_approve,
    scaling_pause_all,
    scaling_resume_all,
)

__all__ = [
    "Rest",
    "policy_delete",
    "policy_pause",
    "policy_renew_callback",
    "policy_resume",
    "policy_set",
    "proposal_approve",
    "scaling_pause_all",
    "scaling_resume_all",
]
