"""Oneself, one's tokens, and the product lines with their members."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, mixins, permissions
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.api.serializers import (
    MemberFields,
    MemberSerializer,
    MeSerializer,
    NewProductLineFields,
    NewTokenSerializer,
    ProductLineSerializer,
    SignInFields,
    TokenFields,
    TokenSerializer,
)
from apps.accounts.filters import ProductLineFilter
from apps.accounts.forms import LoginForm
from apps.accounts.models import ApiToken, Membership, ProductLine, Role, User
from apps.accounts.rights import Right, product_lines_visible, require
from apps.accounts.services import (
    NewToken,
    member_remove,
    member_set,
    product_line_create,
    token_create,
    token_revoke,
    token_rotate,
)
from apps.accounts.throttle import WINDOW_S
from apps.core.api.base import ApiView, Nothing
from apps.core.errors import FieldError, InvalidInput

TAG = r"[^/\x00]+"
SIGNED_IN_FOR = timedelta(days=90)
"""How long a token that was made from a password lasts, unless the person says."""


class MeView(ApiView):
    @extend_schema(responses=MeSerializer, operation_id="users_me_retrieve", summary="Who am I?")
    def get(self, request: Request) -> Response:
        me = User.objects.prefetch_related("memberships__product_line").get(pk=self.person.pk)
        return Response(MeSerializer(me).data)


class TooManyAttempts(exceptions.Throttled):
    """In the form's own words, which say how long to wait: DRF would say it a second time."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)
        self.wait = WINDOW_S


class SignInView(ApiView):
    """The door for programs that have no token yet: the login page's own form, with its limit to guessing."""

    authentication_classes = []
    permission_classes = [permissions.AllowAny]

    @extend_schema(
        request=SignInFields,
        responses={201: NewTokenSerializer},
        auth=[],
        operation_id="tokens_create",
        summary="Make a token from a name and a password; its key is shown once.",
    )
    def post(self, request: Request) -> Response:
        fields = self.body(SignInFields)
        expires_at = _still_ahead(fields.get("expires", timezone.now() + SIGNED_IN_FOR))
        form = LoginForm(request._request, {"username": fields["username"], "password": fields["password"]})
        if form.has_error("__all__", "throttled"):
            raise TooManyAttempts(_words(form))
        if not form.is_valid():
            raise exceptions.AuthenticationFailed(_words(form))
        return _shown(token_create(user=form.get_user(), name=fields["name"], expires_at=expires_at))

    def get_authenticate_header(self, request: Request) -> str:
        """Without it DRF would answer 403 for a wrong password."""
        return "Token"


class TokenViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[ApiToken]):
    """One's own API tokens."""

    serializer_class = TokenSerializer
    lookup_value_regex = "[0-9]{1,18}"
    queryset = ApiToken.objects.none()

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.filter(user=self.person.pk)

    @extend_schema(
        request=TokenFields,
        responses={201: NewTokenSerializer},
        summary="Make a token; its key is shown once.",
    )
    def create(self, request: Request) -> Response:
        fields = self.body(TokenFields)
        expires_at = _still_ahead(fields["expires"])
        return _shown(token_create(user=self.person, name=fields["name"], expires_at=expires_at))

    @extend_schema(summary="Revoke a token; it stops working at once.")
    def destroy(self, request: Request, pk: str) -> Response:
        token_revoke(token=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(
        request=Nothing,
        responses={201: NewTokenSerializer},
        summary="Replace a token by a new one of the same name; the old one stops working at once.",
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        token = self.get_object()
        self.body(Nothing)
        return _shown(token_rotate(token=token, by=self.person))


class ProductLineViewSet(
    ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ProductLine]
):
    """The product lines that one may know of; SREs add new ones."""

    serializer_class = ProductLineSerializer
    lookup_field = "tag"
    lookup_value_regex = TAG
    filterset_class = ProductLineFilter
    ordering_fields = {"tag": "tag", "title": "title"}
    queryset = ProductLine.objects.none()

    def get_queryset(self) -> QuerySet[ProductLine]:
        return product_lines_visible(self.person)

    @extend_schema(
        request=NewProductLineFields,
        responses={201: ProductLineSerializer},
        summary="Add a product line (SREs).",
    )
    def create(self, request: Request) -> Response:
        fields = self.body(NewProductLineFields)
        line = product_line_create(by=self.person, **fields)
        line.refresh_from_db()  # the tag is the database's
        return Response(ProductLineSerializer(line).data, HTTPStatus.CREATED)


@extend_schema(
    parameters=[
        OpenApiParameter(
            "line", OpenApiTypes.STR, OpenApiParameter.PATH, description="The product line's tag."
        )
    ]
)
class MemberViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[Membership]):
    """Who may do what on a product line. Its owners, and SREs, let others in."""

    serializer_class = MemberSerializer
    lookup_field = "username"
    lookup_value_regex = r"[^/\x00]+"
    queryset = Membership.objects.none()
    kwargs: dict[str, Any]

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.filter(product_line=self._line()).select_related("user", "product_line")

    @extend_schema(
        request=MemberFields, responses=MemberSerializer, summary="Give a person a role, or change it."
    )
    def update(self, request: Request, line: str, username: str) -> Response:
        product_line = self._line()
        # The right first: whether a name exists is not for everybody.
        require(self.person, Right.MANAGE, product_line)
        role = Role(self.body(MemberFields)["role"])
        user = get_object_or_404(User, username=username, is_active=True)
        membership = member_set(product_line=product_line, user=user, role=role, by=self.person)
        return Response(MemberSerializer(membership).data)

    @extend_schema(summary="End a membership.")
    def destroy(self, request: Request, line: str, username: str) -> Response:
        membership = get_object_or_404(self.get_queryset(), user__username=username)
        member_remove(membership=membership, by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)

    def _line(self) -> ProductLine:
        return get_object_or_404(product_lines_visible(self.person), tag=self.kwargs["line"])


def _shown(new: NewToken) -> Response:
    body = {**TokenSerializer(new.row).data, "token": new.key}
    return Response(body, HTTPStatus.CREATED)


def _words(form: LoginForm) -> str:
    return " ".join(str(error) for error in form.non_field_errors())


def _still_ahead(moment: datetime | None) -> datetime | None:
    if moment is not None and moment <= timezone.now():
        raise InvalidInput(FieldError("expires", "past", _("This moment has passed.")))
    return moment
