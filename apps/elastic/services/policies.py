"""Saving, removing, pausing and approving: what people do with a job's scaling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.rights import require_sre
from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput, StaleVersion
from apps.core.live import announce
from apps.core.models import NotificationGroup
from apps.core.operations.services import check_reason
from apps.core.serializers import checked
from apps.elastic.falcon import hints
from apps.elastic.falcon.signing import new_key
from apps.elastic.models import ScalingPause, ScalingPolicy, ScalingState
from apps.elastic.policies import ScalingFields
from apps.jobs.models import Job
from apps.jobs.services.drafts import require_editable

if TYPE_CHECKING:
    from apps.accounts.models import User

MAX_PAUSE = timedelta(days=30)
PAUSE = timedelta(hours=1)
"""How long one lasts that says nothing: it always ends by itself."""
PROPOSED_WITHIN = timedelta(minutes=2)
"""The loop renews what it proposes with each tick: an older one stands no more."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A pause that somebody asks for."""

    until: datetime | None = None
    reason: str = ""

    def ends(self, *, now: datetime) -> datetime:
        """Raises InvalidInput for a time that has passed, or too far ahead, and for a reason that is too long."""
        check_reason(self.reason)
        until = self.until or now + PAUSE
        if until <= now:
            raise InvalidInput(FieldError("until", "past", _("This time has passed: name a later one.")))
        if until > now + MAX_PAUSE:
            text = _("At most %(days)s days ahead.") % {"days": MAX_PAUSE.days}
            raise InvalidInput(FieldError("until", "too_far", text))
        return until


@transaction.atomic
def policy_set(*, job: Job, fields: Any, by: User) -> ScalingPolicy:
    """Give the job this policy, in place of the one it has. The loop follows it from its next tick on.

    Raises InvalidInput with every bad field, Forbidden without the right, StaleVersion when `version` is not the one
    that is there (0: none).
    """
    require_editable(job, by=by)
    values = checked(ScalingFields(data=fields))
    _check_quota(job, values["max"])
    given = values.pop("version", None)
    Job.objects.select_for_update(no_key=True).get(
        pk=job.pk
    )  # two who save the first one wait for each other
    policy = ScalingPolicy.objects.select_for_update().filter(job=job).first()
    _check_groups(job, values["notify"], kept=policy.notify if policy else ())
    latest = policy.version if policy else 0
    if given is not None and given != latest:
        raise StaleVersion(given=given, latest=latest)
    changed = _assign(policy or ScalingPolicy(job=job), values, by=by)
    policy, names = changed
    if names:
        audit(
            by=by,
            action="scaling.set",
            object=job.tag,
            product_line=job.product_line,
            fields=names,
            version=policy.version,
        )
        _announce(job)
    return policy


def _assign(policy: ScalingPolicy, values: Mapping[str, Any], *, by: User) -> tuple[ScalingPolicy, list[str]]:
    """Save the columns that differ; with their names."""
    is_new = policy.pk is None
    changed = [name for name, value in values.items() if is_new or getattr(policy, name) != value]
    for name in changed:
        setattr(policy, name, values[name])
    if changed:
        policy.updated_at, policy.updated_by = timezone.now(), by
        policy.version += 0 if is_new else 1
        policy.save()
    return policy, changed


def _check_quota(job: Job, most: int) -> None:
    quota = job.product_line.scaling_quota
    if quota is not None and most > quota:
        text = _(
            "The product line may have %(quota)s instances in all: ask for at most that, or an SRE for more."
        )
        raise InvalidInput(FieldError("max", "quota", text % {"quota": quota}))


def _check_groups(job: Job, names: Sequence[str], *, kept: Collection[str]) -> None:
    """The product line's own groups and those for everybody: nobody has another line's called. One that was named
    before may be gone by now."""
    theirs = Q(product_line__isnull=True) | Q(product_line=job.product_line)
    groups = NotificationGroup.objects.filter(theirs, name__in=names)
    known = {*groups.values_list("name", flat=True), *kept}
    errors = [
        FieldError(f"notify[{index}]", "unknown_group", _("There is no such group for this job."))
        for index, name in enumerate(names)
        if name not in known
    ]
    if errors:
        raise InvalidInput(*errors)


@transaction.atomic
def policy_delete(*, job: Job, by: User) -> bool:
    """Scale the job by metric no more; its instances stay as they are. Returns whether there was a policy."""
    require_editable(job, by=by)
    policy = ScalingPolicy.objects.select_for_update().filter(job=job).first()
    if policy is None:
        return False
    policy.delete()
    audit(by=by, action="scaling.delete", object=job.tag, product_line=job.product_line)
    _announce(job)
    return True


