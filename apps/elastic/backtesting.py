"""A changed policy beside today's, over the samples of past days: which would have been better?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.core.serializers import checked
from apps.elastic.history import recorded_of
from apps.elastic.models import ScalingPolicy, ScalingState
from apps.elastic.planning import Memory, Policy, Sample
from apps.elastic.planning.backtest import Backtest, backtest, limits_of
from apps.elastic.policies import ScalingFields, planned
from apps.elastic.selectors import policy_of
from apps.jobs.models import Job

MAX_DAYS = 14
POINTS = 6000
"""Of one metric at most: a week in steps of two minutes, a day in steps of fifteen seconds."""


@dataclass(frozen=True, slots=True)
class Compared:
    """`today` is None where the job has no policy yet, each where there are no samples of its metrics. `away`: why the
    samples are not the monitoring's own but those of the decisions."""

    changed: Backtest | None
    today: Backtest | None
    samples: int
    away: str


def _as_learned(planned_: Policy, policy: ScalingPolicy | None) -> Policy:
    """With the time that the job's instances take until they serve, where that is known."""
    state = ScalingState.objects.filter(policy=policy).first() if policy is not None else None
    startup_s = Memory.from_json(state.memory).fleet.startup_s if state is not None else -1.0
    return replace(planned_, startup_s=startup_s) if startup_s >= 0 else planned_


def backtest_compared(job: Job, fields: Any, *, span: timedelta) -> Compared:
    """Replay the time until now through `fields` (as a policy is written) and through the policy that the job has. Both
    are judged by the same limits, today's. Raises InvalidInput for a policy that is not valid. Asks the monitoring."""
    values: Mapping[str, Any] = checked(ScalingFields(data=fields))
    policy = policy_of(job)
    changed = _as_learned(planned(values), policy)
    today = _as_learned(planned(policy), policy) if policy is not None else None
    end = timezone.now()
    names = sorted({metric.metric for each in (changed, today) if each for metric in each.metrics})
    recorded = recorded_of(job, names, start=end - span, end=end, points=POINTS)
    count = sum(len(samples) for samples in recorded.samples.values())
    if not count:
        return Compared(None, None, 0, recorded.away)
    limits = limits_of(today or changed)
    for name, limit in limits_of(changed).items():
        limits.setdefault(name, limit)

    def replayed(one: Policy | None) -> Backtest | None:
        own: dict[str, list[Sample]] = {
            metric.metric: [sample for sample in recorded.samples[metric.metric] if sample.reporting > 0]
            for metric in (one.metrics if one else ())
        }
        return backtest(one, own, limits=limits) if one and any(own.values()) else None

    return Compared(replayed(changed), replayed(today), count, recorded.away)
