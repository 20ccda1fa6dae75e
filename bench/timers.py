"""`python -m bench.timers COUNT DUE`: in a house's environment, so many published jobs, each with a daily schedule that
is due then; every other one has a policy. The rows are written in bulk, as if people had long made them."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import django


def main() -> None:
    count, due = int(sys.argv[1]), datetime.fromisoformat(sys.argv[2]).astimezone(UTC)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocean_portal.settings")
    django.setup()
    write(count, due)


def write(count: int, due: datetime) -> None:
    from apps.accounts.models import ProductLine
    from apps.core.models import Cluster
    from apps.core.operations.dispatch import send
    from apps.elastic.models import ScalingPolicy, ScalingSchedule
    from apps.elastic.schedules.services import RECONCILE_TASK
    from apps.jobs.models import Job, JobVersion, job_tag
    from apps.jobs.spec import spec_validate

    line, cluster = ProductLine.objects.all()[0], Cluster.objects.get()
    spec = spec_validate({"command": "sleep 1000000", "instances": 1})
    jobs = Job.objects.bulk_create(
        Job(
            product_line=line,
            cluster=cluster,
            name=f"timer-{number}",
            service="timers",
            tag=job_tag(
                name=f"timer-{number}", service="timers", cluster=cluster.name, product_line=str(line)
            ),
            workload_id=f"/timers/timer-{number}",
            latest_version=1,
            target_version=1,
            running_version=1,
            state=Job.State.RUNNING,
            wanted=1,
        )
        for number in range(count)
    )
    JobVersion.objects.bulk_create(JobVersion(job=job, number=1, spec=spec) for job in jobs)
    ScalingPolicy.objects.bulk_create(ScalingPolicy(job=job, min=1, max=9) for job in jobs[::2])
    ScalingSchedule.objects.bulk_create(
        ScalingSchedule(
            job=job,
            start=f"{due:%Y-%m-%dT%H:%M}",
            time_zone="UTC",
            interval="P1D",
            instances=2,
            next_at=due,
        )
        for job in jobs
    )
    send(RECONCILE_TASK, cluster.pk, queue="background")


if __name__ == "__main__":
    main()
