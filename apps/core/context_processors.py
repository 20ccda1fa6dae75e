"""What every page's layout shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.accounts.rights import is_sre


def console(request: HttpRequest) -> dict[str, Any]:
    return (
        {"is_sre": is_sre(request.user), "languages": settings.LANGUAGES} if hasattr(request, "user") else {}
    )
