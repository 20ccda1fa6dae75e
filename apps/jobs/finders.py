"""Finding jobs, instances, product lines and templates.

Jobs, lines and templates are few enough (10,000) to be read through; instances (100,000) are found by indexes: by the
beginning of their IP, or of what is the instance's own in a task id (see `Instance.unit`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet, Value
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.accounts.rights import product_lines_visible, scope
from apps.core.search import SHOWN, Finder, Hit, Question, Rank, best_first, each_word, rank_of, register
from apps.jobs.models import Instance
from apps.jobs.models.mirror import TASK_UNIT, task_unit
from apps.jobs.selectors import jobs_visible
from apps.jobs.templating.selectors import templates_visible

if TYPE_CHECKING:
    from apps.accounts.models import User

MIN_INSTANCE = 3
"""Characters: fewer would begin the address of nearly every instance."""


_SHOWN_OF_INSTANCE = ("task_id", "host", "ip", "ports", "state", "job__name", "job__tag")


def find_jobs(user: User, question: Question) -> list[Hit]:
    column = "workload_id" if "/" in question.text else "tag"
    jobs = best_first(
        jobs_visible(user)
        .filter(each_word(question, f"{column}__contains"))
        .select_related(None)
        .only("name", "tag", "state"),
        question,
        names=("name", "tag", "workload_id"),
        lower=True,
    )
    return [
        Hit(
            kind="job",
            title=job.name,
            detail=job.tag,
            url=job.get_absolute_url(),
            api=reverse("job-detail", args=[job.tag]),
            rank=rank_of(job),
            state=job.state,
            state_label=job.get_state_display(),
        )
        for job in jobs
    ]


def find_instances(user: User, question: Question) -> list[Hit]:
    """By IP, or by task id: the whole one, or from its beginning, or from that of the instance's own part."""
    if len(question.text) < MIN_INSTANCE or " " in question.text:
        return []
    visible = scope(Instance.objects.order_by(), user, path="job__product_line").filter(job__deleted_at=None)
    visible = visible.select_related("job").only(*_SHOWN_OF_INSTANCE).annotate(unit=TASK_UNIT)
    # One after the other, each bounded and each by one index: an OR would read them all, an order sort them all.
    ways = [_by_ip, _by_unit, *([_by_task] if "." in question.text else [])]
    parts = [way(visible, lookup, question) for lookup in ("exact", "startswith") for way in ways]
    found: dict[int, Hit] = {}
    for instance in parts[0].union(*parts[1:], all=True):
        hit = _instance_hit(instance, rank_of(instance))
        if instance.pk not in found or hit.rank < found[instance.pk].rank:
            found[instance.pk] = hit
    return sorted(found.values(), key=lambda hit: (hit.rank, hit.title))[:SHOWN]


def _by_ip(rows: QuerySet[Instance], lookup: str, question: Question) -> QuerySet[Instance]:
    return _ranked(rows.filter(**{f"ip__{lookup}": question.text}), lookup)


def _by_unit(rows: QuerySet[Instance], lookup: str, question: Question) -> QuerySet[Instance]:
    return _ranked(rows.filter(**{f"unit__{lookup}": question.text}), lookup)


def _by_task(rows: QuerySet[Instance], lookup: str, question: Question) -> QuerySet[Instance]:
    """By the whole task id, which begins with the job's part; the index is that of the unit."""
    unit = {f"unit__{lookup}": task_unit(question.text)}
    return _ranked(rows.filter(**unit, **{f"task_id__{lookup}": question.text}), lookup)


def _ranked(rows: QuerySet[Instance], lookup: str) -> QuerySet[Instance]:
    rank = Rank.EXACT if lookup == "exact" else Rank.PREFIX
    return rows.annotate(search_rank=Value(int(rank)))[:SHOWN]


def _instance_hit(instance: Instance, rank: Rank) -> Hit:
    address = f"{instance.ip}:{instance.ports[0]}" if instance.ip and instance.ports else instance.ip
    return Hit(
        kind="instance",
        title=task_unit(instance.task_id),
        detail=" · ".join(filter(None, [instance.job.name, instance.host, address])),
        url=f"{instance.job.get_absolute_url()}?search={instance.task_id}",
        api=reverse("job-instance-detail", args=[instance.job.tag, instance.task_id]),
        rank=rank,
        state=instance.state,
        state_label=instance.get_state_display(),
    )


def find_lines(user: User, question: Question) -> list[Hit]:
    matches = each_word(question, "tag__contains", "title__icontains")
    lines = product_lines_visible(user).filter(matches).only("pdl", "tag", "title")
    lines = best_first(lines, question, names=("pdl", "tag", "title"))
    return [
        Hit(
            kind="product_line",
            title=line.title or line.pdl,
            detail=line.tag,
            url=reverse("jobs:product_line", args=[line.tag]),
            api=reverse("product-line-detail", args=[line.tag]),
            rank=rank_of(line),
        )
        for line in lines
    ]


def find_templates(user: User, question: Question) -> list[Hit]:
    matches = each_word(question, "name__icontains", "title__icontains", "title_zh__icontains")
    templates = templates_visible(user).filter(matches).select_related(None).only("name", "title", "title_zh")
    templates = best_first(templates, question, names=("name", "title", "title_zh"))
    return [
        Hit(
            kind="template",
            title=template.name,
            detail=template.title,
            url=reverse("jobs:template", args=[template.name]),
            api=reverse("template-detail", args=[template.name]),
            rank=rank_of(template),
        )
        for template in templates
    ]


register(Finder("job", _("Jobs"), "stack-2", 0, find_jobs))
register(Finder("instance", _("Instances"), "box-multiple", 10, find_instances))
register(Finder("product_line", _("Product lines"), "sitemap", 20, find_lines))
register(Finder("template", _("Templates"), "template", 50, find_templates))
