"""Writing groups and their members. Pages, API and demo call the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput
from apps.core.live import announce
from apps.core.models import NotificationGroup
from apps.core.models.notification import LANGUAGES, MAX_MERGE_S, validate_group_name
from apps.core.notifications.access import require_group_change, require_line
from apps.core.serializers import Strict, checked

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine, User

MAX_MEMBERS = 100


class GroupFields(Strict):
    """What can be changed of a group. `members` are user names."""

    title = serializers.CharField(max_length=120, allow_blank=True, default="")
    language = serializers.ChoiceField(choices=LANGUAGES, default="en")
    merge_s = serializers.IntegerField(min_value=0, max_value=MAX_MERGE_S, default=60)
    enabled = serializers.BooleanField(default=True)
    members = serializers.ListField(
        child=serializers.CharField(max_length=150), max_length=MAX_MEMBERS, default=list
    )


class NewGroupFields(GroupFields):
    """A name is for good: policies and the monitoring's teams know the group by it."""

    name = serializers.CharField(max_length=63, validators=[validate_group_name])


@transaction.atomic
def group_create(*, product_line: ProductLine | None, fields: Any, by: User | None) -> NotificationGroup:
    """Add a group to a product line, or for everybody (None: SREs only). `by` None is the set-up itself.

    Raises Forbidden, and InvalidInput for bad fields, a name that is taken and people who do not exist."""
    if by is not None:
        require_line(by, product_line)
    values = checked(NewGroupFields(data=fields))
    members = values.pop("members")
    if NotificationGroup.objects.filter(name=values["name"]).exists():
        text = _("There is already a group %(name)s.") % {"name": values["name"]}
        raise InvalidInput(FieldError("name", "unique", text))
    group = NotificationGroup.objects.create(product_line=product_line, **values)
    group.members.set(_people(members))
    audit(by=by, action="notification_group.create", object=group.name, product_line=product_line)
    _announce(group)
    return group


@transaction.atomic
def group_save(*, group: NotificationGroup, fields: Any, by: User) -> NotificationGroup:
    """Change what `fields` names. Raises Forbidden, and InvalidInput as `group_create`."""
    require_group_change(by, group)
    values = checked(GroupFields(data=fields, partial=True))
    if "members" in values:
        group.members.set(_people(values.pop("members")))
    for name, value in values.items():
        setattr(group, name, value)
    if values:
        group.save(update_fields=list(values))
    _changed(group, by)
    return group


@transaction.atomic
def member_add(*, group: NotificationGroup, username: str, by: User) -> None:
    """Raises Forbidden, and InvalidInput (`username`) for somebody who does not exist or one too many."""
    require_group_change(by, group)
    if group.members.count() >= MAX_MEMBERS:
        text = _("A group has at most %(max)s members.") % {"max": MAX_MEMBERS}
        raise InvalidInput(FieldError("username", "max_length", text))
    group.members.add(*_people([username], field="username"))
    _changed(group, by)


@transaction.atomic
def member_take_out(*, group: NotificationGroup, user: User, by: User) -> None:
    """One may leave a group without the right to change it."""
    if user != by:
        require_group_change(by, group)
    group.members.remove(user)
    _changed(group, by)


@transaction.atomic
def group_delete(*, group: NotificationGroup, by: User) -> None:
    """Delete a group with its channels and its log. Who names it tells nobody any more."""
    require_group_change(by, group)
    audit(by=by, action="notification_group.delete", object=group.name, product_line=group.product_line)
    _announce(group)
    group.delete()


def groups_named(names: Iterable[str]) -> list[NotificationGroup]:
    """The groups with these names; a name that is no group's (any more) is left out."""
    return list(NotificationGroup.objects.filter(name__in=list(names)))


def _changed(group: NotificationGroup, by: User) -> None:
    audit(by=by, action="notification_group.changed", object=group.name, product_line=group.product_line)
    _announce(group)


def _people(names: Iterable[str], *, field: str = "members") -> list[User]:
    wanted = list(dict.fromkeys(names))
    found = {
        person.get_username(): person
        for person in get_user_model().objects.filter(username__in=wanted, is_active=True)
    }
    if missing := [name for name in wanted if name not in found]:
        text = _("There is nobody of this name: %(names)s.") % {"names": ", ".join(missing)}
        raise InvalidInput(FieldError(field, "unknown_user", text))
    return list(found.values())


def _announce(group: NotificationGroup) -> None:
    topics = (f"notification-group:{group.pk}", "notifications")
    transaction.on_commit(lambda: announce(*topics), robust=True)
