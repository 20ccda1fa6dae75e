"""Asking for what leaves the database: each call checks the right, writes an Operation and calls nothing.

Each raises TargetBusy while another operation holds the job, Forbidden without the right, and InvalidInput for a
value that makes no sense. `idempotency_key` makes asking twice harmless; `reason` is kept with the operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Operation
from apps.core.operations.line import operation_line_up
from apps.core.operations.services import (
    Intent,
    Target,
    operation_cancel,
    operation_repeated,
    operation_start,
)
from apps.jobs.models import Instance, Job, JobVersion, ScaleExpiry
from apps.jobs.planning import publish_instances
from apps.jobs.services.drafts import require_editable
from apps.jobs.services.expiry import check_until, expiry_of, expiry_write
from apps.jobs.spec.strategy import MAX_INSTANCES, complete_strategy
from apps.jobs.spec.validation import strategy_given

if TYPE_CHECKING:
    from apps.accounts.models import User

PUBLISH = "job.publish"
ROLLBACK = "job.rollback"
SCALE = "job.scale"
STOP = "job.stop"
START = "job.start"
RESTART = "job.restart"
DELETE = "job.delete"
KILL = "job.kill_instance"
PUBLISHING = (PUBLISH, ROLLBACK)


_CHANGING = ["wanted", "wanted_before_stop", "latest_version", "target_version", "running_version", "state"]
"""What operations, and whoever saves a version, change of a job."""


def target_of(job: Job) -> Target:
    return Target(type="job", id=job.pk, name=job.tag, product_line=job.product_line, cluster=job.cluster)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it came: who, what kind, with which words. See `operations.services.Intent`."""

    job: Job
    intent: Intent

    @property
    def target(self) -> Target:
        return target_of(self.job)

    def repeated(self) -> Operation | None:
        """The operation that this very request started before. If there is none, the job is locked, and as it is now:
        what the request comes to must not be worked out from what an operation that just ended has changed."""
        if earlier := operation_repeated(target=self.target, intent=self.intent):
            return earlier
        self.job.refresh_from_db(from_queryset=Job.objects.select_for_update(no_key=True), fields=_CHANGING)
        return None

    def start(self, **parameters: Any) -> Operation:
        return operation_start(target=self.target, intent=self.intent, parameters=parameters)

    def line_up(self, holder: Operation, **parameters: Any) -> Operation:
        """Begin when the one that holds the job has let go of it."""
        return operation_line_up(target=self.target, intent=self.intent, holder=holder, parameters=parameters)


@transaction.atomic
def job_publish(
    *,
    job: Job,
    by: User,
    version: int | None = None,
    strategy: Mapping[str, Any] | None = None,
    replace: bool = False,
    idempotency_key: str = "",
    reason: str = "",
) -> Operation:
    """Replace what runs by a version (the latest, unless one is named), by its strategy or the one given here.
    `replace`: take over from a publish that is under way, instead of raising TargetBusy.

    Source: Marathon REST, PUT /v2/apps/{id}; the operation ends when every instance of the version is healthy and
    no older one is left, or fails at the strategy's deadline, after which the earlier version serves on.
    """
    require_editable(job, by=by)
    asked = publish_asked(version, strategy)
    ask = Ask(
        job, Intent(PUBLISH, by, {**asked, **({"replace": True} if replace else {})}, idempotency_key, reason)
    )
    if earlier := ask.repeated():
        return earlier
    return _publish(ask, version=version or job.latest_version, strategy=strategy, replace=replace)


