"""Drift: what outside disagrees with what was asked for, shown to SREs with a button for each way out.

Whoever owns something outside registers its kind when Django starts, records what it finds, and clears what agrees
again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput
from apps.core.live import announce
from apps.core.models import Cluster, Drift

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from apps.accounts.models import User

Action = Literal["adopt", "reapply", "ignore"]
ACTIONS: dict[Action, StrOrPromise] = {
    "adopt": pgettext_lazy("drift", "Adopt"),
    "reapply": pgettext_lazy("drift", "Put back"),
    "ignore": pgettext_lazy("drift", "Ignore"),
}
TOPIC = "drift"


@dataclass(frozen=True, slots=True)
class DriftKind:
    """`fix` begins what the action asks for, in the caller's transaction, and calls nothing outside itself. "ignore" is
    done here for every kind."""

    name: str
    title: StrOrPromise
    actions: tuple[Action, ...]
    fix: Callable[[Drift, Action], None]


_kinds: dict[str, DriftKind] = {}


def register_drift_kind(kind: DriftKind) -> None:
    _kinds[kind.name] = kind


def kind_title(name: str) -> StrOrPromise:
    kind = _kinds.get(name)
    return kind.title if kind is not None else name


def kinds() -> list[DriftKind]:
    return list(_kinds.values())


def actions_of(drift: Drift) -> list[Action]:
    """What can be done about it: nothing but looking, where its kind is not known here."""
    kind = _kinds.get(drift.kind)
    found: list[Action] = list(kind.actions) if kind is not None else []
    return found if drift.ignored_at else [*found, "ignore"]


@transaction.atomic
def drift_record(
    *, kind: str, cluster: Cluster | None, object: str, wanted: Sequence[str], found: Sequence[str]
) -> Drift:
    """What disagrees now. One that is known stays since when it was; an ignored one comes back when it is another."""
    drift, created = Drift.objects.select_for_update().get_or_create(
        kind=kind, cluster=cluster, object=object, defaults={"wanted": list(wanted), "found": list(found)}
    )
    if not created and (drift.wanted, drift.found) != (list(wanted), list(found)):
        drift.wanted, drift.found, drift.ignored_at = list(wanted), list(found), None
        drift.save(update_fields=["wanted", "found", "ignored_at"])
        created = True
    if created:
        _announce()
    return drift


@transaction.atomic
def drift_clear(*, kind: str, cluster: Cluster | None, objects: Collection[str]) -> None:
    """These agree again."""
    gone, _models = Drift.objects.filter(kind=kind, cluster=cluster, object__in=objects).delete()
    if gone:
        _announce()


@transaction.atomic
def drift_fix(*, drift: Drift, action: str, by: User) -> Drift:
    """Do something about it. The row goes when the outside agrees again. The caller has seen to it that `by` is an SRE.

    Raises InvalidInput for an action that is not offered."""
    chosen = next((known for known in actions_of(drift) if known == action), None)
    if chosen is None:
        offered = ", ".join(actions_of(drift))
        text = _("Choose one of: %(actions)s.") % {"actions": offered}
        raise InvalidInput(FieldError("action", "invalid_choice", text))
    audit(by=by, action=f"drift.{chosen}", object=drift.object)
    if chosen == "ignore":
        drift.ignored_at = timezone.now()
        drift.save(update_fields=["ignored_at"])
        _announce()
    else:
        _kinds[drift.kind].fix(drift, chosen)
    return drift


def _announce() -> None:
    transaction.on_commit(lambda: announce(TOPIC), robust=True)
