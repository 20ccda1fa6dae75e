"""What templates of every app use: the navigation, states as badges, times, operation kinds in words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from apps.core.tables import OceanTable

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


@register.simple_tag
def state_badge(state: str, label: str = "") -> SafeString:
    """A state in colour, sign and words: `{% state_badge job.state job.get_state_display %}`. Made without a template:
    a list has one in each row."""
    colour, icon, moving = _STATES.get(state, ("secondary", "help", False))
    return format_html(
        '<span class="badge ocean-state bg-{}-lt" data-state="{}">'
        '<i class="ti ti-{}{}" aria-hidden="true"></i> {}</span>',
        colour,
        state,
        icon,
        " ocean-spin" if moving else "",
        label or state,
    )


@register.simple_tag
def operation_badge(operation: Operation) -> SafeString:
    """An operation's state. Between two of its steps it waits for the scheduler, which to people is being under way:
    what it waits for is its message."""
    if operation.is_active and operation.paused_at is not None:
        return state_badge("paused", gettext("paused"))
    if operation.state in (Operation.State.RUNNING, Operation.State.WAITING):
        return state_badge(operation.state, pgettext("operation", "under way"))
    return state_badge(operation.state, str(Operation.State(operation.state).label))


@register.simple_tag
def progress(percent: int, *, label: str, colour: str = "primary", moving: bool = False) -> SafeString:
    """`percent` 0–100, `label` what progresses, `colour` of Tabler, `moving` while it works."""
    return format_html(
        '<div class="progress" role="progressbar" aria-valuenow="{0}" aria-valuemin="0" aria-valuemax="100"'
        ' aria-label="{1}"><div class="progress-bar bg-{2}{3}" style="width: {0}%"></div></div>',
        percent,
        label,
        colour,
        " progress-bar-striped progress-bar-animated" if moving else "",
    )


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


@register.simple_tag(takes_context=True)
def table_body(context: template.Context, table: OceanTable) -> SafeString:
    """The rows of a table's page."""
    return table.body(context)


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
    return _time(moment, f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}", "")


@register.simple_tag
def clock(moment: datetime) -> SafeString:
    """The time of day in the reader's zone, the date beside it: for lines of a log."""
    return _time(moment, f"{timezone.localtime(moment):%H:%M:%S}", "")


@register.filter
def localday(moment: datetime) -> str:
    """The day in the reader's zone: over the lines of a time line."""
    return date_format(timezone.localtime(moment), "l, Y-m-d")


def _time(moment: datetime, text: str, attribute: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
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
