"""What the job pages' templates need."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from apps.core.addresses import address
from apps.core.tables import NOTHING
from apps.jobs.models import Instance, Job

register = template.Library()
_NO_VERSION = mark_safe('<span class="text-secondary">–</span>')


@dataclass(frozen=True, slots=True)
class ShownPort:
    """`url` is empty for a port that a browser cannot open."""

    port: int
    url: str


def ports_shown(instance: Instance, protocols: list[str]) -> list[ShownPort]:
    """An instance's ports, those of TCP with their address. `protocols` are those of the spec, in its order."""
    return [
        ShownPort(port, f"http://{instance.ip}:{port}/" if instance.ip and "tcp" in protocol else "")
        for port, protocol in zip(
            instance.ports, [*protocols, *["tcp"] * (len(instance.ports) - len(protocols))], strict=False
        )
    ]


@register.simple_tag
def counts(job: Job) -> SafeString:
    """How many of a job's instances run and are well."""
    if not (job.wanted or job.running):
        return NOTHING
    return format_html(
        '<span class="text-nowrap">{}</span> <div class="text-secondary small text-nowrap">{}</div>',
        gettext("%(healthy)s of %(wanted)s healthy") % {"healthy": job.healthy, "wanted": job.wanted},
        gettext("%(running)s running") % {"running": job.running},
    )


@register.simple_tag
def versions(job: Job) -> SafeString:
    """Which version of a job runs, and the latest where it is another one."""
    runs = SafeString(f"v{job.running_version}") if job.running_version else _NO_VERSION
    if job.running_version == job.latest_version:
        return runs
    return format_html(
        '{} <span class="text-secondary text-nowrap" title="{}">→ v{}</span>',
        runs,
        gettext("The latest version is not the one that runs."),
        job.latest_version,
    )


@register.simple_tag(takes_context=True)
def star(context: template.Context, job: Job, starred: bool) -> SafeString:
    """A job's star, of a page that has one."""
    token = format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', context["csrf_token"])
    return star_form(job, starred=starred, csrf_input=token)


def star_form(job: Job, *, starred: bool, csrf_input: str) -> SafeString:
    """A job's star: a button that stays in its place."""
    return format_html(
        '<form class="job-star" method="post" action="{url}" hx-post="{url}" hx-target="this" hx-swap="outerHTML"'
        ' id="star-{pk}">{csrf_input}<input type="hidden" name="starred" value="{other}">'
        '<button type="submit" class="job-star-button" id="star-button-{pk}" aria-pressed="{now}" title="{title}"'
        ' aria-label="{label}"><span aria-hidden="true">{sign}</span></button></form>',
        url=address("jobs:star", job.tag),
        pk=job.pk,
        csrf_input=csrf_input,
        now="true" if starred else "false",
        other="false" if starred else "true",
        title=gettext("Take the star away") if starred else gettext("Make it a favourite"),
        label=gettext("Favourite: %(name)s") % {"name": job.name},
        sign="★" if starred else "☆",
    )


@register.filter
def amount(number: float) -> str:
    """A quantity for people: `0`, `0.25`, `13.7`, `1,234`."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"
