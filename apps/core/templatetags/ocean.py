"""What templates of every app use: the navigation, states as badges, times, operation kinds in words."""

from __future__ import annotations

import re
from datetime import datetime

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, pgettext

from apps.core.audit import ACTIONS, DETAILS
from apps.core.models import Operation
from apps.core.operations.kinds import kind_label
from apps.core.relative_time import relative_time

register = template.Library()

_STATES: dict[str, tuple[str, str, bool]] = {
    # state: Tabler's colour, icon, whether something is moving
    "draft": ("secondary", "pencil", False),
    "deploying": ("blue", "loader-2", True),
    "running": ("green", "circle-check", False),
    "degraded": ("red", "alert-triangle", False),
    "stopped": ("secondary", "player-stop", False),
    "deleted": ("secondary", "trash", False),
    "queued": ("secondary", "clock", False),
    "paused": ("orange", "player-pause", False),
    "waiting": ("blue", "loader-2", True),
    "succeeded": ("green", "circle-check", False),
    "failed": ("red", "circle-x", False),
    "cancelled": ("orange", "ban", False),
    "staging": ("blue", "loader-2", True),
    "starting": ("blue", "loader-2", True),
    "killing": ("orange", "player-stop", False),
    "unreachable": ("orange", "plug-connected-x", False),
    "finished": ("secondary", "flag", False),
    "killed": ("secondary", "player-stop", False),
    "sending": ("blue", "loader-2", True),
    "sent": ("green", "circle-check", False),
    "info": ("blue", "info-circle", False),
    "warning": ("orange", "alert-triangle", False),
    "critical": ("red", "alert-octagon", False),
    "done": ("green", "circle-check", False),
    "skipped": ("secondary", "minus", False),
    "undoing": ("blue", "arrow-back-up", True),
    "undone": ("orange", "arrow-back-up", False),
    "kept": ("secondary", "pin", False),
    "stuck": ("red", "alert-triangle", False),
    "healthy": ("green", "heart", False),
    "unhealthy": ("red", "heart-broken", False),
    "active": ("green", "circle-check", False),
    "inactive": ("secondary", "circle-off", False),
    "draining": ("orange", "arrow-bar-to-down", False),
    "gone": ("red", "server-off", False),
}


@register.inclusion_tag("includes/_state_badge.html")
def state_badge(state: str, label: str = "") -> dict[str, object]:
    """A state in colour, sign and words: `{% state_badge job.state job.get_state_display %}`."""
    colour, icon, moving = _STATES.get(state, ("secondary", "help", False))
    return {"state": state, "label": label or state, "colour": colour, "icon": icon, "moving": moving}


@register.inclusion_tag("includes/_state_badge.html")
def operation_badge(operation: Operation) -> dict[str, object]:
    """An operation's state. Between two of its steps it waits for the scheduler, which to people is being under way:
    what it waits for is its message."""
    if operation.is_active and operation.paused_at is not None:
        return {**state_badge("paused", gettext("paused")), "moving": False}
    if operation.state in (Operation.State.RUNNING, Operation.State.WAITING):
        return state_badge(operation.state, pgettext("operation", "under way"))
    return state_badge(operation.state, operation.get_state_display())


@register.inclusion_tag("includes/_nav_item.html", takes_context=True)
def nav_item(
    context: template.Context, url_name: str, label: str, icon: str, exact: bool = False
) -> dict[str, object]:
    """A line of the main navigation; empty for a page that this installation does not have."""
    try:
        url = reverse(url_name)
    except NoReverseMatch:
        return {"url": ""}
    request = context.get("request")
    path = request.path if request else ""
    active = path == url if exact else path.startswith(url)
    return {"url": url, "label": label, "icon": icon, "active": active, "here": path == url}


@register.simple_tag
def ago(moment: datetime | None, empty: str = "–") -> SafeString | str:
    """A time as "3 minutes ago", kept true by static/js/times.js, the exact time in the reader's zone beside it."""
    if moment is None:
        return empty
    return _time(moment, relative_time(moment, now=timezone.now()), " data-relative")


@register.simple_tag
def moment(moment: datetime | None, empty: str = "–") -> SafeString | str:
    """A time in the reader's zone, to the second."""
    if moment is None:
        return empty
    return _time(moment, date_format(timezone.localtime(moment), "Y-m-d H:i:s"), "")


@register.simple_tag
def clock(moment: datetime) -> SafeString:
    """The time of day in the reader's zone, the date beside it: for lines of a log."""
    return _time(moment, date_format(timezone.localtime(moment), "H:i:s"), "")


@register.filter
def localday(moment: datetime) -> str:
    """The day in the reader's zone: over the lines of a time line."""
    return date_format(timezone.localtime(moment), "l, Y-m-d")


def _time(moment: datetime, text: str, attribute: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "Y-m-d H:i:s T"),
        SafeString(attribute),
        text,
    )


register.filter("kind_label", kind_label)  # {{ operation.kind|kind_label }}


@register.filter
def duration(operation: Operation) -> str:
    """How long an operation took, or has been at it."""
    end = operation.finished_at or timezone.now()
    seconds = max(0, int((end - operation.created_at).total_seconds()))
    if seconds < 60:
        return gettext("%(seconds)s s") % {"seconds": seconds}
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}
    hours, minutes = divmod(minutes, 60)
    return gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}


@register.filter
def breakable(tag: str) -> SafeString:
    """A tag or path that may break into lines after its separators, rather than in the middle of a word."""
    return mark_safe(re.sub(r"([_/])", r"\1<wbr>", escape(tag)))  # noqa: S308  # escaped just here


@register.filter
def action_label(action: str) -> str:
    """An audit entry's action in words."""
    return str(ACTIONS.get(action, action))


@register.filter
def detail_label(name: str) -> str:
    """The name of an audit entry's detail in words."""
    return str(DETAILS.get(name, name))
