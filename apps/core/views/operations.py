"""Operations: the list, one of them as it goes, and asking for its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import django_tables2 as tables
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from apps.accounts.rights import Right, may, product_lines_visible, require
from apps.core.errors import NotNow
from apps.core.filters import OperationFilter
from apps.core.models import Operation
from apps.core.operations.controls import operation_control
from apps.core.operations.kinds import Control, all_kinds, controls_of, kind_label
from apps.core.operations.line import successor_of
from apps.core.operations.services import operation_cancel
from apps.core.selectors import clusters_shown, operations_visible
from apps.core.tables import SHORT, OceanTable
from apps.core.templatetags.ocean import ago, duration, operation_badge, progress
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage

LONGEST = 160
"""Characters of a reason or an error in a list."""
_PARAMETERS = {
    "version": gettext_lazy("version"),
    "instances": pgettext_lazy("number", "instances"),
    "task_id": gettext_lazy("task id"),
    "host": gettext_lazy("host"),
    "shrink": gettext_lazy("with one instance fewer"),
    "deadline_s": gettext_lazy("deadline (s)"),
    "previous.version": gettext_lazy("version before"),
    "previous.wanted": gettext_lazy("instances before"),
    "previous.expiry.at": gettext_lazy("would have expired"),
    "previous.expiry.during": gettext_lazy("instances until then"),
    "previous.expiry.instances": pgettext_lazy("after an expiry", "instances afterwards"),
    "action": gettext_lazy("action"),
    "jobs": pgettext_lazy("number", "jobs"),
    "to": gettext_lazy("to the cluster"),
    "strategy.kind": gettext_lazy("strategy"),
    "strategy.batch": gettext_lazy("batch"),
    "strategy.max_unavailable": gettext_lazy("unavailable at most"),
    "strategy.max_surge": gettext_lazy("extra at most"),
    "strategy.deadline_s": gettext_lazy("deadline (s)"),
    "strategy.canary_instances": gettext_lazy("first (instances)"),
    "strategy.canary_percent": gettext_lazy("first (percent)"),
    "strategy.hold_s": gettext_lazy("then waits (s)"),
    "strategy.slow_tolerated": gettext_lazy("may be slow"),
    "strategy.min_up_s": gettext_lazy("must stay up (s)"),
    "takes_over": gettext_lazy("takes over from operation"),
}
_STRATEGIES = {
    "rolling": gettext_lazy("rolling (in batches)"),
    "canary": gettext_lazy("canary (a few first)"),
    "blue-green": gettext_lazy("blue-green (all beside, then switch)"),
    "recreate": gettext_lazy("recreate (stop all first)"),
}
_ORDER = {key: place for place, key in enumerate(_PARAMETERS)}


class OperationTable(OceanTable):
    region = "operations"
    live = "operations"
    caption = gettext_lazy("Operations")
    empty_template = "core/_operations_empty.html"

    id = tables.Column(verbose_name="#")
    kind = tables.Column(verbose_name=pgettext_lazy("operation", "kind"))
    target = tables.TemplateColumn(
        template_name="core/_target.html",
        verbose_name=gettext_lazy("target"),
        attrs={"td": {"class": "ocean-target"}},
    )
    state = tables.Column(verbose_name=gettext_lazy("state"))
    requested_by = tables.Column(accessor="requested_by__username", verbose_name=gettext_lazy("requested by"))
    created_at = tables.Column(verbose_name=gettext_lazy("created"), attrs=SHORT)
    took = tables.Column(accessor="pk", verbose_name=gettext_lazy("took"), orderable=False, attrs=SHORT)

    def cell_id(self, operation: Operation) -> str:
        return format_html(
            '<a href="{0}" id="operation-link-{1}">#{1}</a>', operation.get_absolute_url(), operation.pk
        )

    def cell_kind(self, operation: Operation) -> str:
        return kind_label(operation.kind)

    def cell_state(self, operation: Operation) -> str:
        return state_in_words(operation)

    def cell_requested_by(self, operation: Operation) -> str:
        return operation.requested_by.get_username() if operation.requested_by else "Ocean"

    def cell_created_at(self, operation: Operation) -> str:
        return ago(operation.created_at)

    def cell_took(self, operation: Operation) -> str:
        return duration(operation)


def state_in_words(operation: Operation) -> SafeString:
    """An operation's state, how far it is or why it failed, and what it was asked for."""
    parts = [operation_badge(operation)]
    if operation.is_active:
        bar = progress(operation.progress, label=_("Progress"), moving=True)
        parts.append(format_html('<div class="mt-1">{}</div>', bar))
        if operation.message:
            parts.append(_small(operation.message_text))
    elif operation.error:
        parts.append(_small(Truncator(operation.error_text).chars(LONGEST)))
    if operation.reason:
        reason = Truncator(operation.reason).chars(LONGEST)
        parts.append(_small(_("Reason: %(reason)s") % {"reason": reason}))
    return format_html_join("\n", "{}", ((part,) for part in parts))