@transaction.atomic
def job_rollback(
    *, job: Job, by: User, version: int | None = None, idempotency_key: str = "", reason: str = ""
) -> Operation:
    """Publish an earlier version again: the named one, or the last that ran before the present one."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(ROLLBACK, by, {"version": version}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    return _publish(ask, version=version or version_before(job), strategy=None)


@transaction.atomic
def job_undo(*, job: Job, by: User, idempotency_key: str = "", reason: str = "") -> Operation:
    """Undo the publish that is under way; where none is, publish the version that ran before the last one. Returns the
    operation that does it. Raises TargetBusy while another kind of operation holds the job."""
    require_editable(job, by=by)
    if idempotency_key and (earlier := _undone_by(job, idempotency_key)):
        return earlier
    ask = Ask(job, Intent(ROLLBACK, by, {"undo": True}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    under_way = publish_under_way(job)
    if under_way is None:
        return _publish(ask, version=version_undone_to(job), strategy=None)
    operation_cancel(under_way, by=by, reason=reason, key=idempotency_key)
    under_way.refresh_from_db()
    return under_way


@transaction.atomic
def job_scale(
    *,
    job: Job,
    instances: int,
    by: User | None,
    until: datetime | None = None,
    idempotency_key: str = "",
    reason: str = "",
    agent: User | None = None,
) -> Operation:
    """Ask for `instances` copies of what runs (0 stops the job). `by` None: the platform's own decision.
    `until`: then it goes back to the number of before by itself, unless somebody asks for another one meanwhile.
    `agent`: the platform's own account that decides by itself again and again, which needs no role: its newest number
    takes over from its last one that is still under way.

    Source: Marathon REST, PUT /v2/apps/{id} with the absolute number, so that asking twice is asking once.
    """
    if by is not None:
        require_editable(job, by=by)
    asked = {"instances": instances, **({"until": until.isoformat()} if until else {})}
    ask = Ask(job, Intent(scale_kind(instances), by or agent, asked, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    if agent is not None and (holder := _scaling_of(job, agent)):
        return ask.line_up(holder, instances=instances, takes_over=holder.pk)
    check_until(until, now=timezone.now())
    require_scalable(job, instances)
    return _resize(ask, instances=instances, until=until)


def require_scalable(job: Job, instances: int) -> None:
    """Raises InvalidInput for a number out of range, and for a job that nothing runs of."""
    if not 0 <= instances <= MAX_INSTANCES:
        text = _("Ask for 0 to %(max)s instances.") % {"max": MAX_INSTANCES}
        raise InvalidInput(FieldError("instances", "out_of_range", text))
    if job.deleted_at is not None:
        raise InvalidInput(FieldError("", "deleted", _("The job was deleted meanwhile.")))
    _require_published(job)


def scale_kind(instances: int) -> str:
    return SCALE if instances else STOP


def scale_plan(job: Job, *, instances: int, pending: ScaleExpiry | None = None) -> dict[str, Any]:
    """What asking for a number comes to by what the job is now, and what calling it off brings back. `pending`: see
    `expiry`."""
    previous = {"wanted": job.wanted, **({"expiry": pending.as_json()} if pending else {})}
    return {"instances": instances, "previous": previous}


def scale_intent(job: Job, operation: Operation) -> dict[str, Any]:
    """The job's fields from now on."""
    instances = operation.parameters["instances"]
    if instances:
        return {"wanted": instances}
    return {"wanted": 0, "wanted_before_stop": job.wanted or job.wanted_before_stop}


def holds_by_own(operation: Operation, agent: User | None) -> bool:
    """Whether it is the agent's own scaling, which the agent's next number takes over from."""
    is_own = agent is not None and operation.kind == SCALE and operation.requested_by_id == agent.pk
    return is_own and operation.cancel_requested_at is None


def _scaling_of(job: Job, agent: User) -> Operation | None:
    """The agent's own scaling that holds the job now."""
    holder = Operation.objects.active().filter(target_type="job", target_id=job.pk).first()
    return holder if holder is not None and holds_by_own(holder, agent) else None


@transaction.atomic
def job_stop(*, job: Job, by: User, idempotency_key: str = "", reason: str = "") -> Operation:
    """End all instances; the job and its versions stay, and `job_start` brings back as many as there were."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(STOP, by, {}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    _require_published(job)
    return _resize(ask, instances=0)


@transaction.atomic
def job_start(*, job: Job, by: User, idempotency_key: str = "", reason: str = "") -> Operation:
    """Run a stopped job again, with as many instances as before it was stopped."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(START, by, {}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    _require_published(job)
    if job.wanted:
        raise InvalidInput(FieldError("", "not_stopped", _("The job is not stopped.")))
    asked = _version(job, job.target_version or 0).spec["instances"]
    return _resize(ask, instances=job.wanted_before_stop or asked or 1)


