"""The list of jobs, and what the job form asks for while one types."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django_filters import FilterSet

from apps.accounts.rights import Right, lines_with, product_lines_visible
from apps.core.selectors import clusters_shown
from apps.core.views.pages import PageRequest
from apps.core.views.tables import TablePage, options
from apps.jobs.filters import JobFilter
from apps.jobs.models import Job
from apps.jobs.personal import views_of, with_favourite
from apps.jobs.releases.plan import MAX_ITEMS
from apps.jobs.selectors import jobs_visible, secret_names
from apps.jobs.tables import JobTable

SUGGESTIONS = 20


class JobListPage(TablePage):
    """The jobs that the person may know of."""

    table_class = JobTable
    filterset_class = JobFilter
    template_name = "jobs/list.html"
    toolbar = ("search", "product_line", "cluster", "state", "service")

    def choices(self) -> dict[str, list[tuple[str, str]]]:
        lines = product_lines_visible(self.request.user).values_list("tag", "pdl")
        return {
            "product_line": list(lines),
            "cluster": [(cluster.name, cluster.name) for cluster in clusters_shown()],
        }

    def get_filterset(self, filterset_class: type[FilterSet]) -> FilterSet:
        filters = super().get_filterset(filterset_class)
        filters.form.fields["service"].widget.attrs |= {"placeholder": _("Service")}
        return filters

    def get_queryset(self) -> QuerySet[Job]:
        return with_favourite(jobs_visible(self.request.user), self.request.user)

    def get_table_kwargs(self) -> dict[str, Any]:
        return {"may_create": self.may_create, "changeable": self.lines}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {**super().get_context_data(**kwargs), "may_create": self.may_create}
        if self.request.headers.get("HX-Target") is None:  # the rows alone show no views
            everybody = _("Everybody of %(line)s")
            lines = ((tag, everybody % {"line": tag}) for tag in self.lines.values())
            context |= {"views": views_of(self.request.user), "lines": self.lines, "for_whom": options(lines)}
            context |= {"matching": context["table"].paginator.count}
        return context

    @cached_property
    def may_create(self) -> bool:
        return bool(self.lines)

    @cached_property
    def lines(self) -> dict[int, str]:
        """Where the person may create jobs, and keep views for all: tags by primary key."""
        return dict(lines_with(self.request.user, Right.CHANGE).values_list("pk", "tag"))


@require_GET
def tags(request: PageRequest) -> HttpResponse:
    """The tags of the jobs that match the list's filters and that the person may change, as many as a release takes."""
    jobs = jobs_visible(request.user).filter(
        product_line__in=lines_with(request.user, Right.CHANGE), managed_by=""
    )
    filters = JobFilter(request.GET, queryset=jobs, request=request)
    if not filters.is_valid():
        return JsonResponse({"values": []}, status=HTTPStatus.BAD_REQUEST)
    return JsonResponse(
        {"values": list(filters.qs.order_by("tag").values_list("tag", flat=True)[:MAX_ITEMS])}
    )


@require_GET
def dependency_options(request: PageRequest) -> HttpResponse:
    """Tags of other jobs (`own` is the asking one) on the same cluster, for what was typed so far."""
    jobs = jobs_visible(request.user).filter(
        cluster__name=request.GET.get("cluster", ""), tag__icontains=request.GET.get("typed", "")[:200]
    )
    values = (
        jobs.exclude(tag=request.GET.get("own", ""))
        .order_by("tag")
        .values_list("tag", flat=True)[:SUGGESTIONS]
    )
    return render(request, "jobs/form/_options.html", {"values": values})


@require_GET
def secret_options(request: PageRequest) -> HttpResponse:
    """The names of a product line's secrets; their values never leave the database this way."""
    values = secret_names(request.user, product_line=request.GET.get("product_line", ""))
    return render(request, "jobs/form/_options.html", {"values": values})
