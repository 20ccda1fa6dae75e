"""Filters by query string, for API and pages alike."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.core.filters import SearchFilterSet, YesNoFilter
from apps.hosts.models import Host


class HostFilter(SearchFilterSet):
    """`in_service=false`: those that are switched off, draining, or no longer listed by Mesos."""

    search_fields = ("hostname", "address", "rack")

    cluster = django_filters.CharFilter(field_name="cluster__name", label=_("cluster"))
    idc = django_filters.CharFilter(field_name="cluster__idc", label=_("data centre"))
    rack = django_filters.CharFilter(label=_("rack"))
    hostname = django_filters.CharFilter(label=_("host name"))
    in_service = YesNoFilter(method="filter_in_service", label=_("in service"))

    class Meta:
        model = Host
        fields: ClassVar[list[str]] = []

    def filter_in_service(self, queryset: QuerySet[Host], name: str, value: bool) -> QuerySet[Host]:
        condition = Q(active=True, draining=False, gone_since__isnull=True)
        return queryset.filter(condition if value else ~condition)
