"""Product lines: the list, and one line with its jobs, people, secrets and what happened."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.accounts.filters import ProductLineFilter
from apps.accounts.forms import MemberForm
from apps.accounts.models import Membership, ProductLine, Role
from apps.accounts.rights import Right, product_lines_visible, right_on
from apps.accounts.services import member_remove, member_set
from apps.core.errors import InvalidInput
from apps.core.forms import add_errors
from apps.core.selectors import audit_visible, operations_visible
from apps.core.tables import NUMBER, OceanTable
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage
from apps.jobs.dashboard import Dashboard
from apps.jobs.forms.secrets import SecretForm
from apps.jobs.models import Secret
from apps.jobs.selectors import jobs_worst_first, lines_with_counts
from apps.jobs.services import secret_delete, secret_set
from apps.jobs.templating.selectors import templates_visible
from apps.jobs.usage import usage_by_day, usage_of

PARTS = {
    "dashboard-jobs": "jobs/dashboard/_jobs.html",
    "line-jobs": "jobs/product_line/_list.html",
    "line-operations": "jobs/product_line/_operations.html",
}
JOBS_SHOWN = 12
TEMPLATES_SHOWN = 8
OPERATIONS_SHOWN = 6
AUDIT_SHOWN = 8


class ProductLineTable(OceanTable):
    region = "product-lines"
    live = "jobs"
    caption = gettext_lazy("Product lines")
    empty_template = "jobs/product_line/_empty.html"

    tag = tables.TemplateColumn(
        template_name="jobs/product_line/_link.html", verbose_name=gettext_lazy("product line")
    )
    jobs_count = tables.Column(verbose_name=gettext_lazy("jobs"), attrs=NUMBER)
    trouble_count = tables.TemplateColumn(
        template_name="jobs/product_line/_trouble.html", verbose_name=gettext_lazy("in trouble"), attrs=NUMBER
    )
    members_count = tables.Column(verbose_name=gettext_lazy("members"), attrs=NUMBER)


class ProductLineList(TablePage):
    table_class = ProductLineTable
    filterset_class = ProductLineFilter
    template_name = "jobs/product_lines.html"

    def get_queryset(self) -> QuerySet[ProductLine]:
        return lines_with_counts(self.request.user)


def product_line(request: PageRequest, tag: str) -> HttpResponse:
    return _page(request, _line(request, tag))


@require_POST
def member(request: PageRequest, tag: str) -> HttpResponse:
    """Give a person a role: a new member, or another role for one."""
    line = _line(request, tag)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _page(request, line, member_form=form)
    user, role = form.cleaned_data["username"], Role(form.cleaned_data["role"])
    try:
        member_set(product_line=line, user=user, role=role, by=request.user)
    except InvalidInput as exc:
        add_errors(form, exc)
        return _page(request, line, member_form=form)
    messages.success(request, _("%(user)s is now %(role)s.") % {"user": user, "role": role.label})
    return redirect("jobs:product_line", line.tag)


@require_POST
def member_end(request: PageRequest, tag: str, membership_id: int) -> HttpResponse:
    line = _line(request, tag)
    membership = get_object_or_404(Membership, pk=membership_id, product_line=line)
    try:
        member_remove(membership=membership, by=request.user)
    except InvalidInput as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, _("%(user)s is no longer a member.") % {"user": membership.user})
    if not product_lines_visible(request.user).filter(pk=line.pk).exists():  # they left it themselves
        return redirect("jobs:product_lines")
    return redirect("jobs:product_line", line.tag)


@require_POST
def secret(request: PageRequest, tag: str) -> HttpResponse:
    """Add a secret, or replace the value of the one with this name."""
    line = _line(request, tag)
    form = SecretForm(request.POST)
    if form.is_valid():
        name, value = form.cleaned_data["name"], form.cleaned_data["value"]
        try:
            secret_set(product_line=line, name=name, value=value, by=request.user)
        except InvalidInput as exc:
            add_errors(form, exc)
        else:
            messages.success(request, _("The secret “%(name)s” is set.") % {"name": name})
            return redirect("jobs:product_line", line.tag)
    return _page(request, line, secret_form=form)


@require_POST
def secret_end(request: PageRequest, tag: str, secret_id: int) -> HttpResponse:
    line = _line(request, tag)
    found = get_object_or_404(Secret, pk=secret_id, product_line=line)
    secret_delete(secret=found, by=request.user)
    messages.success(request, _("The secret “%(name)s” is deleted.") % {"name": found.name})
    return redirect("jobs:product_line", line.tag)


def _line(request: PageRequest, tag: str) -> ProductLine:
    return get_object_or_404(product_lines_visible(request.user), tag=tag)


def _page(request: PageRequest, line: ProductLine, **forms: Any) -> HttpResponse:
    right = right_on(request.user, line) or 0
    now = timezone.now()
    context = {
        "line": line,
        "dashboard": Dashboard(
            request.user,
            url=reverse("jobs:product_line", args=[line.tag]),
            only=Q(product_line=line),
            query=urlencode({"product_line": line.tag}),
        ),
        "jobs": jobs_worst_first(request.user).filter(product_line=line)[:JOBS_SHOWN],
        "usage": usage_of(line, now=now),
        "usage_days": usage_by_day(line, now=now),
        "memberships": line.memberships.select_related("user").order_by("user__username"),
        "roles": Role.choices,
        "secrets": line.secrets.select_related("updated_by").defer("value"),
        "templates": templates_visible(request.user).filter(product_line=line)[:TEMPLATES_SHOWN],
        "operations": operations_visible(request.user).filter(product_line=line)[:OPERATIONS_SHOWN],
        "audit": audit_visible(request.user).filter(product_line=line)[:AUDIT_SHOWN],
        "may_change": right >= Right.CHANGE,
        "may_manage": right >= Right.MANAGE,
        "member_form": MemberForm(),
        "secret_form": SecretForm(initial={"name": request.GET.get("secret", "")}),
        **forms,
    }
    return render_page(request, "jobs/product_line.html", context, parts=PARTS, status=422 if forms else 200)
