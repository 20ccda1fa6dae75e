"""What wraps every request: an id for the logs, and domain errors as pages."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from apps.core.errors import DomainError, Forbidden, StaleVersion, TargetBusy
from apps.core.logs import bound

log = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponse]
_ID = re.compile(r"[\w.-]{1,64}")


class RequestIdMiddleware:
    """Gives each request an id (a proxy's `X-Request-ID`, or a new one), binds it for the logs and sends it back."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        start = time.monotonic()
        with bound(request=request_id):
            response = self.get_response(request)
            took_ms = round((time.monotonic() - start) * 1000)
            log.info(
                "request",
                extra={
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "ms": took_ms,
                },
            )
        response["X-Request-ID"] = request_id
        return response


class NulMiddleware:
    """Refuses addresses with a NUL in them: they name nothing, and PostgreSQL takes none in a text. (Forms and the API
    look at what is sent to them.)"""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        in_query = "%00" in request.META["QUERY_STRING"]
        if not request.path.startswith("/api/") and ("\0" in request.path or in_query):
            raise BadRequest("the address holds a NUL")
        return self.get_response(request)


class DomainErrorMiddleware:
    """Turns a domain error that a page's view let through into a page that says it in words (the API has its
    own handler)."""

    STATUS: dict[type[DomainError], int] = {TargetBusy: 409, StaleVersion: 409, Forbidden: 403}

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        status = self.STATUS.get(type(exception), 400)
        operation = exception.operation if isinstance(exception, TargetBusy) else None
        context = {"error": exception, "operation": operation, "back": _same_site(request)}
        if not request.headers.get("HX-Request"):
            return render(request, "core/problem.html", context, status=status)
        response = render(request, "core/_problem.html", context, status=status)
        response["HX-Reswap"] = "none"
        return response


def _same_site(request: HttpRequest) -> str:
    """The page that the person came from, where it is one of ours."""
    before = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    return before if ours else ""