@transaction.atomic
def job_restart(*, job: Job, by: User, idempotency_key: str = "", reason: str = "") -> Operation:
    """Replace every instance by a new one of the same version, by the version's strategy."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(RESTART, by, {}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    _require_published(job)
    if not job.wanted:
        raise InvalidInput(FieldError("", "stopped", _("The job is stopped: start it instead.")))
    row = _version(job, job.target_version or 0)
    operation = ask.start(deadline_s=row.spec["strategy"]["deadline_s"], instances=job.wanted)
    _intend(job, operation, state=Job.State.DEPLOYING)
    return operation


@transaction.atomic
def instance_kill(
    *, instance: Instance, by: User, shrink: bool = False, idempotency_key: str = "", reason: str = ""
) -> Operation:
    """End one instance; the scheduler starts another, unless `shrink` lowers the wanted number with it."""
    job = instance.job
    require_editable(job, by=by)
    ask = _ask_kill(
        job, instance.task_id, by=by, shrink=shrink, idempotency_key=idempotency_key, reason=reason
    )
    if earlier := ask.repeated():
        return earlier
    if shrink and job.wanted <= 1:
        raise InvalidInput(
            FieldError("shrink", "last_instance", _("This is the last instance: stop the job instead."))
        )
    operation = ask.start(
        task_id=instance.task_id, host=instance.host, shrink=shrink, instances=job.wanted - int(shrink)
    )
    if shrink:
        _intend(job, operation, wanted=job.wanted - 1)
    return operation


@transaction.atomic
def instance_kill_repeated(
    *, job: Job, task_id: str, by: User, shrink: bool, idempotency_key: str
) -> Operation | None:
    """The operation that this very request started before: by the time it is asked again, its instance may be
    gone."""
    return _ask_kill(job, task_id, by=by, shrink=shrink, idempotency_key=idempotency_key).repeated()


@transaction.atomic
def job_delete(*, job: Job, by: User, idempotency_key: str = "", reason: str = "") -> Operation:
    """Stop the job, forget it on the scheduler, and take it out of the lists; its history stays."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(DELETE, by, {}, idempotency_key, reason))
    return ask.repeated() or ask.start(instances=job.wanted)


def _ask_kill(
    job: Job, task_id: str, *, by: User, shrink: bool, idempotency_key: str, reason: str = ""
) -> Ask:
    return Ask(job, Intent(KILL, by, {"task_id": task_id, "shrink": shrink}, idempotency_key, reason))


def _publish(
    ask: Ask, *, version: int, strategy: Mapping[str, Any] | None, replace: bool = False
) -> Operation:
    row = _version(ask.job, version)
    what = {"version": row.number, "strategy": publish_strategy(row.spec, strategy)}
    holder = publish_under_way(ask.job) if replace else None
    if holder is not None:
        return ask.line_up(holder, **what, takes_over=holder.pk)
    plan = publish_plan(ask.job, version=row, before=version_asked_for(ask.job, besides=row))
    operation = ask.start(**what, **plan)
    publish_intend(ask.job, operation)
    return operation


def publish_asked(version: int | None, strategy: Mapping[str, Any] | None) -> dict[str, Any]:
    """The request's own words."""
    return {"version": version, "strategy": dict(strategy) if strategy else None}


def publish_plan(job: Job, *, version: JobVersion, before: JobVersion | None) -> dict[str, Any]:
    """What publishing a version comes to by what the job is now: how many instances, and what is gone back to.
    `before`: the version that the scheduler was asked for last."""
    instances = publish_instances(
        asked=version.spec["instances"],
        asked_before=before.spec["instances"] if before else None,
        wanted=job.wanted,
    )
    return {
        "instances": instances,
        "previous": {"version": job.target_version, "wanted": job.wanted},
    }


