"""What the API's views share: the idempotency key, the 202 answer, and the address that does not exist."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from django.utils import translation
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.core.api.serializers import OperationSerializer
from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Operation
from apps.core.serializers import Strict, checked

if TYPE_CHECKING:
    from apps.accounts.models import User

IDEMPOTENCY_HEADER = "Idempotency-Key"
MAX_KEY = 200

IDEMPOTENCY_PARAMETER = OpenApiParameter(
    IDEMPOTENCY_HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=f"At most {MAX_KEY} characters of your own choice: the same request with the same key is done once.",
)
ACCEPTED = {
    202: OpenApiResponse(OperationSerializer, "Accepted: the operation, whose address is in `Location`.")
}

CallT = TypeVar("CallT", bound=Callable[..., Any])


class Nothing(Strict):
    """The body of an action that takes nothing: empty, or `{}`."""


def starts_operation(*, request: type[Strict], summary: str) -> Callable[[CallT], CallT]:
    """Describes a call that answers 202 with an operation."""
    described: Callable[[CallT], CallT] = extend_schema(
        request=request,
        responses=ACCEPTED,
        parameters=[IDEMPOTENCY_PARAMETER],
        summary=summary,
        description="",
    )
    return described


class ApiView(APIView):
    """The base of every view: a body checked by a strict serializer, the person, and their idempotency key."""

    @property
    def person(self) -> User:
        """Who is asking; IsAuthenticated has seen to it that it is somebody."""
        return cast("User", self.request.user)

    def perform_authentication(self, request: Request) -> None:
        """A program that names no language hears the one of its person's profile. (Who comes with a token is known only
        here; for a page's cookie the middleware has seen to it.)"""
        super().perform_authentication(request)
        language = getattr(request.user, "language", "")
        if language and "Accept-Language" not in request.headers:
            translation.activate(language)

    def body(self, shape: type[serializers.Serializer[Any]], **options: Any) -> dict[str, Any]:
        """The request's body. Raises InvalidInput with every bad field."""
        return cast("dict[str, Any]", checked(shape(data=self.request.data, **options)))

    def idempotency_key(self) -> str:
        """The person's own key as services want it, '' without one. Raises InvalidInput for one that is too long."""
        key = self.request.headers.get(IDEMPOTENCY_HEADER, "").strip()
        if len(key) > MAX_KEY:
            text = _("An Idempotency-Key has at most %(max)s characters.") % {"max": MAX_KEY}
            raise InvalidInput(FieldError(IDEMPOTENCY_HEADER, "max_length", text))
        return f"{self.person.pk}:{key}" if key else ""

    def accepted(self, operation: Operation) -> Response:
        """202 with the operation as it is now."""
        url = reverse("operation-detail", args=[operation.pk], request=self.request)
        return Response(OperationSerializer(operation).data, HTTPStatus.ACCEPTED, headers={"Location": url})


class NoSuchAddress(ApiView):
    """What is under /api/v1/ but is no address of the API: a problem, for whoever asks."""

    permission_classes = [permissions.AllowAny]
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        raise exceptions.NotFound(
            _("The API has no such address. Addresses end with a slash; /api/v1/docs/ lists them.")
        )
