"""What every page's layout shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from apps.accounts.models import User
from apps.accounts.preferences import THEME_COOKIE
from apps.accounts.rights import is_sre


def console(request: HttpRequest) -> dict[str, Any]:
    """`theme` (light, dark or auto) and `is_sre`."""
    user = getattr(request, "user", None)
    chosen = user.theme if isinstance(user, User) else request.COOKIES.get(THEME_COOKIE, "")
    return {
        "theme": chosen if chosen in User.Theme.values else User.Theme.AUTO.value,
        "is_sre": isinstance(user, User) and is_sre(user),
    }
