"""The tables of scaling's pages."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.core.tables import NOTHING, NUMBER, SHORT, OceanTable
from apps.core.templatetags.ocean import ago, breakable, moment, state_badge
from apps.elastic.models import ScalingDecision, ScalingPolicy
from apps.elastic.standing import Standing, rules_of, standings_of
from apps.elastic.words import NAMES, decision_text, measured
from apps.jobs.models import Job


class DecisionTable(OceanTable):
    """What was decided of one job, taken or not; the newest first."""

    region = "decisions"
    caption = gettext_lazy("Decisions")
    empty_template = "elastic/_no_decisions.html"
    page_size = 10

    at = tables.Column(verbose_name=gettext_lazy("time"), orderable=False, attrs=SHORT)
    text = tables.Column(accessor="pk", verbose_name=gettext_lazy("decision"), orderable=False)
    metrics = tables.Column(accessor="pk", verbose_name=gettext_lazy("metrics"), orderable=False)
    instances = tables.Column(
        verbose_name=pgettext_lazy("number", "instances"), orderable=False, attrs=NUMBER
    )
    acted = tables.Column(verbose_name=gettext_lazy("taken"), orderable=False, attrs=SHORT)

    def __init__(self, *args: Any, job: Job, may_change: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.live = f"scaling:{job.pk}"  # type: ignore[misc] # of this one table

    def cell_at(self, decision: ScalingDecision) -> str:
        if decision.count == 1:
            return moment(decision.at)
        times = ngettext("%(count)s time", "%(count)s times", decision.count) % {"count": decision.count}
        return format_html(
            '{}<div class="text-secondary small">{} · {} {}</div>',
            moment(decision.at),
            times,
            _("last"),
            moment(decision.last_at),
        )

    def cell_text(self, decision: ScalingDecision) -> str:
        return decision_text(decision)

    def cell_metrics(self, decision: ScalingDecision) -> str:
        shown = [
            (NAMES.get(metric, metric), measured(metric, float(value)))
            for metric, value in decision.inputs.items()
            if value is not None
        ]
        if not shown:
            return NOTHING
        return format_html_join("", '<div class="text-nowrap">{} {}</div>', shown)

    def cell_instances(self, decision: ScalingDecision) -> str:
        if decision.wanted == decision.instances:
            return str(decision.instances)
        return f"{decision.instances} → {decision.wanted}"

    def cell_acted(self, decision: ScalingDecision) -> str:
        if not decision.acted:
            return NOTHING
        if decision.operation is None:
            return _("yes")
        return format_html(
            '<a href="{}" id="decision-operation-{}">#{}</a>',
            decision.operation.get_absolute_url(),
            decision.pk,
            decision.operation.pk,
        )


class PolicyTable(OceanTable):
    """Every policy that one may see, and how it stands. Three queries more than its rows, however many they are."""

    region = "policies"
    live = "scaling"
    caption = gettext_lazy("Autoscaling")
    empty_template = "elastic/_no_policies.html"

    job = tables.Column(
        order_by="job__tag", verbose_name=pgettext_lazy("column", "Job"), attrs={"td": {"class": "job-name"}}
    )
    state = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("state"))
    instances = tables.Column(
        order_by="job__wanted", verbose_name=pgettext_lazy("number", "instances"), attrs=NUMBER
    )
    rules = tables.Column(accessor="pk", orderable=False, verbose_name=pgettext_lazy("scaling", "rules"))
    decision = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("newest decision"))

    @cached_property
    def _standings(self) -> dict[int, Standing]:
        return standings_of(self.records, now=timezone.now())

    def cell_job(self, policy: ScalingPolicy) -> str:
        return format_html(
            '<a href="{}" id="policy-{}" class="ocean-tag">{}</a>',
            reverse("elastic:scaling", args=[policy.job.tag]),
            policy.pk,
            breakable(policy.job.tag),
        )

    def cell_state(self, policy: ScalingPolicy) -> str:
        standing = self._standings[policy.pk]
        return state_badge(standing.state, standing.label)

    def cell_instances(self, policy: ScalingPolicy) -> str:
        return f"{policy.job.wanted} / {policy.min}–{policy.max}"

    def cell_rules(self, policy: ScalingPolicy) -> str:
        shown = [(rule.name, rule.rule) for rule in rules_of(policy)]
        return format_html_join("", '<div class="text-nowrap">{} {}</div>', shown)

    def cell_decision(self, policy: ScalingPolicy) -> str:
        standing = self._standings[policy.pk]
        if standing.at is None:
            return NOTHING
        return format_html('{} <span class="text-secondary">{}</span>', standing.why, ago(standing.at))
