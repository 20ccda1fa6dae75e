"""Migrating a job: up on the other cluster, seen to be well there, then stopped and deleted here.

Each step looks where it is by `memory["phase"]`, which is stored before the next phase begins, and asks through the
services with keys of its own, so that it can be repeated at any line. Until the deletion is asked for, calling it off
leads back: the old job has its instances again before the new one goes.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.accounts.models import User
from apps.core.errors import DomainError, TargetBusy
from apps.core.models import Cluster, Operation
from apps.core.operations.kinds import Again, Cancelled, Done, Failed, Outcome
from apps.core.operations.services import operation_cancel
from apps.jobs.masking import job_engine
from apps.jobs.models import Job
from apps.jobs.operations.base import OnJob, Work
from apps.jobs.operations.remove import Delete
from apps.jobs.planning import count_well
from apps.jobs.services.actions import job_delete, job_publish, job_stop
from apps.jobs.services.cloning import MIGRATE, clone_for_migration
from apps.jobs.services.history import Happening, history_add
from apps.jobs.signals import job_moved
from clients.errors import Refused
from engines.base import WorkloadId

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 2.0
PATIENCE = timedelta(minutes=10)
"""For the new instances to be well once their publish has ended, and for the old ones to end or to come back."""

MADE = gettext_noop("%(tag)s was created.")
TAKEN_OVER = gettext_noop("%(tag)s was there and did not run: it is taken over.")
PUBLISHING = gettext_noop("Publishing on %(cluster)s by operation #%(id)s.")
COMING_UP = gettext_noop("On %(cluster)s: %(count)s of %(wanted)s instances are well.")
WELL = gettext_noop("All is well on %(cluster)s. The instances here are stopped now.")
STOPPING = gettext_noop("Instances here that are still ending: %(all)s.")
REMOVING = gettext_noop("Deleting the job here.")
MIGRATED = gettext_noop("Migrated to %(tag)s.")
CAME_FROM = gettext_noop("Migrated from %(tag)s; what happened to it there stands below.")
NOT_PUBLISHED = gettext_noop("On %(cluster)s it did not get well: %(why)s")
NOT_WELL = gettext_noop("On %(cluster)s it did not stay well: %(count)s of %(wanted)s instances are.")
CALLED_OFF = gettext_noop("Called off.")
OUT_OF_TIME = gettext_noop("It took too long and was given up.")
GOING_BACK = gettext_noop("Going back: the old job keeps serving, the new one goes.")
COMING_BACK = gettext_noop("Bringing back the old job's instances: %(count)s of %(wanted)s are well.")
SERVES_ON = gettext_noop("%(why)s The job serves on here as before.")
LEFT_BEHIND = gettext_noop(
    "%(why)s The job serves on here as before, but %(tag)s could not be taken away: %(fault)s"
)


class Migrate(OnJob):
    """See the module. Nothing is asked of the old job before the new one is well."""

    name = MIGRATE
    label = _("migrate")
    deadline = timedelta(days=1)

    def step(self, operation: Operation) -> Outcome:
        work = self._work(operation)
        if operation.cancel_requested_at is not None:
            _turn_back(work, CALLED_OFF)
        return self._step(work)

    def deadline_passed(self, operation: Operation) -> Outcome:
        work = self._work(operation)
        _turn_back(work, OUT_OF_TIME)
        return self._step(work)

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        if not isinstance(outcome, Done):
            return
        clone = Job.objects.get(pk=operation.memory["clone"])
        Delete().settle(operation, job, outcome)
        job.moved_to = clone
        _bring_along(operation, job, clone)
        came = Happening("job.migrate", f"operation:{operation.pk}", CAME_FROM, {"tag": job.tag})
        history_add(clone, came, operation=operation, actor=operation.requested_by)

    def _step(self, work: Work) -> Outcome:
        memory = work.memory
        if "back" in memory:
            return _go_back(work)
        phases = {"publish": _publish, "well": _well, "stop": _stop, "remove": _remove}
        return phases.get(memory.get("phase", ""), _clone)(work)


# --- onwards -------------------------------------------------------------------------------------------


def _clone(work: Work) -> Outcome:
    cluster = Cluster.objects.get(name=work.parameters["to"])
    try:
        clone, made = clone_for_migration(work.operation, work.job, cluster, by=_by(work))
    except DomainError as exc:
        return Failed("%(why)s", {"why": str(exc)})
    work.say(MADE if made else TAKEN_OVER, tag=clone.tag)
    work.memory.update(clone=clone.pk, made=made, version=clone.latest_version)
    return _enter(work, "publish" if work.parameters["instances"] else "remove", progress=5)


def _publish(work: Work) -> Outcome:
    clone = _other(work)
    try:
        child = job_publish(
            job=clone,
            by=_by(work),
            version=work.memory["version"],
            idempotency_key=_publish_key(work),
            reason=work.operation.reason,
        )
    except TargetBusy:
        return Again(LOOK_AGAIN_S)
    except DomainError as exc:
        return _turned_back(work, NOT_PUBLISHED, cluster=clone.cluster.name, why=str(exc))
    work.memory["publish"] = child.pk
    work.say(PUBLISHING, cluster=clone.cluster.name, id=child.pk)
    return _enter(work, "well", progress=10)


def _well(work: Work) -> Outcome:
    """Whether its publish succeeded, and whether it is well now, as the scheduler says: hours may lie between."""
    clone, child = _other(work), Operation.objects.get(pk=work.memory["publish"])
    wanted, cluster = work.parameters["instances"], clone.cluster.name
    if child.is_active:
        return Again(
            LOOK_AGAIN_S,
            progress=10 + child.progress // 2,
            message=PUBLISHING,
            values={"cluster": cluster, "id": child.pk},
        )
    if child.state != Operation.State.SUCCEEDED:
        text, values = (
            (child.error, child.error_values) if child.error else (child.message, child.message_values)
        )
        return _turned_back(work, NOT_PUBLISHED, cluster=cluster, why={"text": text, "values": values})
    status = job_engine(clone).get(WorkloadId(clone.workload_id))
    count = count_well(status) if status else 0
    if status is not None and count >= wanted and not status.deployments:
        work.say(WELL, cluster=cluster)
        return _enter(work, "stop", progress=65)
    values = {"cluster": cluster, "count": count, "wanted": wanted}
    if _waited(work, "well_since"):
        return _turned_back(work, NOT_WELL, **values)
    return Again(LOOK_AGAIN_S, progress=62, message=COMING_UP, values=values)


def _stop(work: Work) -> Outcome:
    status = work.look()
    if status is None or (not status.instances and status.wanted == 0 and not status.deployments):
        return _enter(work, "remove", progress=85)
    if status.wanted:
        Job.objects.filter(pk=work.job.pk).update(wanted=0)
        try:
            asked = work.engine.scale(work.workload_id, instances=0)
        except Refused as exc:
            return _turned_back(work, "%(why)s", why=str(exc))
        work.operation.deployment_id = asked.deployment_id or work.operation.deployment_id
    if _waited(work, "stop_since"):  # deleting ends what will not end by itself
        return _enter(work, "remove", progress=85)
    values = {"all": len(status.instances or ())}
    return Again(LOOK_AGAIN_S, progress=75, message=STOPPING, values=values)


def _remove(work: Work) -> Outcome:
    """From here there is no way back: it is followed to its end, as every deletion."""
    delete, status = Delete(), work.look()
    if delete.come_true(work, status):
        return Done(MIGRATED, {"tag": _other(work).tag})
    if not work.memory.get("removing"):
        work.operation.deployment_id = delete.ask(work, status) or work.operation.deployment_id
        work.memory["removing"] = True
    return Again(LOOK_AGAIN_S, progress=90, message=REMOVING)


# --- and back ------------------------------------------------------------------------------------------


def _turn_back(work: Work, text: str, **values: Any) -> None:
    """From now on it goes back, and this is why; but not any more once the deletion was asked for."""
    if work.memory.get("phase") != "remove" and "back" not in work.memory:
        work.memory["back"] = {"text": text, "values": values}
        work.say(GOING_BACK)


def _turned_back(work: Work, text: str, **values: Any) -> Outcome:
    _turn_back(work, text, **values)
    return Again(0.0, message=GOING_BACK)


def _go_back(work: Work) -> Outcome:
    """First the old instances, then the new ones: something serves at every moment."""
    if work.memory.get("phase") == "stop" and (waiting := _bring_back(work)) is not None:
        return waiting
    clone = _known_other(work)
    if clone is None or clone.deleted_at is not None:
        return _ending(work)
    try:
        return _take_away(work, clone)
    except TargetBusy:
        return Again(LOOK_AGAIN_S, message=GOING_BACK)
    except DomainError as exc:
        return _left_behind(work, clone, fault=str(exc))


def _bring_back(work: Work) -> Again | None:
    """The old job's instances; None when they are there (or do not come although nothing stands in their way)."""
    wanted, status = work.parameters["previous"]["wanted"], work.look()
    if status is None:
        return None
    if status.wanted != wanted:
        Job.objects.filter(pk=work.job.pk).update(wanted=wanted)
        work.engine.scale(work.workload_id, instances=wanted, force=True)
        return Again(1.0, message=GOING_BACK)
    count = count_well(status)
    if (count >= wanted and not status.deployments) or _waited(work, "back_since"):
        Job.objects.filter(pk=work.job.pk).update(wanted=wanted)
        return None
    return Again(LOOK_AGAIN_S, message=COMING_BACK, values={"count": count, "wanted": wanted})


