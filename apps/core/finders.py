"""What core can find: operations, by their number or the scheduler's deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.models import Operation
from apps.core.operations.kinds import kind_label
from apps.core.search import SHOWN, Finder, Hit, Question, Rank, register
from apps.core.selectors import operations_visible

if TYPE_CHECKING:
    from apps.accounts.models import User

MIN_DEPLOYMENT = 8
"""Characters of a deployment's id: fewer are somebody typing something else."""


def find_operations(user: User, question: Question) -> list[Hit]:
    wanted = Q()
    if question.number is not None:
        wanted |= Q(pk=question.number)
    if len(question.text) >= MIN_DEPLOYMENT:
        wanted |= Q(deployment_id=question.text)
    if not wanted:
        return []
    return [
        operation_hit(operation, Rank.EXACT) for operation in operations_visible(user).filter(wanted)[:SHOWN]
    ]


def operation_hit(operation: Operation, rank: Rank) -> Hit:
    return Hit(
        kind="operation",
        title=f"{kind_label(operation.kind)} #{operation.pk}",
        detail=operation.target,
        url=operation.get_absolute_url(),
        api=reverse("operation-detail", args=[operation.pk]),
        rank=rank,
        state=operation.state,
        state_label=operation.get_state_display(),
    )


register(Finder("operation", _("Operations"), "activity", 30, find_operations))
