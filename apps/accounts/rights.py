"""Who may see and do what: the one place that decides. Pages, API, admin and live streams all ask here.

Seeing: members see their product lines; SREs and DBAs see all. What a person may not see does not exist for them:
scoped querysets answer 404 for the unknown and the forbidden alike.
Doing: VIEW < CHANGE < MANAGE, by role; a thing that one can see but not change raises Forbidden (403).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import Membership, ProductLine, Role, User
from apps.core.errors import Forbidden

ModelT = TypeVar("ModelT", bound=Model)


class Right(IntEnum):
    VIEW = 1
    CHANGE = 2
    MANAGE = 3


_BY_ROLE = {Role.VIEWER: Right.VIEW, Role.DEVELOPER: Right.CHANGE, Role.OWNER: Right.MANAGE}


def is_sre(user: User | AnonymousUser) -> bool:
    return isinstance(user, User) and user.is_active and (user.is_sre or user.is_superuser)


def sees_everything(user: User | AnonymousUser) -> bool:
    return is_sre(user) or (isinstance(user, User) and user.is_active and user.is_dba)


def product_lines_visible(user: User | AnonymousUser) -> QuerySet[ProductLine]:
    """The product lines that the person may know of."""
    if sees_everything(user):
        return ProductLine.objects.all()
    if not isinstance(user, User) or not user.is_active:
        return ProductLine.objects.none()
    return ProductLine.objects.filter(memberships__user=user)


def lines_with(user: User | AnonymousUser, right: Right) -> QuerySet[ProductLine]:
    """The product lines on which the person has the right."""
    if is_sre(user) or (right == Right.VIEW and sees_everything(user)):
        return ProductLine.objects.all()
    if not isinstance(user, User) or not user.is_active:
        return ProductLine.objects.none()
    roles = [role for role, given in _BY_ROLE.items() if given >= right]
    return ProductLine.objects.filter(memberships__user=user, memberships__role__in=roles)


def scope(
    queryset: QuerySet[ModelT], user: User | AnonymousUser, *, path: str = "product_line"
) -> QuerySet[ModelT]:
    """The rows whose product line (`path` leads to it) the person may know of."""
    if sees_everything(user):
        return queryset
    return queryset.filter(**{f"{path}__in": product_lines_visible(user)})


def right_on(user: User | AnonymousUser, product_line: ProductLine | None) -> Right | None:
    """The person's right on a product line; None when they may not know of it. Things of no product line are
    the platform's own: SREs manage them, nobody else sees them here."""
    if is_sre(user):
        return Right.MANAGE
    if product_line is None or not isinstance(user, User) or not user.is_active:
        return None
    membership = Membership.objects.filter(user=user, product_line=product_line).first()
    if membership:
        return _BY_ROLE[Role(membership.role)]
    return Right.VIEW if user.is_dba else None


def may(user: User | AnonymousUser, right: Right, product_line: ProductLine | None) -> bool:
    return (right_on(user, product_line) or 0) >= right


def require(user: User | AnonymousUser, right: Right, product_line: ProductLine | None) -> None:
    """Raises Forbidden, in words, unless the person has the right."""
    if may(user, right, product_line):
        return
    if product_line is None:
        raise Forbidden(_("This belongs to no single product line, so it is for SREs."))
    needed = Role.OWNER.label if right == Right.MANAGE else Role.DEVELOPER.label
    raise Forbidden(
        _("You can see %(line)s, but this needs the role %(role)s there. Ask one of its owners.")
        % {"line": product_line, "role": needed}
    )


def require_sre(user: User | AnonymousUser) -> None:
    """Raises Forbidden unless the person is an SRE."""
    if not is_sre(user):
        raise Forbidden(_("This is for SREs."))