def _take_away(work: Work, clone: Job) -> Outcome:
    """What was made for this is deleted; what was taken over is stopped, as it was."""
    # By its key: a worker that started it may not have lived to note it.
    publish = Operation.objects.filter(idempotency_key=_publish_key(work)).first()
    if publish is not None and publish.is_active:
        operation_cancel(publish, by=_by(work))
        return Again(LOOK_AGAIN_S, message=GOING_BACK)
    last = Operation.objects.filter(pk=work.memory.get("away", 0)).first()
    if last is None:
        if not work.memory["made"] and not clone.wanted:
            return _ending(work)
        take_away = job_delete if work.memory["made"] else job_stop
        key = f"migrate:{work.operation.pk}:away"
        last = take_away(job=clone, by=_by(work), idempotency_key=key, reason=work.operation.reason)
        work.memory["away"] = last.pk
    if last.is_active:
        return Again(LOOK_AGAIN_S, message=GOING_BACK)
    if last.state != Operation.State.SUCCEEDED:
        return _left_behind(work, clone, fault={"text": last.error, "values": last.error_values})
    return _ending(work)


def _left_behind(work: Work, clone: Job, *, fault: Any) -> Outcome:
    return Failed(LEFT_BEHIND, {"why": work.memory["back"], "tag": clone.tag, "fault": fault})


