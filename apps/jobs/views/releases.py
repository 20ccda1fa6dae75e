"""Releases: the list, one of them as it goes, and a new one with its plan."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Literal

import django_tables2 as tables
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.models import User
from apps.accounts.rights import Right, lines_with
from apps.core.errors import InvalidInput, NotNow
from apps.core.operations.kinds import controls_of
from apps.core.tables import NUMBER, SHORT, OceanTable
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage
from apps.jobs.filters import ReleaseFilter
from apps.jobs.forms.release import JobRow, ReleaseForm, UndoForm, item_wishes, job_rows
from apps.jobs.models import Job, Release, ReleaseItem
from apps.jobs.releases.plan import MAX_ITEMS, Plan, release_plan
from apps.jobs.selectors import jobs_visible, releases_visible, speaking_operation, with_items
from apps.jobs.services.releases import release_cancel, release_create, release_tell, release_undo

_OF_ITEM = re.compile(r"items\[(\d+)\]\.")


class ReleaseTable(OceanTable):
    region = "releases"
    live = "releases"
    caption = gettext_lazy("Releases")
    empty_template = "jobs/release/_empty.html"

    id = tables.TemplateColumn(template_name="jobs/release/_link.html", verbose_name="#")
    action = tables.TemplateColumn("{{ record.get_action_display }}", verbose_name=gettext_lazy("action"))
    jobs = tables.Column(
        accessor="jobs_count", verbose_name=gettext_lazy("Jobs"), orderable=False, attrs=NUMBER
    )
    state = tables.TemplateColumn(
        template_name="jobs/release/_state.html", verbose_name=gettext_lazy("state")
    )
    reason = tables.Column(verbose_name=gettext_lazy("reason"), orderable=False)
    requested_by = tables.Column(accessor="requested_by__username", verbose_name=gettext_lazy("requested by"))
    created_at = tables.TemplateColumn(
        "{% load ocean %}{% ago record.created_at %}", verbose_name=gettext_lazy("created"), attrs=SHORT
    )

    class Meta:
        order_by = "-id"

    def __init__(self, *args: Any, may_create: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_create = may_create


class ReleaseList(TablePage):
    table_class = ReleaseTable
    filterset_class = ReleaseFilter
    template_name = "jobs/release/list.html"
    toolbar = ("search", "action", "state")

    def get_queryset(self) -> QuerySet[Release]:
        return releases_visible(self.request.user).annotate(jobs_count=Count("items"))

    def get_table_kwargs(self) -> dict[str, Any]:
        return {"may_create": _may_create(self.request.user)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {**context, "may_create": context["table"].may_create}


@require_GET
def release(request: PageRequest, release_id: int) -> HttpResponse:
    """How far it is, stage by stage."""
    found = get_object_or_404(with_items(releases_visible(request.user), request.user), pk=release_id)
    operation, speaking = found.operation, speaking_operation(found)
    active = operation is not None and operation.is_active
    items = list(found.items.all())
    context = {
        "release": found,
        "operation": operation,
        "active": active,
        "stages": [(stage, list(rows)) for stage, rows in groupby(items, key=lambda item: item.stage)],
        "log": list(speaking.log.all()) if speaking else [],
        "undo_form": UndoForm(),
        "controls": controls_of(operation) if operation else (),
        "may_change": _may_change(request.user, found, items),
        "may_undo": not active and _may_be_undone(found, items),
    }
    return render_page(
        request, "jobs/release/detail.html", context, parts={"release": "jobs/release/_release.html"}
    )


@require_POST
def cancel(request: PageRequest, release_id: int) -> HttpResponse:
    found = get_object_or_404(releases_visible(request.user), pk=release_id)
    if release_cancel(release=found, by=request.user):
        messages.success(request, _("Asked to call it off."))
    else:
        messages.info(request, _("It had already ended, or somebody asked before you."))
    return redirect(found)


@require_POST
def tell(request: PageRequest, release_id: int, control: Literal["pause", "resume"]) -> HttpResponse:
    found = get_object_or_404(releases_visible(request.user), pk=release_id)
    try:
        release_tell(release=found, control=control, by=request.user)
    except NotNow as exc:
        messages.warning(request, str(exc))
    return redirect(found)


@require_POST
def undo(request: PageRequest, release_id: int) -> HttpResponse:
    found = get_object_or_404(releases_visible(request.user), pk=release_id)
    form = UndoForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        release_undo(release=found, by=request.user, reason=reason)
    except InvalidInput as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, _("Every job of it goes back to what ran before."))
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
def release_new(request: PageRequest) -> HttpResponse:
    """`?action=restart&job=…&job=…`, `version:<tag>=` for a publish, and `product_line=` whose jobs to choose from. The
    plan is there before anybody confirms, and is made anew with each change. The same may be posted, as many jobs do
    not fit an address; only with `begin` does anything begin."""
    data = request.POST if request.method == "POST" else request.GET
    sent = request.method == "POST" and "begin" in data
    form = ReleaseForm(data, sent=sent)
    rows = job_rows(_candidates(request, data.getlist("job"), data.get("product_line", "")), data)
    plan, errors = None, []
    if form.is_valid() and data.getlist("job"):
        wish = form.wish(item_wishes(data, publish=form.cleaned_data["action"] == Release.Action.PUBLISH))
        try:
            if sent:
                key = form.cleaned_data["key"]
                key = f"page:release:{request.user.pk}:{key}" if key else ""
                return HttpResponseRedirect(
                    release_create(wish=wish, by=request.user, idempotency_key=key).get_absolute_url()
                )
            plan = release_plan(wish, by=request.user)
        except InvalidInput as exc:
            errors = _put(exc, rows, [item.job for item in wish.items], form)
    elif sent and not data.getlist("job"):
        errors = [_("Choose at least one job.")]
    context = {
        "form": form,
        "rows": rows,
        "errors": errors,
        "plan": _shown(plan) if plan else None,
        "product_line": data.get("product_line", ""),
        "product_lines": lines_with(request.user, Right.CHANGE),
        "publishes": form["action"].value() == Release.Action.PUBLISH,
    }
    parts = {"release-form": "jobs/release/_form.html"}
    status = 422 if sent else 200
    return render_page(request, "jobs/release/new.html", context, parts=parts, status=status)


def _candidates(request: HttpRequest, chosen: list[str], line: str) -> list[Job]:
    """The chosen jobs and those of the product line, as many as a release may have."""
    wanted = Q(tag__in=chosen[:MAX_ITEMS])
    if line:
        wanted |= Q(product_line__tag=line, managed_by="")
    jobs = jobs_visible(request.user).filter(wanted).order_by("tag")
    return list(jobs[: 2 * MAX_ITEMS])


def _put(error: InvalidInput, rows: list[JobRow], tags: list[str], form: ReleaseForm) -> list[str]:
    """Each error at its job or field; those that fit none are returned."""
    by_tag = {row.job.tag: row for row in rows}
    rest = []
    for found in error.errors:
        match = _OF_ITEM.match(found.field)
        row = by_tag.get(tags[int(match[1])]) if match else None
        if row is not None:
            row.errors.append(found.detail)
        elif found.field in form.fields:
            form.say(found.field, found.detail)
        else:
            rest.append(found.detail)
    return rest


def _shown(plan: Plan) -> dict[str, Any]:
    return {"stages": list(enumerate(plan.stages, start=1)), "warnings": plan.warnings}


def _may_create(user: User) -> bool:
    return lines_with(user, Right.CHANGE).exists()


def _may_change(user: User, release: Release, items: list[ReleaseItem]) -> bool:
    """Whether to offer anything: the right on every job's line, of which none may be hidden."""
    lines = {item.job.product_line_id for item in items}
    seen = lines_with(user, Right.CHANGE).filter(pk__in=lines).count()
    return seen == len(lines) and ReleaseItem.objects.filter(release=release).count() == len(items)


def _may_be_undone(release: Release, items: list[ReleaseItem]) -> bool:
    done = {ReleaseItem.State.DONE, ReleaseItem.State.STUCK}
    return release.action != Release.Action.RESTART and any(item.state in done for item in items)
