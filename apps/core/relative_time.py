"""A time seen from now, in words: "3 minutes ago". The very words of static/js/times.js (the browser's own, by Unicode
CLDR), which keeps them true while the page is open: Django's `naturaltime` differs, and the text would jump."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import ngettext_lazy, pgettext

_UNITS = (
    # seconds in it, past, future
    (
        31_536_000,
        ngettext_lazy("%(count)s year ago", "%(count)s years ago", "count"),
        ngettext_lazy("in %(count)s year", "in %(count)s years", "count"),
    ),
    (
        2_592_000,
        ngettext_lazy("%(count)s month ago", "%(count)s months ago", "count"),
        ngettext_lazy("in %(count)s month", "in %(count)s months", "count"),
    ),
    (
        86_400,
        ngettext_lazy("%(count)s day ago", "%(count)s days ago", "count"),
        ngettext_lazy("in %(count)s day", "in %(count)s days", "count"),
    ),
    (
        3_600,
        ngettext_lazy("%(count)s hour ago", "%(count)s hours ago", "count"),
        ngettext_lazy("in %(count)s hour", "in %(count)s hours", "count"),
    ),
    (
        60,
        ngettext_lazy("%(count)s minute ago", "%(count)s minutes ago", "count"),
        ngettext_lazy("in %(count)s minute", "in %(count)s minutes", "count"),
    ),
    (
        1,
        ngettext_lazy("%(count)s second ago", "%(count)s seconds ago", "count"),
        ngettext_lazy("in %(count)s second", "in %(count)s seconds", "count"),
    ),
)


def relative_time(moment: datetime, *, now: datetime) -> str:
    """In the largest unit that fits, rounded towards now, in the active language."""
    seconds = round((moment - now).total_seconds())
    for size, past, future in _UNITS:
        if abs(seconds) >= size:
            return str((future if seconds > 0 else past) % {"count": abs(seconds) // size})
    return pgettext("time", "now")
