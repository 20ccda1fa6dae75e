"""`callbacks/chronos/{schedule}/`: what a schedule's Chronos job calls, with a token that is good for this alone."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, permissions, serializers
from rest_framework.authentication import get_authorization_header
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.base import ApiView
from apps.elastic.models import ScalingSchedule
from apps.elastic.schedules.chronos_jobs import AUTH_SCHEME
from apps.elastic.schedules.ringing import Rung, schedule_rung
from apps.elastic.schedules.tokens import token_is_good


class ScheduleRungView(ApiView):
    """A call when nothing is due, or once more, changes nothing and is answered the same way."""

    authentication_classes = []
    permission_classes = [permissions.AllowAny]

    @extend_schema(
        request=None,
        responses=inline_serializer(
            "ScheduleRung", {"result": serializers.ChoiceField(choices=[rung.value for rung in Rung])}
        ),
        auth=[],
        operation_id="callbacks_chronos",
        summary="Chronos rings for a schedule (`Authorization: Ocean-Schedule …`, the token of its job there).",
    )
    def post(self, request: Request, schedule_id: int) -> Response:
        scheme, _space, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != AUTH_SCHEME.lower():
            raise exceptions.NotAuthenticated(_("Only the schedule's own Chronos job may call this."))
        row = ScalingSchedule.objects.select_related("job").filter(pk=schedule_id).first()
        generation = 0 if row is None else row.token_generation
        good = token_is_good(token.strip(), schedule_id=schedule_id, generation=generation)
        if row is None or not good:
            raise exceptions.NotFound(_("There is no such schedule, or this is not its token."))
        return Response({"result": schedule_rung(schedule=row, now=timezone.now())})

    def get_authenticate_header(self, request: Request) -> str:
        """So that a missing token is a 401."""
        return AUTH_SCHEME
