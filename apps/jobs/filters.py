"""Filters by query string, for API and pages alike."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.core.filters import SearchFilterSet, YesNoFilter
from apps.jobs.models import Instance, Job, JobOrigin, JobTemplate, JobVersion, Release, ReleaseItem, Slot
from apps.jobs.personal import favourite, mine
from apps.jobs.selectors import IN_TROUBLE, jobs_visible


class JobFilter(SearchFilterSet):
    """`state` may be given several times. `in_trouble=true`: not as wanted, or held up on the way there. `mine=true`:
    those that the person made, saved a version of, or asked an operation of; `favourite=true`: those they starred."""

    search_fields = ("tag",)

    product_line = django_filters.CharFilter(field_name="product_line__tag", label=_("product line"))
    cluster = django_filters.CharFilter(field_name="cluster__name", label=_("cluster"))
    state = django_filters.MultipleChoiceFilter(
        choices=[choice for choice in Job.State.choices if choice[0] != Job.State.DELETED],
        label=_("state"),
        distinct=False,  # no join multiplies rows, and sorting all of them to find out is slow
    )
    service = django_filters.CharFilter(label=_("service"))
    name = django_filters.CharFilter(label=_("name"))
    in_trouble = YesNoFilter(method="filter_in_trouble", label=_("in trouble"))
    mine = YesNoFilter(method="filter_mine", label=_("mine"))
    favourite = YesNoFilter(method="filter_favourite", label=_("favourite"))

    class Meta:
        model = Job
        fields: ClassVar[list[str]] = []

    def filter_in_trouble(self, queryset: QuerySet[Job], name: str, value: bool) -> QuerySet[Job]:
        return queryset.filter(IN_TROUBLE if value else ~IN_TROUBLE)

    def filter_mine(self, queryset: QuerySet[Job], name: str, value: bool) -> QuerySet[Job]:
        condition = mine(self.request.user)
        return queryset.filter(condition if value else ~condition)

    def filter_favourite(self, queryset: QuerySet[Job], name: str, value: bool) -> QuerySet[Job]:
        condition = favourite(self.request.user)
        return queryset.filter(condition if value else ~condition)


class InstanceFilter(SearchFilterSet):
    search_fields = ("task_id", "host", "ip")

    host = django_filters.CharFilter(label=_("host"))
    state = django_filters.MultipleChoiceFilter(
        choices=Instance.State.choices, label=_("state"), distinct=False
    )
    version = django_filters.NumberFilter(label=_("version"))
    slot = django_filters.ChoiceFilter(choices=Slot.choices, label=_("slot"))

    class Meta:
        model = Instance
        fields: ClassVar[list[str]] = []


class JobVersionFilter(SearchFilterSet):
    search_fields = ("note", "author__username")

    class Meta:
        model = JobVersion
        fields: ClassVar[list[str]] = []


class JobOriginFilter(SearchFilterSet):
    search_fields = ("job__tag",)

    class Meta:
        model = JobOrigin
        fields: ClassVar[list[str]] = []


class JobTemplateFilter(SearchFilterSet):
    search_fields = ("name", "title", "title_zh")

    kind = django_filters.CharFilter(label=_("kind"))

    class Meta:
        model = JobTemplate
        fields: ClassVar[list[str]] = []


class ReleaseFilter(SearchFilterSet):
    """`mine=true`: those that the person asked for. `job`: those with this job, by its tag."""

    search_fields = ("reason", "requested_by__username")

    action = django_filters.ChoiceFilter(choices=Release.Action.choices, label=_("action"))
    state = django_filters.MultipleChoiceFilter(
        choices=Release.State.choices, label=_("state"), distinct=False
    )
    mine = YesNoFilter(method="filter_mine", label=_("mine"))
    job = django_filters.CharFilter(method="filter_job", label=_("job"))

    class Meta:
        model = Release
        fields: ClassVar[list[str]] = []

    def filter_mine(self, queryset: QuerySet[Release], name: str, value: bool) -> QuerySet[Release]:
        condition = Q(requested_by=self.request.user.pk)
        return queryset.filter(condition if value else ~condition)

    def filter_job(self, queryset: QuerySet[Release], name: str, value: str) -> QuerySet[Release]:
        jobs = jobs_visible(self.request.user).filter(tag=value)
        return queryset.filter(Exists(ReleaseItem.objects.filter(release=OuterRef("pk"), job__in=jobs)))
