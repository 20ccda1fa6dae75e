"""A message in words, in the active language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.models import Notification, Severity, render_line

MAX_SHORT = 300
"""Characters of a text message."""


@dataclass(frozen=True, slots=True)
class Told:
    """One of the things that a message tells: its sentence, what more there is to say, where to look, how often."""

    subject: str
    lines: tuple[str, ...]
    url: str
    severity: str
    at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is read. `subject` is one line, `body` plain text, `short` fits a telephone."""

    subject: str
    body: str
    short: str
    parts: tuple[Told, ...]
    url: str


def render(notification: Notification) -> Message:
    """The message in the active language and time zone."""
    parts = tuple(_told(part) for part in notification.parts)
    first = parts[0]
    subject = first.subject
    if notification.events > 1:
        subject = ngettext(
            "%(count)s event: %(first)s", "%(count)s events: %(first)s", notification.events
        ) % {"count": notification.events, "first": first.subject}
    if notification.severity != Severity.INFO:
        # As a bracket in front: mail programs and telephones show the first words only.
        subject = f"[{Severity(notification.severity).label}] {subject}"
    paragraphs = [_paragraph(part, alone=notification.events == 1) for part in parts]
    left_out = notification.events - sum(part.count for part in parts)
    if left_out > 0:
        paragraphs.append(
            ngettext("And %(count)s event more.", "And %(count)s events more.", left_out)
            % {"count": left_out}
        )
    url = absolute(notification.get_absolute_url())
    footer = _("To the group %(group)s. This message in Ocean: %(url)s") % {
        "group": notification.group.name,
        "url": url,
    }
    body = "\n\n".join([*paragraphs, f"-- \n{footer}"]) + "\n"
    short = f"Ocean: {subject}"
    if len(short) > MAX_SHORT:
        short = short[: MAX_SHORT - 1] + "…"
    return Message(subject=" ".join(subject.split()), body=body, short=short, parts=parts, url=url)


def absolute(path: str) -> str:
    """A page's address for somebody who is not on one of our pages."""
    return urljoin(settings.OCEAN_PUBLIC_URL, path)


def _told(part: dict[str, Any]) -> Told:
    return Told(
        subject=render_line(part["text"], part["values"]),
        lines=tuple(render_line(line["text"], line["values"]) for line in part["lines"]),
        url=absolute(part["path"]) if part["path"] else "",
        severity=part["severity"],
        at=datetime.fromisoformat(part["at"]),
        last_at=datetime.fromisoformat(part["last_at"]),
        count=part["count"],
    )


def _paragraph(part: Told, *, alone: bool) -> str:
    """The sentence, how often and until when where that was more than once, what more there is, where to look."""
    first = part.subject
    if not alone:
        first = f"{_clock(part.at)}  {first}"
    if part.count > 1:
        times = ngettext("%(count)s time, last at %(time)s", "%(count)s times, last at %(time)s", part.count)
        first += f" ({times % {'count': part.count, 'time': _clock(part.last_at)}})"
    return "\n".join([first, *part.lines, *([part.url] if part.url else [])])


def _clock(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "H:i:s")
