"""Filters by query string, for API and pages alike."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import ProductLine
from apps.core.filters import SearchFilterSet


class ProductLineFilter(SearchFilterSet):
    search_fields = ("tag", "title")

    cop = django_filters.CharFilter(label=_("company"))
    owt = django_filters.CharFilter(label=_("department"))
    pdl = django_filters.CharFilter(label=_("product line"))

    class Meta:
        model = ProductLine
        fields: ClassVar[list[str]] = []
