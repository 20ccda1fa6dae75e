"""The live topics that core announces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.core.live_topics import register_list, register_rows
from apps.core.selectors import operations_visible

if TYPE_CHECKING:
    from apps.accounts.models import User


def operation_visible(user: User, operation_id: int) -> bool:
    return operations_visible(user).filter(pk=operation_id).exists()


register_list("operations")
register_list("clusters")
register_rows("operation", operation_visible)
