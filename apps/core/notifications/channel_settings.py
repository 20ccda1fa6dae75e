"""Writing channels, and trying one out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rest_framework import serializers

from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput
from apps.core.live import announce
from apps.core.models import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationGroup,
    Severity,
)
from apps.core.notifications.access import require_group_change, require_sre
from apps.core.notifications.channels import KINDS
from apps.core.notifications.channels.base import ChannelKind, config_of
from apps.core.notifications.release import TEST_KEY, deliveries_start
from apps.core.notifications.words import Sentence
from apps.core.serializers import Strict, checked

if TYPE_CHECKING:
    from apps.accounts.models import User

MAX_CHANNELS = 20
TEST = gettext_noop("A test by %(who)s: messages to the group %(group)s arrive here.")


class ChannelFields(Strict):
    """What can be changed of a channel. `config` is its kind's own; secrets that are left out stay as they are."""

    name = serializers.CharField(max_length=60)
    from_severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.INFO)
    enabled = serializers.BooleanField(default=True)
    config = serializers.DictField(default=dict)


class NewChannelFields(ChannelFields):
    kind = serializers.ChoiceField(choices=NotificationChannel.Kind.choices)


@transaction.atomic
def channel_create(*, group: NotificationGroup, fields: Any, by: User) -> NotificationChannel:
    """Add a channel. Raises Forbidden (also where its place is for SREs to choose), and InvalidInput with every bad
    field, those of the kind under `config.`."""
    require_group_change(by, group)
    values = checked(NewChannelFields(data=fields))
    # The group's row makes two who add at once wait for each other: for the count, and for the name.
    NotificationGroup.objects.select_for_update().get(pk=group.pk)
    if group.channels.count() >= MAX_CHANNELS:
        text = _("A group has at most %(max)s channels.") % {"max": MAX_CHANNELS}
        raise InvalidInput(FieldError("kind", "max_length", text))
    kind = KINDS[values["kind"]]
    channel = NotificationChannel(group=group, kind=kind.kind)
    return _save(channel, kind, values, before={}, by=by)


@transaction.atomic
def channel_save(*, channel: NotificationChannel, fields: Any, by: User) -> NotificationChannel:
    """Change what `fields` names. Raises as `channel_create`."""
    group = channel.group
    require_group_change(by, group)
    values = checked(ChannelFields(data=fields, partial=True))
    NotificationGroup.objects.select_for_update().get(pk=group.pk)
    return _save(channel, KINDS[channel.kind], values, before=config_of(channel), by=by)


@transaction.atomic
def channel_delete(*, channel: NotificationChannel, by: User) -> None:
    require_group_change(by, channel.group)
    _note(channel, "notification_channel.delete", by)
    channel.delete()


@transaction.atomic
def channel_test(*, channel: NotificationChannel, by: User) -> NotificationDelivery:
    """Send a message by this channel alone, now; the delivery says what came of it. It waits for no digest and is tried
    as any other."""
    require_group_change(by, channel.group)
    now = timezone.now()
    said = Sentence(TEST, {"who": by.get_username(), "group": channel.group.name})
    stamp = now.isoformat()
    notification = Notification.objects.create(
        group=channel.group,
        key=TEST_KEY,
        product_line=channel.group.product_line,
        parts=[
            {
                **said.as_json(),
                "lines": [],
                "path": "",
                "severity": Severity.INFO.value,
                "at": stamp,
                "last_at": stamp,
                "count": 1,
            }
        ],
        created_at=now,
        due_at=now,
        released_at=now,
    )
    [delivery] = deliveries_start(notification, [channel])
    return delivery


def _save(
    channel: NotificationChannel,
    kind: ChannelKind,
    values: dict[str, Any],
    *,
    before: Mapping[str, Any],
    by: User,
) -> NotificationChannel:
    name = values.get("name", channel.name)
    if channel.group.channels.filter(name=name).exclude(pk=channel.pk).exists():
        text = _("The group already has a channel “%(name)s”.") % {"name": name}
        raise InvalidInput(FieldError("name", "unique", text))
    if "config" in values or not before:
        kept = {key: before[key] for key in kind.secrets if key in before}
        config = checked(kind.fields(data={**kept, **values.pop("config", {})}), path="config")
        if config != before and kind.needs_sre(config):
            require_sre(by)
        channel.config = json.dumps(config)
    for field, value in values.items():
        if field != "kind":
            setattr(channel, field, value)
    channel.save()
    _note(channel, "notification_channel.set", by)
    return channel


def _note(channel: NotificationChannel, action: str, by: User) -> None:
    group = channel.group
    name = f"{group.name}: {channel.name}"
    audit(by=by, action=action, object=name, product_line=group.product_line)
    topics = (f"notification-group:{group.pk}", "notifications")
    transaction.on_commit(lambda: announce(*topics), robust=True)
