"""Every page needs a person, and every page and API answer comes in their own language and time zone."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth import middleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone, translation

from apps.accounts.preferences import TIME_ZONE_COOKIE
from apps.core.logs import bound


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Django's own: pages are closed unless marked open. A part that htmx asks for sends the whole page to the login
    instead of showing the login page inside it."""

    def handle_no_permission(  # type: ignore[override]  # Django sends on whatever response it is given
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return super().handle_no_permission(request, view_func)


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
