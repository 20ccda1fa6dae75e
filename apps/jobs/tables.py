"""The tables of the job pages."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, ClassVar

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.tables import NUMBER, SHORT, OceanTable
from apps.core.templatetags.ocean import ago
from apps.jobs.models import Instance, Job, JobVersion


class Cell(tables.TemplateColumn):  # type: ignore[misc] # django-tables2 is untyped
    """A cell by a template of `jobs/columns/`, which sees its `table` also when only a part of the page is made."""

    def __init__(self, template: str, **kwargs: Any) -> None:
        super().__init__(template_name=f"jobs/columns/{template}", **kwargs)

    def get_context_data(self, *, table: tables.Table, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(table=table, **kwargs), "table": table}


MARK = {"th": {"class": "job-star-head"}, "td": {"class": "job-star-cell"}}
"""`attrs` of a narrow column whose heading only screen readers need."""


class JobTable(OceanTable):
    region = "jobs"
    live = "jobs"
    caption = _("Jobs")
    empty_template = "jobs/_empty_list.html"

    choose = Cell("_choose.html", verbose_name=_("Chosen"), accessor="pk", orderable=False, attrs=MARK)
    favourite = Cell(
        "_favourite.html", verbose_name=_("Favourite"), accessor="pk", orderable=False, attrs=MARK
    )
    tag = Cell(
        "_job.html",
        verbose_name=pgettext_lazy("column", "Job"),
        order_by="tag",
        attrs={"td": {"class": "job-name"}},
    )
    product_line = tables.Column(
        accessor="product_line__pdl",
        order_by="product_line__tag",
        verbose_name=_("Product line"),
        attrs=SHORT,
    )
    cluster = tables.Column(accessor="cluster__name", verbose_name=_("Cluster"), attrs=SHORT)
    state = Cell("_state.html", verbose_name=_("State"))
    instances = Cell(
        "_instances.html",
        verbose_name=_("Instances"),
        order_by=("healthy", "wanted"),
        attrs=NUMBER,
    )
    version = Cell("_version.html", verbose_name=_("Version"), order_by="running_version")
    since = tables.Column(accessor="state_since", verbose_name=_("Since"), attrs=SHORT)

    class Meta:
        order_by = "tag"

    def __init__(self, *args: Any, may_create: bool, changeable: Container[int], **kwargs: Any) -> None:
        """`changeable`: the ids of the product lines whose jobs can be chosen; without any there are no boxes."""
        super().__init__(*args, **kwargs)
        self.may_create, self.changeable = may_create, changeable
        if not changeable:
            self.columns.hide("choose")

    def render_product_line(self, value: str, record: Job) -> SafeString:
        return format_html('<span title="{}">{}</span>', record.product_line.tag, value)

    def render_since(self, value: Any) -> SafeString | str:
        return ago(value)


class InstanceTable(OceanTable):
    """`may_change` adds the actions."""

    region = "instances"
    caption = _("Instances")
    empty_template = "jobs/_empty_instances.html"

    host = Cell("_host.html", verbose_name=_("Host, IP"), attrs={"td": {"class": "job-host"}})
    ports = Cell("_ports.html", verbose_name=_("Ports"), orderable=False)
    state = Cell("_instance_state.html", verbose_name=_("State"))
    version = Cell("_instance_version.html", verbose_name=_("Version"), attrs=NUMBER)
    started_at = Cell("_age.html", verbose_name=pgettext_lazy("of an instance", "Started"), attrs=SHORT)
    restarts = tables.Column(verbose_name=_("Restarts"), attrs=NUMBER)
    message = Cell("_message.html", verbose_name=_("Last message"), orderable=False)
    actions = Cell(
        "_instance_actions.html",
        verbose_name=_("Actions"),
        orderable=False,
        attrs={"td": {"class": "job-actions"}},
    )

    class Meta:
        model = Instance
        fields: ClassVar[list[str]] = []
        order_by = "-started_at"

    def __init__(self, *args: Any, job: Job, protocols: list[str], may_change: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job, self.protocols, self.may_change = job, protocols, may_change
        self.live = f"job:{job.pk}"  # type: ignore[misc] # a job's own topic


class VersionTable(OceanTable):
    region = "versions"
    caption = _("Versions")

    number = Cell("_version_number.html", verbose_name=_("Version"))
    created_at = tables.Column(verbose_name=_("Saved"))
    author = tables.Column(accessor="author__username", verbose_name=_("By"), empty_values=())
    note = tables.Column(verbose_name=_("Note"), orderable=False)
    actions = Cell(
        "_version_actions.html",
        verbose_name=_("Actions"),
        orderable=False,
        attrs={"td": {"class": "job-actions"}},
    )

    class Meta:
        model = JobVersion
        fields: ClassVar[list[str]] = []
        order_by = "-number"

    def __init__(self, *args: Any, job: Job, may_change: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job, self.may_change = job, may_change
        self.live = f"job:{job.pk}"  # type: ignore[misc]

    def render_created_at(self, value: Any) -> SafeString | str:
        return ago(value)

    def render_author(self, record: JobVersion) -> str:
        return record.author.get_username() if record.author else str(_("Ocean itself"))
