"""What outside disagrees with what was asked for: a list for SREs, with a button for each way out."""

from __future__ import annotations

from collections.abc import Mapping

import django_tables2 as tables
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from apps.core.drift import drift_fix, kind_title, kinds
from apps.core.errors import InvalidInput
from apps.core.filters import DriftFilter
from apps.core.models import Drift
from apps.core.selectors import clusters_shown, drift_visible
from apps.core.tables import SHORT, OceanTable
from apps.core.views.pages import PageRequest
from apps.core.views.tables import TablePage


class DriftTable(OceanTable):
    region = "drift"
    live = "drift"
    caption = pgettext_lazy("navigation", "Drift")
    empty_template = "core/drift/_empty.html"

    since = tables.TemplateColumn(
        "{% load ocean %}{% ago record.since %}", verbose_name=gettext_lazy("since"), attrs=SHORT
    )
    kind = tables.Column(verbose_name=pgettext_lazy("drift", "kind"))
    cluster = tables.Column(accessor="cluster__name", verbose_name=gettext_lazy("cluster"), default="–")
    object = tables.Column(verbose_name=gettext_lazy("object"), attrs={"td": {"class": "ocean-tag"}})
    difference = tables.Column(verbose_name=gettext_lazy("difference"), orderable=False, empty_values=())
    actions = tables.TemplateColumn(
        template_name="core/drift/_actions.html", verbose_name=gettext_lazy("what to do"), orderable=False
    )

    def cell_kind(self, record: Drift) -> str:
        return str(kind_title(record.kind))

    def cell_difference(self, record: Drift) -> SafeString:
        """The lines that only one side has."""
        sides = (
            (pgettext("drift", "wanted"), record.wanted, record.found),
            (pgettext("drift", "found"), record.found, record.wanted),
        )
        lines = ((word, line) for word, mine, other in sides for line in mine if line not in other)
        return format_html_join(
            "", '<div><span class="text-secondary">{}</span> <code>{}</code></div>', lines
        )


class DriftList(TablePage):
    table_class = DriftTable
    filterset_class = DriftFilter
    template_name = "core/drift/list.html"
    toolbar = ("search", "kind", "cluster", "ignored")

    def get_queryset(self) -> QuerySet[Drift]:
        return drift_visible(self.request.user)

    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        return {
            "kind": [(kind.name, str(kind.title)) for kind in kinds()],
            "cluster": [(cluster.name, cluster.name) for cluster in clusters_shown()],
        }


@require_POST
def fix(request: PageRequest, drift_id: int) -> HttpResponse:
    found = get_object_or_404(drift_visible(request.user), pk=drift_id)
    action = request.POST.get("action", "")
    try:
        drift_fix(drift=found, action=action, by=request.user)
    except InvalidInput as exc:
        messages.error(request, " ".join(error.detail for error in exc.errors))
    else:
        text = (
            _("It is left as it is.")
            if action == "ignore"
            else _("Asked for. The row goes when both agree again.")
        )
        messages.success(request, text)
    return redirect("core:drift")
