"""How a job's scaling stands, in a sentence or two for its page and for the list of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.elastic.models import BLIND, ScalingDecision, ScalingPause, ScalingPolicy
from apps.elastic.selectors import Proposal, newest_decisions, pause_of_all, proposal_of
from apps.elastic.words import NAMES, decision_text, measured
from apps.jobs.models import Job

IDLE = frozenset({"stopped", "not_published"})
"""Verdicts that say that there is nothing to scale."""
QUIET_AFTER_S = 180.0
"""A loop that works looks at each job every few seconds, and writes down what repeats once a minute."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` is what the badge shows (`running`, `paused`, `degraded` …), `label` says it; `head` how many of how
    many, `why` what the newest decision says. `proposal`: what waits for a person; `pause`: what rests, until when."""

    state: str
    label: str
    head: str
    why: str
    at: datetime | None = None
    proposal: Proposal | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One metric of a policy in words."""

    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing is done for now: this job's own pause, or that of all."""

    until: datetime
    reason: str
    by: str
    of_all: bool


def standing_of(
    policy: ScalingPolicy,
    *,
    job: Job,
    decision: ScalingDecision | None,
    all_paused: ScalingPause | None,
    now: datetime,
) -> Standing:
    """What can be said of the policy now."""
    numbers = {"wanted": job.wanted, "min": policy.min, "max": policy.max}
    head = ngettext(
        "At %(wanted)s instance, between %(min)s and %(max)s.",
        "At %(wanted)s instances, between %(min)s and %(max)s.",
        job.wanted,
    )
    pause = _pause(policy, all_paused, now=now)
    state, label = _badge(policy, pause=pause, decision=decision, now=now)
    return Standing(
        state=state,
        label=label,
        head=head % numbers,
        why=decision_text(decision) if decision else "",
        at=decision.last_at if decision else None,
        proposal=proposal_of(policy, now=now),
        pause=pause,
    )


def standings_of(policies: Sequence[ScalingPolicy], *, now: datetime) -> dict[int, Standing]:
    """Of several at once, by the policy's id. Three queries; the policies come with their job and state."""
    all_paused = pause_of_all(now=now)
    decisions = newest_decisions([policy.job_id for policy in policies])
    return {
        policy.pk: standing_of(
            policy, job=policy.job, decision=decisions.get(policy.job_id), all_paused=all_paused, now=now
        )
        for policy in policies
    }


def _badge(
    policy: ScalingPolicy, *, pause: Pause | None, decision: ScalingDecision | None, now: datetime
) -> tuple[str, str]:
    if not policy.enabled:
        return "stopped", _("switched off")
    if pause is not None:
        return "paused", _("paused")
    if decision is None or (now - decision.last_at).total_seconds() > QUIET_AFTER_S:
        return "waiting", _("not looked at lately")
    if decision.verdict == "failed":
        return "failed", _("fails")
    if decision.verdict in BLIND:
        return "degraded", _("without metrics")
    if decision.verdict in IDLE:
        return "waiting", _("waits for the job to run")
    if policy.advise_only:
        return "info", _("only advises")
    return "running", _("works")


def rules_of(policy: ScalingPolicy) -> list[Rule]:
    """What the policy says of each metric, in short: "> 80 % × 3, < 60 % × 3" or "at 65 %"."""
    return [Rule(str(NAMES.get(entry["metric"], entry["metric"])), _rule(entry)) for entry in policy.metrics]


def _rule(entry: Mapping[str, Any]) -> str:
    metric = entry["metric"]
    if share := entry.get("share"):
        values = {"share": f"{share * 100:.0f} %", "value": measured(metric, entry["target"])}
        return _("at %(share)s of what one can do, %(value)s at first") % values
    if entry.get("mode") == "target":
        return _("at %(value)s") % {"value": measured(metric, entry["target"])}
    sides = (("out", ">", "above"), ("in", "<", "below"))
    return ", ".join(
        f"{sign} {measured(metric, entry[side][limit])} × {entry[side]['samples']}"
        for side, sign, limit in sides
        if entry.get(side)
    )


def _pause(policy: ScalingPolicy, all_paused: ScalingPause | None, *, now: datetime) -> Pause | None:
    if all_paused is not None:
        by = all_paused.by.get_username() if all_paused.by else ""
        return Pause(all_paused.until, all_paused.reason, by, of_all=True)
    if policy.paused_until is not None and policy.is_paused(now=now):
        by = policy.paused_by.get_username() if policy.paused_by else ""
        return Pause(policy.paused_until, policy.paused_reason, by, of_all=False)
    return None
