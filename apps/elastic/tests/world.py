"""A loop with a clock of the test's own, and a source that says what it is told to."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.core.models import Operation
from apps.elastic.agent import autoscaler
from apps.elastic.loop.samples import SampleReader
from apps.elastic.loop.tick import Loop, Report
from apps.elastic.tests.pretended import PretendedSource
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_instance


class World:
    """A loop, its clock, its source."""

    def __init__(self) -> None:
        self.source = PretendedSource()
        self.reader = SampleReader(lambda cluster_id: self.source)
        self.now = timezone.now().replace(microsecond=0)
        self.agent = autoscaler()
        self.loop = self.again()

    def again(self) -> Loop:
        """As after a restart."""
        self.loop = Loop(self.reader, agent=self.agent)
        return self.loop

    def tick(self, job: Job | None = None, reporting: int | None = None, **values: float) -> Report:
        """Five seconds later; with a sample of each metric of the job."""
        self.now += timedelta(seconds=5)
        if job is not None:
            job.refresh_from_db()
            for metric, value in values.items():
                self.source.say(
                    job,
                    metric,  # type: ignore[arg-type]
                    value,
                    at_s=self.now.timestamp() - 1,
                    reporting=reporting,
                )
        report = self.loop.tick(self.now)
        self.loop.go_on(until=0.0)  # writes what can wait, acts no more
        return report

    def settle(self, job: Job) -> None:
        """The job becomes what was asked for: operations end, instances run."""
        Operation.objects.filter(target_id=job.pk, state="queued").update(state="succeeded")
        job.refresh_from_db()
        for _ in range(job.wanted - job.running):
            make_instance(job=job)
        Job.objects.filter(pk=job.pk).update(running=job.wanted, healthy=job.wanted)
        job.refresh_from_db()
