"""`jobs/{tag}/scaling/`: a job's policy, its decisions, pauses and approvals; `scaling/`: the pause of all."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import ApiView, Nothing
from apps.core.api.serializers import UtcDateTimeField
from apps.core.serializers import Reasoned, Strict
from apps.elastic.filters import DecisionFilter
from apps.elastic.models import ScalingDecision, ScalingPause, ScalingPolicy
from apps.elastic.policies import ScalingFields, policy_body
from apps.elastic.selectors import decisions_of, newest_decision, pause_of_all, policy_of, proposal_of
from apps.elastic.services import (
    Rest,
    policy_delete,
    policy_pause,
    policy_renew_callback,
    policy_resume,
    policy_set,
    proposal_approve,
    scaling_pause_all,
    scaling_resume_all,
)
from apps.elastic.words import decision_text, reason_text
from apps.jobs.api.base import OfJob, describe_tag
from apps.jobs.services.drafts import require_editable


class PauseFields(Reasoned):
    """Until when; an hour, where nothing is said."""

    until = serializers.DateTimeField(required=False)


class ApproveFields(Strict):
    """`instances`: the proposed number that was seen."""

    instances = serializers.IntegerField(min_value=0)


class PauseSerializer(serializers.Serializer[Any]):
    until = UtcDateTimeField()
    reason = serializers.CharField(allow_blank=True)
    by = serializers.CharField(allow_null=True)


class ProposalSerializer(serializers.Serializer[Any]):
    instances = serializers.IntegerField()
    since = UtcDateTimeField()


class WishSerializer(serializers.Serializer[Any]):
    """What one metric asked for by itself; `wanted` is null where too little was known of it."""

    metric = serializers.CharField()
    wanted = serializers.IntegerField(allow_null=True)
    value = serializers.FloatField(allow_null=True)
    code = serializers.CharField()
    text = serializers.CharField()


class DecisionSerializer(serializers.ModelSerializer[ScalingDecision]):
    """A decision, taken or not. The same again is `count` times until `last_time`. `verdict` is a code, `text` says it
    with its numbers; `limits` are the codes of what bounded it."""

    time = UtcDateTimeField(source="at")
    last_time = UtcDateTimeField(source="last_at")
    text = serializers.SerializerMethodField()
    metrics = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField()

    class Meta:
        model = ScalingDecision
        fields = [
            "id", "time", "last_time", "count", "verdict", "text", "instances", "wanted", "running", "healthy",
            "acted", "operation", "metrics", "limits",
        ]  # fmt: skip
        read_only_fields = fields

    def get_text(self, decision: ScalingDecision) -> str:
        return decision_text(decision)

    @extend_schema_field(WishSerializer(many=True))
    def get_metrics(self, decision: ScalingDecision) -> list[dict[str, Any]]:
        return [wish_shown(decision, metric, wish) for metric, wish in decision.wishes.items()]

    def get_limits(self, decision: ScalingDecision) -> list[str]:
        return [clamp["code"] for clamp in decision.clamps]


def wish_shown(decision: ScalingDecision, metric: str, wish: dict[str, Any]) -> dict[str, Any]:
    values = {**wish, "metric": metric}
    return {
        "metric": metric,
        "wanted": wish["wanted"],
        "value": decision.inputs.get(metric),
        "code": wish["code"],
        "text": reason_text(wish["code"], values),
    }


class StatusSerializer(serializers.Serializer[Any]):
    """How it stands: what holds it, what waits for a person, and the newest decision. `callback_is_old`: its signature
    was renewed, and Falcon still calls by the one from before, which counts until then."""

    paused = PauseSerializer(allow_null=True)
    all_paused = PauseSerializer(allow_null=True)
    proposal = ProposalSerializer(allow_null=True)
    decision = DecisionSerializer(allow_null=True)
    callback_is_old = serializers.BooleanField()
    changed = UtcDateTimeField()
    changed_by = serializers.CharField(allow_null=True)


def status_of(policy: ScalingPolicy) -> dict[str, Any]:
    now = timezone.now()
    paused = None
    if policy.is_paused(now=now):
        paused = {"until": policy.paused_until, "reason": policy.paused_reason, "by": policy.paused_by}
    shown = {
        "paused": paused,
        "all_paused": pause_of_all(now=now),
        "proposal": proposal_of(policy, now=now),
        "decision": newest_decision(policy.job),
        "callback_is_old": policy.callback_is_old,
        "changed": policy.updated_at,
        "changed_by": policy.updated_by,
    }
    return dict(StatusSerializer(shown).data)


class OfScaling(OfJob):
    """A view of a job that has a policy."""

    @property
    def policy(self) -> ScalingPolicy:
        """Raises Http404 for a job that nothing scales."""
        policy = policy_of(self.job)
        if policy is None:
            raise Http404
        policy.job = self.job
        return policy

    def shown(self) -> Response:
        policy = self.policy
        return Response({**policy_body(policy), "status": status_of(policy)})


@describe_tag
class ScalingView(OfScaling):
    """How a job's number of instances follows its metrics."""

    @extend_schema(
        responses=ScalingFields,
        operation_id="jobs_scaling_retrieve",
        summary="The job's policy, as it can be written, with its `status`; 404 where it has none.",
    )
    def get(self, request: Request, tag: str) -> Response:
        return self.shown()

    @extend_schema(
        request=ScalingFields,
        responses=ScalingFields,
        operation_id="jobs_scaling_update",
        summary="Give the job this policy, whole, in place of the one it has.",
    )
    def put(self, request: Request, tag: str) -> Response:
        policy_set(job=self.job, fields=request.data, by=self.person)
        return self.shown()

    @extend_schema(
        responses={204: None},
        operation_id="jobs_scaling_destroy",
        summary="Scale the job by metric no more; its instances stay as they are.",
    )
    def delete(self, request: Request, tag: str) -> Response:
        if not policy_delete(job=self.job, by=self.person):
            raise Http404
        return Response(status=HTTPStatus.NO_CONTENT)


