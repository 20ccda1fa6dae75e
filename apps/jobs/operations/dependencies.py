"""Waiting for what a job needs to run first, before the scheduler is asked for the job itself.

Marathon orders what one deployment holds; of jobs that are published one by one it starts each at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.operations.kinds import Again, Failed, Outcome
from apps.jobs.explain import Facts, explain, summarise
from apps.jobs.mirror.apply import problems_store
from apps.jobs.mirror.why import dependencies_of

if TYPE_CHECKING:
    from apps.jobs.operations.base import Work

LOOK_AGAIN_S = 1.0
WAITS_FOR = gettext_noop("Waits for what it depends on: %(jobs)s.")
WAITED_IN_VAIN = gettext_noop("Waited %(seconds)s s for what it depends on. %(why)s")


def waits_for_dependencies(work: Work) -> Outcome | None:
    """What comes of a publish whose dependencies do not run yet; None where nothing holds it. Of a job that runs
    already a new version is not held: it might be what mends the others. A dependency that was deleted holds
    nobody."""
    job = work.job
    if job.running:
        return None
    spec = work.spec(work.parameters["version"])
    pending = tuple(
        one
        for one in dependencies_of(job, (tag for tag in spec["depends_on"] if tag != job.tag))
        if not one.is_ready and one.state != "missing"
    )
    if not pending:
        return None
    now = timezone.now()
    problems = explain(Facts(now=now, cluster=job.cluster.name, spec=spec, dependencies=pending))
    problems_store(job.pk, problems)
    why = summarise(problems)
    since = datetime.fromisoformat(work.memory.setdefault("waits_since", now.isoformat()))
    seconds = work.parameters["strategy"]["deadline_s"]
    if now > since + timedelta(seconds=seconds):
        return Failed(WAITED_IN_VAIN, {"seconds": seconds, "why": why})
    work.say(WAITS_FOR, jobs=", ".join(one.name for one in pending))
    return Again(after_s=LOOK_AGAIN_S, message="%(why)s", values={"why": why})
