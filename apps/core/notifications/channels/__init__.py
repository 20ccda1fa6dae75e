"""The kinds of channels, by name."""

from __future__ import annotations

from apps.core.models import NotificationChannel
from apps.core.notifications.channels.base import ChannelKind
from apps.core.notifications.channels.chat import Chat
from apps.core.notifications.channels.mail import Mail
from apps.core.notifications.channels.sms import Sms
from apps.core.notifications.channels.webhook import Webhook

_ALL: tuple[ChannelKind, ...] = (Mail(), Webhook(), Sms(), Chat())
KINDS = {kind.kind.value: kind for kind in _ALL}


def kind_of(channel: NotificationChannel) -> ChannelKind:
    return KINDS[channel.kind]