def _ending(work: Work) -> Outcome:
    values = {"why": work.memory["back"]}
    if work.operation.cancel_requested_at is not None:
        return Cancelled(SERVES_ON, values)
    return Failed(SERVES_ON, values)


def _bring_along(operation: Operation, job: Job, clone: Job) -> None:
    """What other apps keep of the job goes with it. What fails there must not keep the migration from having ended."""
    try:
        with transaction.atomic():
            job_moved.send(Job, job=job, clone=clone, since=operation.created_at)
    except Exception:
        log.exception("migration_left_behind", extra={"job": job.pk, "clone": clone.pk})


# --- shared --------------------------------------------------------------------------------------------


def _by(work: Work) -> User:
    assert work.operation.requested_by is not None  # only people migrate
    return work.operation.requested_by


def _other(work: Work) -> Job:
    return Job.objects.select_related("cluster", "product_line").get(pk=work.memory["clone"])


def _known_other(work: Work) -> Job | None:
    """The job there; also one that a worker made and did not live to note."""
    jobs = Job.objects.select_related("cluster", "product_line")
    if "clone" in work.memory:
        return jobs.get(pk=work.memory["clone"])
    made = jobs.filter(idempotency_key=f"migrate:{work.operation.pk}").first()
    if made is not None:
        work.memory.update(clone=made.pk, made=True)
    return made


def _publish_key(work: Work) -> str:
    return f"migrate:{work.operation.pk}:publish"


def _enter(work: Work, phase: str, *, progress: int) -> Again:
    """Stored before anything of the phase is done."""
    work.memory["phase"] = phase
    return Again(0.0, progress=progress)


def _waited(work: Work, since: str) -> bool:
    """Whether PATIENCE is over; it counts from the first call."""
    first = work.memory.setdefault(since, timezone.now().isoformat())
    return timezone.now() > datetime.fromisoformat(first) + PATIENCE


KINDS: tuple[OnJob, ...] = (Migrate(),)