@describe_tag
class ScalingPauseView(OfScaling):
    @extend_schema(
        request=PauseFields,
        responses=ScalingFields,
        operation_id="jobs_scaling_pause",
        summary="Leave the job's number alone until a time; decisions are still written down.",
    )
    def post(self, request: Request, tag: str) -> Response:
        policy = self.policy
        policy_pause(policy=policy, rest=Rest(**self.body(PauseFields)), by=self.person)
        return self.shown()


@describe_tag
class ScalingResumeView(OfScaling):
    @extend_schema(
        request=Nothing,
        responses=ScalingFields,
        operation_id="jobs_scaling_resume",
        summary="Go on before a pause ends.",
    )
    def post(self, request: Request, tag: str) -> Response:
        policy = self.policy
        self.body(Nothing)
        policy_resume(policy=policy, by=self.person)
        return self.shown()


@describe_tag
class ScalingRenewCallbackView(OfScaling):
    @extend_schema(
        request=Nothing,
        responses=ScalingFields,
        operation_id="jobs_scaling_renew_callback",
        summary="Sign the address that Falcon calls anew; the old one counts until Falcon has the new one.",
    )
    def post(self, request: Request, tag: str) -> Response:
        policy = self.policy
        self.body(Nothing)
        policy_renew_callback(policy=policy, by=self.person)
        return self.shown()


@describe_tag
class ScalingApproveView(OfScaling):
    @extend_schema(
        request=ApproveFields,
        responses=ScalingFields,
        operation_id="jobs_scaling_approve",
        summary="Approve the large step in that is proposed; the loop takes it if it still wants it.",
    )
    def post(self, request: Request, tag: str) -> Response:
        policy = self.policy
        require_editable(self.job, by=self.person)  # before what is wrong with the body is said
        proposal_approve(policy=policy, instances=self.body(ApproveFields)["instances"], by=self.person)
        return self.shown()


@describe_tag
class ScalingHistoryViewSet(OfJob, mixins.ListModelMixin, GenericViewSet[ScalingDecision]):
    """Every decision, taken or not, with the numbers that it was made from; the newest first."""

    serializer_class = DecisionSerializer
    filterset_class = DecisionFilter
    queryset = ScalingDecision.objects.none()

    def get_queryset(self) -> QuerySet[ScalingDecision]:
        return decisions_of(self.job)


class AllScalingSerializer(serializers.Serializer[Any]):
    """`paused` is null while scaling works."""

    paused = PauseSerializer(allow_null=True)


class _AllScaling(ApiView):
    def shown(self, pause: ScalingPause | None) -> Response:
        return Response(AllScalingSerializer({"paused": pause}).data)


class AllScalingView(_AllScaling):
    @extend_schema(
        responses=AllScalingSerializer,
        operation_id="scaling_retrieve",
        summary="Whether the scaling of all jobs is paused.",
    )
    def get(self, request: Request) -> Response:
        return self.shown(pause_of_all(now=timezone.now()))


class AllScalingPauseView(_AllScaling):
    @extend_schema(
        request=PauseFields,
        responses=AllScalingSerializer,
        operation_id="scaling_pause",
        summary="Pause the scaling of all jobs until a time (SREs).",
    )
    def post(self, request: Request) -> Response:
        return self.shown(scaling_pause_all(rest=Rest(**self.body(PauseFields)), by=self.person))


class AllScalingResumeView(_AllScaling):
    @extend_schema(
        request=Nothing,
        responses={200: OpenApiResponse(AllScalingSerializer)},
        operation_id="scaling_resume",
        summary="Go on with the scaling of all jobs (SREs).",
    )
    def post(self, request: Request) -> Response:
        self.body(Nothing)
        scaling_resume_all(by=self.person)
        return self.shown(None)
