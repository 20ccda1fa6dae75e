"""Who sees and changes which groups. A product line's groups are its members' (developers change them); groups for
everybody can be seen and named by all, and changed by SREs. What a group was told is for who sees its product line, for
who sees the product line that it was about, and for the group's own members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.rights import Right, is_sre, lines_with, may, product_lines_visible, require, require_sre
from apps.core.models import Notification, NotificationGroup

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine, User

__all__ = [
    "group_lines", "groups_visible", "may_change_group", "notifications_visible", "require_group_change",
    "require_line", "require_sre",
]  # fmt: skip


def groups_visible(user: User) -> QuerySet[NotificationGroup]:
    groups = NotificationGroup.objects.select_related("product_line")
    if is_sre(user):
        return groups
    return groups.filter(Q(product_line__in=product_lines_visible(user)) | Q(product_line__isnull=True))


def notifications_visible(user: User) -> QuerySet[Notification]:
    told = Notification.objects.select_related("group__product_line", "product_line")
    if is_sre(user):
        return told
    lines = product_lines_visible(user)
    own = NotificationGroup.members.through.objects.filter(notificationgroup=OuterRef("group"), user=user.pk)
    return told.filter(Q(group__product_line__in=lines) | Q(product_line__in=lines) | Exists(own))


def group_lines(user: User) -> QuerySet[ProductLine]:
    """The product lines in which the person may make groups."""
    return lines_with(user, Right.CHANGE)


def may_change_group(user: User, group: NotificationGroup) -> bool:
    return may(user, Right.CHANGE, group.product_line)


def require_group_change(user: User, group: NotificationGroup) -> None:
    """Raises Forbidden, in words, unless the person may change the group."""
    require_line(user, group.product_line)


def require_line(user: User, line: ProductLine | None) -> None:
    """Raises Forbidden unless the person may make groups there (None: for everybody)."""
    require(user, Right.CHANGE, line)