def _small(text: str) -> SafeString:
    return format_html('<div class="text-secondary small">{}</div>', text)


class OperationList(TablePage):
    table_class = OperationTable
    filterset_class = OperationFilter
    template_name = "core/operations.html"
    toolbar = ("search", "state", "kind", "product_line", "cluster")

    def get_queryset(self) -> QuerySet[Operation]:
        return operations_visible(self.request.user)

    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        lines = product_lines_visible(self.request.user)
        return {
            "kind": [(name, str(kind.label)) for name, kind in sorted(all_kinds().items())],
            "product_line": [(line.tag, line.title or line.tag) for line in lines],
            "cluster": [(cluster.name, cluster.name) for cluster in clusters_shown()],
        }


def operation(request: PageRequest, operation_id: int) -> HttpResponse:
    found = get_object_or_404(operations_visible(request.user), pk=operation_id)
    context = {
        "operation": found,
        "log": found.log.all(),
        "parameters": list(_readable(found.parameters)),
        "may_cancel": found.is_active and may(request.user, Right.CHANGE, found.product_line),
        "controls": controls_of(found),
        "successor": successor_of(found) if found.is_active else None,
    }
    parts = {"operation": "core/_operation.html"}
    return render_page(request, "core/operation.html", context, parts=parts)


@require_POST
def cancel(request: PageRequest, operation_id: int) -> HttpResponse:
    found = get_object_or_404(operations_visible(request.user), pk=operation_id)
    require(request.user, Right.CHANGE, found.product_line)
    if operation_cancel(found, by=request.user):
        messages.success(request, _("Asked to cancel: it ends at its next step."))
    else:
        messages.info(request, _("It had already ended, or somebody asked before you."))
    return redirect(found)


@require_POST
def tell(request: PageRequest, operation_id: int, control: str) -> HttpResponse:
    """Pause it, let it resume or go on; back to the page where that was asked (`next`)."""
    found = get_object_or_404(operations_visible(request.user), pk=operation_id)
    require(request.user, Right.CHANGE, found.product_line)
    try:
        operation_control(found, _control(control), by=request.user)
    except NotNow as exc:
        messages.warning(request, str(exc))
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return redirect(back if safe else found)


def _control(text: str) -> Control:
    known: dict[str, Control] = {str(control): control for control in get_args(Control)}
    if text not in known:
        raise Http404
    return known[text]


def _readable(parameters: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Name and value of each parameter; what the request said word for word (`asked`) is in them already."""
    for name, value in sorted(
        parameters.items(), key=lambda item: _ORDER.get(f"{path}{item[0]}", len(_ORDER))
    ):
        key = f"{path}{name}"
        if key == "asked" or value is None:
            continue
        if isinstance(value, Mapping):
            yield from _readable(value, f"{key}.")
        else:
            yield str(_PARAMETERS.get(key, key)), _in_words(value)


def _in_words(value: Any) -> Any:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _STRATEGIES.get(value, value) if isinstance(value, str) else value
