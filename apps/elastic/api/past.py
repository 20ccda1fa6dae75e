"""`jobs/{tag}/scaling/series/` and `…/backtest/`: what the metrics were, and what another policy would have done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.serializers import UtcDateTimeField
from apps.core.errors import FieldError, InvalidInput
from apps.core.serializers import Strict, checked
from apps.elastic.api.scaling import DecisionSerializer, OfScaling
from apps.elastic.backtesting import MAX_DAYS, backtest_compared
from apps.elastic.history import decisions_between, limits_shown, recorded_of, sizes_of
from apps.elastic.models import ScalingPolicy
from apps.elastic.planning.backtest import Backtest
from apps.elastic.policies import UNITS, ScalingFields
from apps.jobs.api.base import OfJob, describe_tag
from apps.jobs.services.drafts import require_editable
from apps.jobs.spec.fields import NumberField

LAST = timedelta(hours=1)
LONGEST = timedelta(days=31)


class SeriesQuery(Strict):
    """Two moments; without `end` now, without `start` the hour before."""

    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False)

    def moments(self) -> tuple[datetime, datetime]:
        """Raises InvalidInput."""
        given = checked(self)
        end = given.get("end") or timezone.now()
        if not 1970 <= end.year <= 2999:
            raise InvalidInput(FieldError("end", "year", _("The year has to be from 1970 to 2999.")))
        start = given.get("start") or end - LAST
        if start >= end:
            raise InvalidInput(FieldError("start", "after_end", _("The start must be before the end.")))
        if end - start > LONGEST:
            text = _("At most %(days)s days at once.") % {"days": LONGEST.days}
            raise InvalidInput(FieldError("start", "too_long", text))
        return start, end


class PointSerializer(serializers.Serializer[Any]):
    """The mean of the `reporting` instances."""

    time = UtcDateTimeField()
    value = serializers.FloatField()
    reporting = serializers.IntegerField()


class LimitSerializer(serializers.Serializer[Any]):
    """`sign`: `>` adds instances, `<` takes some away, `=` is to be held."""

    value = serializers.FloatField()
    sign = serializers.CharField()


class MetricSeriesSerializer(serializers.Serializer[Any]):
    metric = serializers.CharField()
    unit = serializers.CharField()
    limits = LimitSerializer(many=True)
    points = PointSerializer(many=True)


class SizeSerializer(serializers.Serializer[Any]):
    """The instances from this moment on."""

    time = UtcDateTimeField()
    wanted = serializers.IntegerField()
    running = serializers.IntegerField()


class SeriesSerializer(serializers.Serializer[Any]):
    """`away`: why the points are those of the decisions and not the monitoring's; empty where they are its own."""

    start = UtcDateTimeField()
    end = UtcDateTimeField()
    step_s = serializers.FloatField()
    away = serializers.CharField(allow_blank=True)
    metrics = MetricSeriesSerializer(many=True)
    instances = SizeSerializer(many=True)
    decisions = DecisionSerializer(many=True)


@describe_tag
class ScalingSeriesView(OfScaling):
    """The metrics with their limits, the instances, and what was decided, on one time line."""

    @extend_schema(
        parameters=[SeriesQuery],
        responses=SeriesSerializer,
        operation_id="jobs_scaling_series",
        summary="What the history chart is drawn from.",
    )
    def get(self, request: Request, tag: str) -> Response:
        policy = self.policy
        start, end = SeriesQuery(data=request.query_params.dict()).moments()
        return Response(SeriesSerializer(_series(policy, start=start, end=end)).data)


def _series(policy: ScalingPolicy, *, start: datetime, end: datetime) -> dict[str, Any]:
    names = [entry["metric"] for entry in policy.metrics]
    recorded = recorded_of(policy.job, names, start=start, end=end)
    decisions = decisions_between(policy.job, start=start, end=end)
    limits = limits_shown(policy)
    return {
        "start": start,
        "end": end,
        "step_s": recorded.apart_s,
        "away": recorded.away,
        "metrics": [
            {
                "metric": name,
                "unit": UNITS[name],
                "limits": [{"value": value, "sign": sign} for value, sign in limits.get(name, [])],
                "points": [
                    {
                        "time": datetime.fromtimestamp(sample.time_s, UTC),
                        "value": sample.value,
                        "reporting": sample.reporting,
                    }
                    for sample in recorded.samples[name]
                ],
            }
            for name in names
        ],
        "instances": [
            {
                "time": datetime.fromtimestamp(size.time_s, UTC),
                "wanted": size.wanted,
                "running": size.running,
            }
            for size in sizes_of(policy.job, decisions, start=start, end=end)
        ],
        "decisions": decisions,
    }


class BacktestFields(Strict):
    """A policy as `PUT` takes it, and how many days to replay, or what part of one: the shorter, the finer."""

    policy = ScalingFields()
    days = NumberField(min_value=0.01, max_value=MAX_DAYS, default=1)


class SizeStepSerializer(serializers.Serializer[Any]):
    time = UtcDateTimeField()
    instances = serializers.IntegerField()


class BacktestSerializer(serializers.Serializer[Any]):
    """`breach_s`: seconds in which a metric was above its limit (the threshold, or a fifth above the target);
    `flaps`: changes back within ten minutes."""

    seconds = serializers.FloatField()
    breach_s = serializers.FloatField()
    breach_share = serializers.FloatField()
    instance_hours = serializers.FloatField()
    changes = serializers.IntegerField()
    flaps = serializers.IntegerField()
    least = serializers.IntegerField()
    most = serializers.IntegerField()
    sizes = serializers.SerializerMethodField()

    @extend_schema_field(SizeStepSerializer(many=True))
    def get_sizes(self, result: Backtest) -> list[dict[str, Any]]:
        steps = [
            {"time": datetime.fromtimestamp(at_s, UTC), "instances": count} for at_s, count in result.sizes
        ]
        return list(SizeStepSerializer(steps, many=True).data)


class ComparedSerializer(serializers.Serializer[Any]):
    """Each null where there are no samples of its metrics; `today` also where the job has no policy."""

    changed = BacktestSerializer(allow_null=True)
    today = BacktestSerializer(allow_null=True)
    samples = serializers.IntegerField()
    away = serializers.CharField(allow_blank=True)


@describe_tag
class ScalingBacktestView(OfJob):
    """A changed policy beside today's, over the samples of past days. Changes nothing."""

    @extend_schema(
        request=BacktestFields,
        responses=ComparedSerializer,
        operation_id="jobs_scaling_backtest",
        summary="What this policy would have done with the past, beside today's.",
    )
    def post(self, request: Request, tag: str) -> Response:
        job = self.job
        require_editable(job, by=self.person)
        days = self.body(BacktestFields)["days"]  # and the policy is known to be valid
        fields = cast("dict[str, Any]", request.data)["policy"]
        compared = backtest_compared(job, fields, span=timedelta(days=days))
        return Response(ComparedSerializer(compared).data)
