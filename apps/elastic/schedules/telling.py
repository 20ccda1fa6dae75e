"""Telling a job's notification groups, those of its scaling policy, what did not happen at its time."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext_noop

from apps.core.models import NotificationGroup, Severity
from apps.core.notifications.groups import groups_named
from apps.core.notifications.telling import Event, notify_all
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
    tell. A fixed number of queries."""
    policies = ScalingPolicy.objects.filter(job_id__in={run.job_id for run in runs}).exclude(notify=[])
    names = dict(policies.values_list("job_id", "notify"))
    if not names:
        return 0
    groups = {
        group.name: group for group in groups_named({name for found in names.values() for name in found})
    }
    jobs = Job.objects.in_bulk(list(names))
    notify_all(
        _event(run, jobs[run.job_id], [groups[name] for name in names[run.job_id] if name in groups])
        for run in runs
        if run.job_id in jobs
    )
    return len(names)


def _event(run: ScheduleRun, job: Job, groups: Sequence[NotificationGroup]) -> Event:
    return Event(
        groups,
        subject=Sentence(
            _TEXTS.get(ScheduleRun.State(run.state), MADE_UP),
            {"job": job.tag, "due": {"moment": run.due_at.isoformat()}, "instances": run.instances},
        ),
        lines=[Sentence(run.text, run.values)] if run.text else [],
        key="elastic.schedule_missed",
        severity=Severity.WARNING,
        product_line_id=job.product_line_id,
        path=reverse("elastic:scaling", args=[job.tag]),
    )