def version_asked_for(job: Job, *, besides: JobVersion) -> JobVersion | None:
    """The version that the scheduler was asked for last; `besides` is known already."""
    if job.target_version is None or job.target_version == besides.number:
        return besides if job.target_version else None
    return JobVersion.objects.filter(job=job, number=job.target_version).first()


def publish_intend(job: Job, operation: Operation) -> None:
    """What the publish brings about is what is wanted from now on."""
    _intend(job, operation, **publish_intent(operation))


def publish_intent(operation: Operation) -> dict[str, Any]:
    """The job's fields from now on."""
    wanted, version = operation.parameters["instances"], operation.parameters["version"]
    return {"wanted": wanted, "target_version": version, "state": Job.State.DEPLOYING}


def publish_under_way(job: Job) -> Operation | None:
    """The publish that holds the job now: one that can be undone, and taken over from."""
    return Operation.objects.active().filter(target_type="job", target_id=job.pk, kind__in=PUBLISHING).first()


def _undone_by(job: Job, key: str) -> Operation | None:
    """The publish that this very request undid before."""
    return Operation.objects.filter(target_type="job", target_id=job.pk, cancel_key=key).first()


def _resize(ask: Ask, *, instances: int, until: datetime | None = None) -> Operation:
    job, before = ask.job, ask.job.wanted
    pending = expiry_of(job)
    operation = ask.start(**scale_plan(job, instances=instances, pending=pending))
    _intend(job, operation, **scale_intent(job, operation))
    expiry_write(job, operation, pending, until=until, before=before)
    return operation


def _intend(job: Job, operation: Operation, **fields: Any) -> None:
    """Write what is wanted from now on, with the operation that will make it true. Not again for a repeated key."""
    if operation.state != Operation.State.QUEUED or operation.attempts:
        return
    if fields.get("state", job.state) != job.state:
        fields["state_since"] = timezone.now()
    Job.objects.filter(pk=job.pk).update(**fields)
    for name, value in fields.items():
        setattr(job, name, value)


def _version(job: Job, number: int) -> JobVersion:
    return known_version(job, number, JobVersion.objects.filter(job=job, number=number).first())


def known_version(job: Job, number: int, row: JobVersion | None) -> JobVersion:
    """The row. Raises InvalidInput where there is none."""
    if row is None:
        text = _("There is no version %(number)s; the latest is %(latest)s.")
        raise InvalidInput(
            FieldError("version", "unknown_version", text % {"number": number, "latest": job.latest_version})
        )
    return row


def version_before(job: Job) -> int:
    """The version that ran before the one that the scheduler was last asked for. Raises InvalidInput without one."""
    published = Operation.objects.filter(
        target_type="job",
        target_id=job.pk,
        kind__in=PUBLISHING,
        state=Operation.State.SUCCEEDED,
    ).values_list("parameters__version", flat=True)
    present = job.target_version
    for number in published:
        if number != present:
            return int(number)
    raise InvalidInput(
        FieldError(
            "version",
            "no_earlier_version",
            _("No other version has run yet: name the version to go back to."),
        )
    )


def version_undone_to(job: Job) -> int:
    """What undoing the last publish, which has ended, comes to. Raises InvalidInput where it was put back already: a
    second click, or one after a failure, must not go back further than it says."""
    last = Operation.objects.filter(target_type="job", target_id=job.pk, kind__in=PUBLISHING).first()
    put_back = last is not None and last.state != Operation.State.SUCCEEDED
    if last is not None and put_back and last.parameters["version"] != job.target_version:
        text = _("The last publish is undone already. To go back further, name the version.")
        raise InvalidInput(FieldError("version", "undone_already", text))
    return version_before(job)


def publish_strategy(spec: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The version's strategy with what this publish gives on top of it. Raises InvalidInput at `strategy.…`."""
    own = complete_strategy(spec["strategy"])
    if not given:
        return own
    return strategy_given({**own, **given}, spec=spec)


def _require_published(job: Job) -> None:
    if not job.is_published:
        raise InvalidInput(
            FieldError("", "not_published", _("The job has not been published yet: publish it first."))
        )
