"""Telling a job's notification groups, those of its scaling policy, what did not happen at its time."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop

from apps.core.models import NotificationGroup, Severity
from apps.core.notifications.groups import groups_named
from apps.core.notifications.telling import notify
from apps.core.notifications.words import Sentence
from apps.elastic.models import ScalingPolicy, ScheduleRun
from apps.jobs.models import Job

MADE_UP = gettext_noop(
    "%(job)s: Chronos did not ring at %(due)s; Ocean made up for it: %(instances)s instances."
)
SKIPPED = gettext_noop("%(job)s: Chronos did not ring at %(due)s; %(instances)s instances were skipped.")
FAILED = gettext_noop("%(job)s: the schedule's %(instances)s instances at %(due)s failed.")
_TEXTS = {ScheduleRun.State.SKIPPED: SKIPPED, ScheduleRun.State.FAILED: FAILED}


def runs_tell(runs: Sequence[ScheduleRun]) -> int:
    """Tell of missed and failed runs, each once by whoever brought it about. Returns how many jobs had somebody to
    tell. Two queries where there is something, and a row for each group and matter."""
    policies = ScalingPolicy.objects.filter(job_id__in={run.job_id for run in runs}).exclude(notify=[])
    names = dict(policies.values_list("job_id", "notify"))
    if not names:
        return 0
    groups = {
        group.name: group for group in groups_named({name for found in names.values() for name in found})
    }
    jobs = Job.objects.select_related("product_line").in_bulk(list(names))
    for run in runs:
        told = [groups[name] for name in names.get(run.job_id, ()) if name in groups]
        if told:
            _tell(run, jobs[run.job_id], told)
    return len(names)


def _tell(run: ScheduleRun, job: Job, told: Sequence[NotificationGroup]) -> None:
    values = {"job": job.tag, "due": {"moment": run.due_at.isoformat()}, "instances": run.instances}
    lines = [Sentence(run.text, run.values)] if run.text else []
    with transaction.atomic():
        notify(
            told,
            subject=Sentence(_TEXTS.get(ScheduleRun.State(run.state), MADE_UP), values),
            lines=lines,
            key="elastic.schedule_missed",
            severity=Severity.WARNING,
            product_line=job.product_line,
            path=reverse("elastic:scaling", args=[job.tag]),
        )
