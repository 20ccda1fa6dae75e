"""Chats and the like through apprise: one URL names the service and holds its key (`feishu://…`, `dingtalk://…`).

Source: https://github.com/caronc/apprise/wiki. The URL is a secret; `masked` shows its shape.
"""

from __future__ import annotations

import re

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyFormat
from apprise.plugins import NotifyBase

from clients.errors import Call, Unavailable

HOSTED = frozenset(
    {
        "dingtalk", "discord", "feishu", "lark", "larksuite", "line", "opsgenie", "pagerduty", "pover", "pushplus",
        "slack", "tgram", "wecombot", "wxteams",
    }
)  # fmt: skip
"""Services at an address of their own. Every other one names a server."""
TIMEOUT_S = 20
_LOCAL = frozenset({"dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "syslog", "rsyslog"})
"""What apprise would do on the worker's own machine."""
_ASSET = AppriseAsset(http_redirects=False, app_id="Ocean", app_desc="Ocean", app_url="", async_mode=False)


class Unusable(ValueError):
    """A URL that apprise does not understand, or that Ocean does not allow."""


def service_of(url: str) -> str:
    """The service that a URL names, by apprise's word. Raises Unusable."""
    _plugin(url)
    return url.partition("://")[0].strip().lower()


def is_hosted(url: str) -> bool:
    """Whether it can lead to that service alone. Options (`?template=http://…`) can make it ask others, too. Raises
    Unusable."""
    return service_of(url) in HOSTED and "?" not in url


def masked(url: str) -> str:
    """The URL as it may be shown: its service, and the first and last letter of its key. '' for none."""
    try:
        shown = _plugin(url).url(privacy=True)  # type: ignore[no-untyped-call]
        return str(shown).partition("?")[0]
    except Unusable:
        return ""


def chat_send(url: str, *, title: str, body: str) -> None:
    """Send once. Raises Unavailable with apprise's own words (it does not tell what may pass from what never will),
    Unusable for a URL that it does not understand."""
    sender = Apprise(asset=_ASSET)
    sender.add(_plugin(url))
    with sender.notify(body=body, title=title, body_format=NotifyFormat.TEXT, timeout=TIMEOUT_S) as result:
        if result:
            return
        said = " ".join(dict.fromkeys(_clean(str(entry.message), url) for entry in result.logs()))
    call: Call = {"remote": service_of(url), "operation": "notify"}
    raise Unavailable(said or "it was not delivered", **call)


def _plugin(url: str) -> NotifyBase:
    scheme = url.partition("://")[0].strip().lower()
    if "://" not in url or scheme in _LOCAL:
        raise Unusable(scheme)
    plugin = Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    if not isinstance(plugin, NotifyBase) or _reads(plugin):
        raise Unusable(scheme)
    return plugin


def _reads(plugin: NotifyBase) -> bool:
    """Whether it would send what it finds in a file of this machine, or at another address (Slack's and Discord's
    `template=`): Ocean's own keys, or a cloud's."""
    return any(isinstance(value, AppriseAttachment) and len(value) for value in vars(plugin).values())


def _clean(said: str, url: str) -> str:
    """What apprise logged, without what the URL keeps secret."""
    for secret in sorted(re.split(r"[/:@?&=]+", url.partition("://")[2]), key=len, reverse=True):
        if len(secret) > 3:
            said = said.replace(secret, "…")
    return said.strip()
