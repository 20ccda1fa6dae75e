"""The audit trail: who changed what inside Ocean."""

from __future__ import annotations

from collections.abc import Mapping

import django_tables2 as tables
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.rights import product_lines_visible
from apps.core.audit import ACTIONS
from apps.core.filters import AuditFilter
from apps.core.models import AuditEntry
from apps.core.selectors import audit_visible
from apps.core.tables import SHORT, OceanTable
from apps.core.views.tables import TablePage


class AuditTable(OceanTable):
    region = "audit"
    caption = _("Audit trail")

    at = tables.TemplateColumn("{% load ocean %}{% moment record.at %}", verbose_name=_("time"), attrs=SHORT)
    actor = tables.Column(accessor="actor__username", verbose_name=_("who"), default="Ocean")
    action = tables.TemplateColumn(
        "{% load ocean %}{{ record.action|action_label }}", verbose_name=_("action")
    )
    object = tables.Column(verbose_name=_("object"), attrs={"td": {"class": "ocean-tag"}})
    detail = tables.TemplateColumn(
        template_name="core/_audit_detail.html", verbose_name=_("detail"), orderable=False
    )


class AuditList(TablePage):
    table_class = AuditTable
    filterset_class = AuditFilter
    template_name = "core/audit.html"
    toolbar = ("search", "action", "product_line")

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return audit_visible(self.request.user)

    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        lines = product_lines_visible(self.request.user)
        return {
            "action": [(action, str(label)) for action, label in ACTIONS.items()],
            "product_line": [(line.tag, line.title or line.tag) for line in lines],
        }
