"""Who is in a group, and how each of them reads."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone, translation

from apps.core.models import NotificationGroup


@dataclass(frozen=True, slots=True)
class Reader:
    """A person as a message needs to know them."""

    username: str = ""
    email: str = ""
    phone: str = ""
    language: str = ""
    time_zone: str = ""


def readers_of(group: NotificationGroup) -> list[Reader]:
    """The members who are still here, by name; who chose no language reads the group's."""
    return [
        Reader(
            username=person.username,
            email=person.email,
            phone=person.phone,
            language=person.language or group.language,
            time_zone=person.time_zone,
        )
        for person in group.members.filter(is_active=True).order_by("username")
    ]


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """The reader's language and time zone are the active ones."""
    zone = reader.time_zone or settings.OCEAN_DEFAULT_TIME_ZONE
    with translation.override(reader.language or "en"), timezone.override(zoneinfo.ZoneInfo(zone)):
        yield
