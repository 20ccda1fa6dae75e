"""What the template of a problem needs: links to hosts, and the change that it suggests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from apps.jobs.views import suggestions

register = template.Library()


@register.simple_tag
def with_hosts(text: str, hosts: Sequence[str], cluster: str) -> SafeString:
    """The text, with each of these hosts' names in it a link to the host's page."""
    names = "|".join(re.escape(name) for name in sorted(hosts, key=len, reverse=True) if name)
    pieces = re.split(rf"(?<![\w.-])({names})(?![\w-])", text) if names else [text]
    # Every second piece is a name.
    shown = [_host_link(piece, cluster) if at % 2 else escape(piece) for at, piece in enumerate(pieces)]
    return SafeString("".join(shown))


@register.filter
def change_value(value: Any) -> str:
    """A value of a suggested change as people read it."""
    return suggestions.change_shown(value)


@register.simple_tag
def suggestion_token(change: Mapping[str, Any]) -> str:
    """What the form's address takes to be filled with the change."""
    return suggestions.suggestion_token(change)


def _host_link(name: str, cluster: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("jobs:host", args=[cluster, name]), name)
