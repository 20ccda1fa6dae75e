"""A person's own language and time zone, for every page and API answer."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from apps.core.logs import bound

TIME_ZONE_COOKIE = "ocean_tz"
"""Set by the page's script from the browser, so that times are the reader's without asking."""


class PreferencesMiddleware:
    """The profile's language and zone; where none is chosen, the browser's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        language = getattr(user, "language", "")
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
        zone = getattr(user, "time_zone", "") or request.COOKIES.get(TIME_ZONE_COOKIE, "")
        timezone.activate(_zone(zone))
        try:
            with bound(user=user.get_username()):
                return self.get_response(request)
        finally:
            timezone.deactivate()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or settings.OCEAN_DEFAULT_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(settings.OCEAN_DEFAULT_TIME_ZONE)
