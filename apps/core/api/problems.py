"""Every error of the API as `application/problem+json` (RFC 9457): the one place where errors get an HTTP status.

`type` is a stable name for programs, `detail` a sentence for people in their language; `errors` name the fields.
The table of types is in docs/api.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import set_rollback

from apps.core.errors import (
    DomainError,
    FieldError,
    Forbidden,
    InvalidInput,
    KeyReused,
    NotNow,
    StaleVersion,
    TargetBusy,
)
from apps.core.logs import bound_fields
from apps.core.serializers import flatten_errors
from clients.errors import Conflict, NotFound, Refused, RemoteError, TimedOut, Unavailable

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ocean:problem:"
RETRY_AFTER_S = 5
"""When a scheduler that is away does not say itself when to ask again."""

_SLUGS = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not-acceptable",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem before it is rendered. `slug` ends its type; `extra` are members beside RFC 9457's own."""

    slug: str
    status: HTTPStatus
    detail: str
    errors: tuple[FieldError, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": TYPE_PREFIX + self.slug,
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            **self.extra,
        }
        if self.errors:
            body["errors"] = [_error_json(error) for error in self.errors]
        body["request_id"] = bound_fields().get("request", "")
        return body


def _error_json(error: FieldError) -> dict[str, Any]:
    said = {"field": error.field, "code": error.code, "detail": error.detail}
    return said if error.line is None else {**said, "line": error.line}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: whatever a view raised, as a problem. An error of ours says nothing of our insides."""
    problem = problem_of(exc)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.exception("request_crashed", exc_info=exc)
    elif isinstance(exc, RemoteError):
        log.warning("remote_failed", extra={"error": str(exc)})
    set_rollback()
    headers = dict(problem.headers)
    if "operation" in problem.extra:
        url = reverse("operation-detail", args=[problem.extra["operation"]], request=context.get("request"))
        headers["Location"] = url
    return Response(problem.as_json(), problem.status, headers=headers, content_type=CONTENT_TYPE)


def problem_of(exc: Exception) -> Problem:
    """The problem that an exception is. What nobody foresaw is a 500."""
    match exc:
        case DomainError():
            return _of_domain(exc)
        case RemoteError():
            return _of_remote(exc)
        case exceptions.APIException():
            return _of_framework(exc)
        case Http404():
            return Problem(
                "not-found", HTTPStatus.NOT_FOUND, _("There is no such thing, or none that you may know of.")
            )
        case PermissionDenied():
            return Problem("forbidden", HTTPStatus.FORBIDDEN, str(exc) or _("You may not do this."))
        case RequestDataTooBig():
            detail = _("The body is larger than %(size)s bytes.") % {
                "size": settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            }
            return Problem("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        case OperationalError() | InterfaceError():
            # The server is away, or a lock was not had in time.
            log.warning("database_failed", extra={"error": str(exc)})
            return _away(_("Ocean's database does not answer right now. Nothing was changed; try again."))
        case _:
            detail = _("Something went wrong inside Ocean. Tell an SRE the request_id.")
            return Problem("internal", HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def _of_domain(exc: DomainError) -> Problem:
    match exc:
        case InvalidInput():
            return Problem("invalid-input", HTTPStatus.BAD_REQUEST, str(exc), errors=exc.errors)
        case Forbidden():
            return Problem("forbidden", HTTPStatus.FORBIDDEN, str(exc))
        case StaleVersion():
            return Problem("stale-version", HTTPStatus.CONFLICT, str(exc), extra={"version": exc.latest})
        case TargetBusy():
            return Problem(
                "target-busy", HTTPStatus.CONFLICT, str(exc), extra={"operation": exc.operation.pk}
            )
        case NotNow():
            return Problem("not-now", HTTPStatus.CONFLICT, str(exc), extra={"operation": exc.operation.pk})
        case KeyReused():
            return Problem("idempotency-key-reused", HTTPStatus.CONFLICT, str(exc))
        case _:
            return Problem(exc.code.replace("_", "-"), HTTPStatus.BAD_REQUEST, str(exc))


def _of_remote(exc: RemoteError) -> Problem:
    """The scheduler's own words, and whether it is worth asking again. No API call writes to a scheduler, so a
    time-out here leaves nothing half-done."""
    match exc:
        case Unavailable():
            return _away(str(exc), after_s=exc.retry_after_s)
        case TimedOut():
            return _away(str(exc))
        case Refused():
            return Problem("scheduler-refused", HTTPStatus.UNPROCESSABLE_ENTITY, str(exc))
        case NotFound():
            return Problem("not-found", HTTPStatus.NOT_FOUND, str(exc))
        case Conflict():
            return Problem("scheduler-conflict", HTTPStatus.CONFLICT, str(exc))
        case _:
            return Problem("scheduler-unusable", HTTPStatus.BAD_GATEWAY, str(exc))


def _of_framework(exc: exceptions.APIException) -> Problem:
    """DRF's own: authentication, parsing, methods, and serializers that a view validated by itself."""
    status = HTTPStatus(exc.status_code)
    if isinstance(exc, exceptions.ValidationError):
        return _of_domain(InvalidInput(*flatten_errors(exc.detail, "")))
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(ceil(wait))
    return Problem(_SLUGS.get(status, "error"), status, str(exc.detail), headers=headers)


def _away(detail: str, *, after_s: float | None = None) -> Problem:
    headers = {"Retry-After": str(ceil(after_s or RETRY_AFTER_S))}
    return Problem("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
