"""The language in which the console answers. The command line's own words are English."""

from __future__ import annotations

import os
from collections.abc import Mapping


def accept_language(environment: Mapping[str, str] = os.environ) -> str:
    """OCEAN_LANG, or what the locale says; '' leaves it to the profile's language."""
    if chosen := environment.get("OCEAN_LANG"):
        return _tag(chosen)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return _tag(value)
    return ""


def _tag(locale: str) -> str:
    """`zh_CN.UTF-8` → `zh-hans`, `en_GB` → `en`; the locales that name no language → ''."""
    language = locale.partition(".")[0].partition("@")[0].replace("_", "-").lower()
    if language in ("", "c", "posix"):
        return ""
    return "zh-hans" if language.startswith("zh") else language.partition("-")[0]
