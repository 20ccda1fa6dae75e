"""The tables of the job pages. What each row has is made by `cell_…` methods (see apps.core.tables)."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, ClassVar
from urllib.parse import quote

import django_tables2 as tables
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.core.addresses import address
from apps.core.tables import NOTHING, NUMBER, SHORT, OceanTable
from apps.core.templatetags.ocean import ago, breakable, state_badge
from apps.jobs.models import Instance, Job, JobVersion
from apps.jobs.templatetags.jobs import counts, ports_shown, star_form, versions


class Cell(tables.TemplateColumn):  # type: ignore[misc] # django-tables2 is untyped
    """A cell by a template of `jobs/columns/`."""

    def __init__(self, template: str, **kwargs: Any) -> None:
        super().__init__(template_name=f"jobs/columns/{template}", **kwargs)


MARK = {"th": {"class": "job-star-head"}, "td": {"class": "job-star-cell"}}
"""`attrs` of a narrow column whose heading only screen readers need."""


class JobTable(OceanTable):
    region = "jobs"
    live = "jobs"
    caption = _("Jobs")
    empty_template = "jobs/_empty_list.html"

    choose = tables.Column(verbose_name=_("Chosen"), accessor="pk", orderable=False, attrs=MARK)
    favourite = tables.Column(verbose_name=_("Favourite"), accessor="pk", orderable=False, attrs=MARK)
    tag = tables.Column(
        verbose_name=pgettext_lazy("column", "Job"), order_by="tag", attrs={"td": {"class": "job-name"}}
    )
    product_line = tables.Column(order_by="product_line__tag", verbose_name=_("Product line"), attrs=SHORT)
    cluster = tables.Column(order_by="cluster__name", verbose_name=_("Cluster"), attrs=SHORT)
    state = tables.Column(verbose_name=_("State"))
    instances = tables.Column(verbose_name=_("Instances"), order_by=("healthy", "wanted"), attrs=NUMBER)
    version = tables.Column(verbose_name=_("Version"), order_by="running_version")
    since = tables.Column(accessor="state_since", verbose_name=_("Since"), attrs=SHORT)

    class Meta:
        order_by = "tag"

    def __init__(self, *args: Any, may_create: bool, changeable: Container[int], **kwargs: Any) -> None:
        """`changeable`: the ids of the product lines whose jobs can be chosen; without any there are no boxes."""
        super().__init__(*args, **kwargs)
        self.may_create, self.changeable = may_create, changeable
        if not changeable:
            self.columns.hide("choose")

    def cell_choose(self, job: Job) -> str:
        if job.product_line_id not in self.changeable or job.managed_by:
            return ""
        return format_html(
            '<input class="form-check-input m-0" type="checkbox" name="job" value="{}" form="bulk" data-choose'
            ' id="choose-{}" aria-label="{}">',
            job.tag,
            job.pk,
            gettext("Choose %(name)s") % {"name": job.name},
        )

    def cell_favourite(self, job: Any) -> str:
        return star_form(job, starred=job.is_favourite, csrf_input=self.csrf_input)

    def cell_tag(self, job: Job) -> str:
        return format_html(
            '<a class="fw-bold text-reset" href="{}" id="job-link-{}">{}</a>'
            '<div class="text-secondary small ocean-tag">{}</div>',
            job.get_absolute_url(),
            job.pk,
            job.name,
            breakable(job.tag),
        )

    def cell_product_line(self, job: Job) -> str:
        return format_html('<span title="{}">{}</span>', job.product_line.tag, job.product_line.pdl)

    def cell_cluster(self, job: Job) -> str:
        return job.cluster.name

    def cell_state(self, job: Job) -> str:
        return state_badge(job.state, str(Job.State(job.state).label))

    def cell_instances(self, job: Job) -> str:
        return counts(job)

    def cell_version(self, job: Job) -> str:
        return versions(job)

    def cell_since(self, job: Job) -> str:
        return ago(job.state_since)


class InstanceTable(OceanTable):
    """`may_change` adds the actions."""

    region = "instances"
    caption = _("Instances")
    empty_template = "jobs/_empty_instances.html"

    host = tables.Column(verbose_name=_("Host, IP"), attrs={"td": {"class": "job-host"}})
    ports = tables.Column(verbose_name=_("Ports"), orderable=False)
    state = tables.Column(verbose_name=_("State"))
    version = Cell("_instance_version.html", verbose_name=_("Version"), attrs=NUMBER)
    started_at = tables.Column(verbose_name=pgettext_lazy("of an instance", "Started"), attrs=SHORT)
    restarts = tables.Column(verbose_name=_("Restarts"), attrs=NUMBER)
    message = tables.Column(verbose_name=_("Last message"), orderable=False)
    actions = tables.Column(
        accessor="pk", verbose_name=_("Actions"), orderable=False, attrs={"td": {"class": "job-actions"}}
    )

    class Meta:
        model = Instance
        fields: ClassVar[list[str]] = []
        order_by = "-started_at"

    def __init__(self, *args: Any, job: Job, protocols: list[str], may_change: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job, self.protocols, self.may_change = job, protocols, may_change
        self.live = f"job:{job.pk}"  # type: ignore[misc] # a job's own topic

    def cell_host(self, instance: Instance) -> str:
        name: str = "–"
        if instance.host:
            name = format_html(
                '<a class="text-reset" href="{}" id="host-of-{}">{}</a>',
                address("jobs:host", self.job.cluster.name, instance.host),
                instance.pk,
                breakable(instance.host),
            )
        return format_html(
            '<div class="fw-bold">{}</div><div class="text-secondary small" title="{}">{}</div>',
            name,
            instance.task_id,
            instance.ip or "–",
        )

    def cell_ports(self, instance: Instance) -> str:
        shown = (
            format_html('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>', port.url, port.port)
            if port.url
            else str(port.port)
            for port in ports_shown(instance, self.protocols)
        )
        return format_html_join(", ", "{}", ((port,) for port in shown)) or "–"

    def cell_state(self, instance: Instance) -> str:
        """One word: of an instance that runs and is checked, what the check says."""
        if instance.healthy and instance.state == Instance.State.RUNNING:
            return state_badge("healthy", gettext("healthy"))
        if instance.healthy is False:
            return state_badge("unhealthy", gettext("unhealthy"))
        return state_badge(instance.state, str(Instance.State(instance.state).label))

    def cell_started_at(self, instance: Instance) -> str:
        return ago(instance.started_at or instance.staged_at)

    def cell_restarts(self, instance: Instance) -> str:
        return str(instance.restarts)

    def cell_message(self, instance: Instance) -> str:
        if not instance.message:
            return NOTHING
        return format_html('<span class="job-message" title="{0}">{0}</span>', instance.message)

    def cell_actions(self, instance: Instance) -> str:
        log = format_html(
            '<a href="{}?task={}" id="log-{}">{}</a>',
            address("jobs:logs", self.job.tag),
            quote(instance.task_id),
            instance.pk,
            gettext("Log"),
        )
        if not self.may_change:
            return format_html("<div>{}</div>", log)
        return format_html(
            '<div>{0} <a class="text-danger" href="{1}" hx-get="{1}" hx-target="#dialog" hx-swap="innerHTML"'
            ' id="kill-{2}">{3}</a></div>',
            log,
            address("jobs:kill", self.job.tag, instance.task_id),
            instance.pk,
            gettext("Kill"),
        )


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
