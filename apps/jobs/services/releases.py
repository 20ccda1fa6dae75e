"""Asking for releases: several jobs changed as one. Each call writes rows and an Operation, and calls nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import ProductLine
from apps.accounts.rights import Right, require
from apps.core.errors import FieldError, InvalidInput, KeyReused
from apps.core.live import announce
from apps.core.models import Operation
from apps.core.operations.controls import operation_control
from apps.core.operations.kinds import Control
from apps.core.operations.services import (
    Intent,
    Target,
    operation_cancel,
    operation_start,
    operations_wake,
)
from apps.jobs.models import Release, ReleaseItem
from apps.jobs.releases.plan import MAX_PARALLEL, Plan, Wish, release_plan

if TYPE_CHECKING:
    from apps.accounts.models import User

RUN = "release.run"
UNDO = "release.undo"


def release_create(*, wish: Wish, by: User, idempotency_key: str = "") -> Release:
    """Write the release with its items, and the operation that carries it out.

    Raises InvalidInput with every bad item (`items[2].version`), also where they wait for each other in a circle;
    KeyReused when the key came with another request.
    """
    if earlier := _repeated(wish, idempotency_key):
        return earlier
    if not 1 <= wish.parallel <= MAX_PARALLEL:
        text = _("From 1 to %(max)s at once.") % {"max": MAX_PARALLEL}
        raise InvalidInput(FieldError("parallel", "out_of_range", text))
    plan = release_plan(wish, by=by)
    try:
        with transaction.atomic():
            release = Release.objects.create(
                action=wish.action,
                on_failure=wish.on_failure,
                parallel=wish.parallel,
                reason=wish.reason,
                requested_by=by,
                asked=wish.as_json(),
                idempotency_key=idempotency_key,
            )
            ReleaseItem.objects.bulk_create(_items(release, plan))
            _start(release, RUN, by=by, lines=_lines(plan), reason=wish.reason)
    except IntegrityError:
        if earlier := _repeated(wish, idempotency_key):
            return earlier
        raise
    return release


@transaction.atomic
def release_undo(*, release: Release, by: User, reason: str = "", idempotency_key: str = "") -> Operation:
    """Take back what a release did: one that is under way is called off and goes back, one that has ended goes back
    by an operation of its own. Raises Forbidden without the right on every job's line."""
    require_release(release, by=by)
    release = Release.objects.select_for_update(of=["self"]).select_related("operation").get(pk=release.pk)
    active = release.operation
    if active is not None and active.is_active and active.kind == UNDO:
        return active  # somebody, or the same person with a second click, asked for it already
    if active is not None and active.is_active:
        Release.objects.filter(pk=release.pk).update(on_failure=Release.OnFailure.UNDO)
        operation_cancel(active, by=by)
        return active
    if release.action == Release.Action.RESTART:
        text = _("A restart leaves nothing to take back: the same version runs.")
        raise InvalidInput(FieldError("", "nothing_to_undo", text))
    back = {ReleaseItem.State.DONE, ReleaseItem.State.FAILED, ReleaseItem.State.STUCK}
    if not _items_of(release).filter(state__in=back).exists():
        text = _("Nothing of it is left to take back.")
        raise InvalidInput(FieldError("", "nothing_to_undo", text))
    _items_of(release).filter(state=ReleaseItem.State.STUCK).update(
        state=ReleaseItem.State.DONE, busy_since=None, undo_operation=None
    )
    lines = set(ProductLine.objects.filter(pk__in=_items_of(release).values("job__product_line")))
    return _start(release, UNDO, by=by, lines=lines, reason=reason, idempotency_key=idempotency_key)


def release_cancel(*, release: Release, by: User) -> bool:
    """Call it off: what is under way puts itself back; what is done goes back where the release says so, else stays.
    Returns whether the wish was noted."""
    require_release(release, by=by)
    return release.operation is not None and operation_cancel(release.operation, by=by)


def release_tell(*, release: Release, control: Control, by: User, reason: str = "") -> None:
    """Pause it (what is under way goes on, nothing else begins), or resume it. Raises NotNow when it has ended."""
    require_release(release, by=by)
    if release.operation is not None:
        operation_control(release.operation, control, by=by, reason=reason)


def require_release(release: Release, *, by: User) -> None:
    """Raises Forbidden unless the person may change every job of it."""
    for line in ProductLine.objects.filter(pk__in=_items_of(release).values("job__product_line")):
        require(by, Right.CHANGE, line)


def release_key(release_id: int) -> str:
    """How the idempotency keys of the operations that a release starts begin."""
    return f"release:{release_id}:"


def releases_wake(operations: Iterable[Operation]) -> None:
    """These have ended: the releases that started them look now."""
    begun = [one.idempotency_key.split(":") for one in operations]
    ids = {int(key[1]) for key in begun if key[0] == "release"}
    if ids:
        operations_wake(target_type="release", target_ids=sorted(ids))


def releases_prune(*, now: datetime, batch: int = 500) -> int:
    """Delete releases that ended more than OCEAN_HISTORY_DAYS ago. Returns how many."""
    old = Release.objects.filter(finished_at__lt=now - timedelta(days=settings.OCEAN_HISTORY_DAYS))
    pks = list(old.order_by("finished_at").values_list("pk", flat=True)[:batch])
    Release.objects.filter(pk__in=pks).delete()
    return len(pks)


def _items_of(release: Release) -> QuerySet[ReleaseItem]:
    """All of them: `release.items` may hold only those that a reader may know of."""
    return ReleaseItem.objects.filter(release=release)


def _start(
    release: Release,
    kind: str,
    *,
    by: User,
    lines: set[ProductLine],
    reason: str,
    idempotency_key: str = "",
) -> Operation:
    """The operation's product line is the jobs', where they have one between them."""
    target = Target(
        type="release",
        id=release.pk,
        name=str(release),
        product_line=next(iter(lines)) if len(lines) == 1 else None,
    )
    operation = operation_start(
        target=target,
        intent=Intent(kind, by, {}, idempotency_key, reason),
        parameters={"action": release.action, "jobs": _items_of(release).count()},
    )
    Release.objects.filter(pk=release.pk).update(
        operation=operation, state=Release.State.RUNNING, finished_at=None
    )
    release.operation, release.state = operation, Release.State.RUNNING
    transaction.on_commit(lambda: announce("releases"), robust=True)
    return operation


def _items(release: Release, plan: Plan) -> list[ReleaseItem]:
    return [
        ReleaseItem(
            release=release,
            job=member.job,
            position=member.position,
            stage=number,
            after=sorted(plan.after[member.position]),
            version=member.number,
            strategy=dict(member.wish.strategy) if member.wish.strategy else None,
        )
        for number, stage in enumerate(plan.stages, start=1)
        for member in stage
    ]


def _lines(plan: Plan) -> set[ProductLine]:
    return {member.job.product_line for member in plan.members}


def _repeated(wish: Wish, idempotency_key: str) -> Release | None:
    """The release that this very request made before. Raises KeyReused when the key came with another one."""
    if not idempotency_key:
        return None
    earlier = Release.objects.select_related("operation").filter(idempotency_key=idempotency_key).first()
    if earlier is not None and earlier.asked != wish.as_json():
        raise KeyReused
    return earlier
