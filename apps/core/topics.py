"""The live topics that core announces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.core.live_topics import register_list, register_rows
from apps.core.notifications.access import groups_visible
from apps.core.selectors import operations_visible

if TYPE_CHECKING:
    from apps.accounts.models import User


def operation_visible(user: User, operation_id: int) -> bool:
    return operations_visible(user).filter(pk=operation_id).exists()


def notification_group_visible(user: User, group_id: int) -> bool:
    return groups_visible(user).filter(pk=group_id).exists()


register_list("operations")
register_list("clusters")
register_list("notifications")
register_list("drift")
register_rows("operation", operation_visible)
register_rows("notification-group", notification_group_visible)
