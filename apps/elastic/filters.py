"""Filters of scaling's lists, for the API and the pages."""

from __future__ import annotations

import django_filters

from apps.core.filters import YesNoFilter
from apps.elastic.models import ScalingDecision


class DecisionFilter(django_filters.FilterSet):  # type: ignore[misc] # django-filter is untyped
    acted = YesNoFilter()
    verdict = django_filters.CharFilter()
    after = django_filters.IsoDateTimeFilter(field_name="last_at", lookup_expr="gte")
    before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = ScalingDecision
        fields = ["acted", "verdict", "after", "before"]
