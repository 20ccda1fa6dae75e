"""Filters of scaling's lists, for the API and the pages."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.filters import SearchFilterSet, YesNoFilter
from apps.elastic.models import ScalingDecision, ScalingPolicy


class DecisionFilter(django_filters.FilterSet):  # type: ignore[misc] # django-filter is untyped
    acted = YesNoFilter(label=_("taken"))
    verdict = django_filters.CharFilter()
    after = django_filters.IsoDateTimeFilter(field_name="last_at", lookup_expr="gte")
    before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = ScalingDecision
        fields = ["acted", "verdict", "after", "before"]


class PolicyFilter(SearchFilterSet):
    """`paused=true`: by a pause of the job's own that lasts."""

    search_fields = ("job__tag",)

    enabled = YesNoFilter(label=_("switched on"))
    paused = YesNoFilter(method="filter_paused", label=_("paused"))
    advise_only = YesNoFilter(label=_("only advises"))
    product_line = django_filters.CharFilter(field_name="job__product_line__tag", label=_("product line"))
    cluster = django_filters.CharFilter(field_name="job__cluster__name", label=_("cluster"))

    class Meta:
        model = ScalingPolicy
        fields: ClassVar[list[str]] = []

    def filter_paused(
        self, queryset: QuerySet[ScalingPolicy], name: str, value: bool
    ) -> QuerySet[ScalingPolicy]:
        condition = Q(paused_until__gt=timezone.now())
        return queryset.filter(condition) if value else queryset.exclude(condition)