@transaction.atomic
def policy_pause(*, policy: ScalingPolicy, rest: Rest, by: User) -> ScalingPolicy:
    """Leave the job's number alone until a time; what the loop would do is still written down."""
    require_editable(policy.job, by=by)
    policy.paused_until = rest.ends(now=timezone.now())
    policy.paused_reason, policy.paused_by = rest.reason, by
    policy.save(update_fields=["paused_until", "paused_reason", "paused_by"])
    job = policy.job
    audit(
        by=by,
        action="scaling.pause",
        object=job.tag,
        product_line=job.product_line,
        until=policy.paused_until.isoformat(timespec="minutes"),
        reason=rest.reason,
    )
    _announce(job)
    return policy


@transaction.atomic
def policy_resume(*, policy: ScalingPolicy, by: User) -> ScalingPolicy:
    """Go on before the time. Where nothing is paused, nothing happens."""
    require_editable(policy.job, by=by)
    if policy.paused_until is None:
        return policy
    policy.paused_until, policy.paused_reason, policy.paused_by = None, "", None
    policy.save(update_fields=["paused_until", "paused_reason", "paused_by"])
    audit(by=by, action="scaling.resume", object=policy.job.tag, product_line=policy.job.product_line)
    _announce(policy.job)
    return policy


@transaction.atomic
def scaling_pause_all(*, rest: Rest, by: User) -> ScalingPause:
    """Leave every job's number alone until a time (SREs)."""
    require_sre(by)
    now = timezone.now()
    fields = {"until": rest.ends(now=now), "reason": rest.reason, "by": by, "at": now}
    pause, _created = ScalingPause.objects.update_or_create(pk=ScalingPause.ALL, defaults=fields)
    audit(
        by=by,
        action="scaling.pause_all",
        object="*",
        until=pause.until.isoformat(timespec="minutes"),
        reason=rest.reason,
    )
    transaction.on_commit(lambda: announce("scaling"), robust=True)
    return pause


@transaction.atomic
def scaling_resume_all(*, by: User) -> None:
    """Go on with every job before the time (SREs); those that are paused by themselves stay so."""
    require_sre(by)
    gone, _models = ScalingPause.objects.filter(until__gt=timezone.now()).delete()
    if gone:
        audit(by=by, action="scaling.resume_all", object="*")
        transaction.on_commit(lambda: announce("scaling"), robust=True)


@transaction.atomic
def proposal_approve(*, policy: ScalingPolicy, instances: int, by: User) -> ScalingState:
    """Let the loop scale in to what it proposes, at once. `instances` is the number that the person saw.

    Raises InvalidInput where nothing is proposed, or another number by now.
    """
    require_editable(policy.job, by=by)
    state = ScalingState.objects.select_for_update().filter(policy=policy).first()
    now = timezone.now()
    if state is None or state.proposed is None or not _stands(state, now=now):
        text = _("Nothing is waiting for an approval (any more).")
        raise InvalidInput(FieldError("instances", "nothing_proposed", text))
    if state.proposed != instances:
        text = _("By now %(instances)s instances are proposed: look again.")
        values = {"instances": state.proposed}
        raise InvalidInput(FieldError("instances", "other_proposed", text % values))
    state.approved, state.approved_at, state.approved_by = instances, now, by
    state.save(update_fields=["approved", "approved_at", "approved_by"])
    job = policy.job
    audit(by=by, action="scaling.approve", object=job.tag, product_line=job.product_line, instances=instances)
    _announce(job)
    return state


@transaction.atomic
def policy_renew_callback(*, policy: ScalingPolicy, by: User) -> ScalingPolicy:
    """Draw another key for the address that Falcon calls, which is told of it at once. The address of before counts
    until Falcon has the new one, and never again."""
    job = policy.job
    require_editable(job, by=by)
    policy.callback_key = new_key()
    policy.save(update_fields=["callback_key"])
    audit(by=by, action="scaling.renew_callback", object=job.tag, product_line=job.product_line)
    _announce(job)
    transaction.on_commit(lambda: hints.mark([job.pk]), robust=True)
    return policy


def _stands(state: ScalingState, *, now: datetime) -> bool:
    return state.proposed_at is not None and now - state.proposed_at < PROPOSED_WITHIN


def _announce(job: Job) -> None:
    transaction.on_commit(lambda: announce(f"scaling:{job.pk}"), robust=True)
