"""Filters by query string. One class for each model serves API and page, so that a view can be shared either way."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.filters import search_smart_split

from apps.core.models import AuditEntry, Cluster, Drift, Notification, NotificationGroup, Operation, Severity

MAX_SEARCH = 200
"""Characters. Each word is a condition for each field and row."""


class SearchFilterSet(django_filters.FilterSet):  # type: ignore[misc] # django-filter is untyped
    """A filter set with `search`: each word, or "quoted phrase", must be in one of `search_fields`."""

    search_fields: ClassVar[tuple[str, ...]] = ()

    search = django_filters.CharFilter(method="filter_search", label=_("search"), max_length=MAX_SEARCH)

    def filter_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        words = search_smart_split(value)  # type: ignore[arg-type] # the stub is wrong: it takes a text
        conditions = (
            reduce(or_, (Q(**{f"{field}__icontains": word}) for field in self.search_fields))
            for word in words
        )
        return queryset.filter(reduce(and_, conditions, Q()))


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc] # django-filter is untyped
    """`true` or `false`; anything else is an error (django-filter's own BooleanFilter would ignore it)."""

    def __init__(self, **options: Any) -> None:
        choices = [("true", _("yes")), ("false", _("no"))]
        super().__init__(choices=choices, coerce=lambda text: text == "true", **options)


class ClusterFilter(SearchFilterSet):
    search_fields = ("name", "idc", "environment")

    idc = django_filters.CharFilter(label=_("data centre"))
    environment = django_filters.CharFilter(label=_("environment"))
    enabled = YesNoFilter(label=_("enabled"))

    class Meta:
        model = Cluster
        fields: ClassVar[list[str]] = []


class OperationFilter(SearchFilterSet):
    """`mine=true`: those that the person asked for. `active=true`: those that have not ended."""

    search_fields = ("target", "kind", "reason")

    kind = django_filters.CharFilter(label=_("kind"))
    state = django_filters.MultipleChoiceFilter(
        choices=Operation.State.choices, label=_("state"), distinct=False
    )
    active = YesNoFilter(method="filter_active", label=_("not ended"))
    target = django_filters.CharFilter(label=_("target"))
    mine = YesNoFilter(method="filter_mine", label=_("mine"))
    product_line = django_filters.CharFilter(field_name="product_line__tag", label=_("product line"))
    cluster = django_filters.CharFilter(field_name="cluster__name", label=_("cluster"))

    class Meta:
        model = Operation
        fields: ClassVar[list[str]] = []

    def filter_active(self, queryset: QuerySet[Operation], name: str, value: bool) -> QuerySet[Operation]:
        condition = Q(state__in=Operation.ACTIVE_STATES)
        return queryset.filter(condition if value else ~condition)

    def filter_mine(self, queryset: QuerySet[Operation], name: str, value: bool) -> QuerySet[Operation]:
        condition = Q(requested_by=self.request.user.pk)
        return queryset.filter(condition if value else ~condition)


class AuditFilter(SearchFilterSet):
    search_fields = ("object", "action", "actor__username")

    product_line = django_filters.CharFilter(field_name="product_line__tag", label=_("product line"))
    action = django_filters.CharFilter(label=_("action"))

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = []


class DriftFilter(SearchFilterSet):
    """`ignored=true`: those that somebody lets be."""

    search_fields = ("object", "kind")

    kind = django_filters.CharFilter(label=pgettext_lazy("drift", "kind"))
    cluster = django_filters.CharFilter(field_name="cluster__name", label=_("cluster"))
    ignored = YesNoFilter(method="filter_ignored", label=pgettext_lazy("drift", "ignored"))

    class Meta:
        model = Drift
        fields: ClassVar[list[str]] = []

    def filter_ignored(self, queryset: QuerySet[Drift], name: str, value: bool) -> QuerySet[Drift]:
        return queryset.filter(ignored_at__isnull=not value)


class NotificationGroupFilter(SearchFilterSet):
    search_fields = ("name", "title")

    product_line = django_filters.CharFilter(field_name="product_line__tag", label=_("product line"))
    enabled = YesNoFilter(label=_("enabled"))

    class Meta:
        model = NotificationGroup
        fields: ClassVar[list[str]] = []


class NotificationFilter(SearchFilterSet):
    search_fields = ("key", "group__name")

    group = django_filters.CharFilter(field_name="group__name", label=_("group"))
    severity = django_filters.ChoiceFilter(choices=Severity.choices, label=_("severity"))

    class Meta:
        model = Notification
        fields: ClassVar[list[str]] = []
