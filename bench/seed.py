"""`python -m bench.seed jobs|company --size small|full`: fill a migrated database, quickly and always the same.

Rows are made by the database itself from `generate_series`; what is not said here is each model's default, so that a
new column needs no change. `jobs` has published jobs of which the mirror knows nothing yet (C1–C3); `company` has
everything that pages show.
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import timedelta

import django

from bench.company import CLUSTER, FULL, LINES, SERVICES, SMALL, Size, workload_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocean_portal.settings")
django.setup()

from django.db import connection, models, transaction  # noqa: E402 - Django first
from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.accounts.models import Membership, ProductLine, User  # noqa: E402
from apps.core.models import AuditEntry, Cluster, ClusterWatch, Operation  # noqa: E402
from apps.hosts.models import Host  # noqa: E402
from apps.jobs.explain import missing  # noqa: E402
from apps.jobs.models import Instance, Job, JobEvent, JobVersion  # noqa: E402
from apps.jobs.spec import spec_validate  # noqa: E402

_LINE = f"'line-' || to_char(mod(n, {LINES}), 'FM000')"
_SERVICE = f"'service-' || to_char(mod(n / {LINES}, {SERVICES}), 'FM00')"
_NAME = "'job-' || to_char(n, 'FM00000')"
_SPEC = {"command": "sleep 1000", "instances": 10, "cpus": 0.1, "memory_mib": 32}


def fill(model: type[models.Model], count: int, source: str = "", /, **columns: str) -> None:
    """`count` rows whose columns are these SQL expressions of `n`, 0 … count - 1; the others are the defaults.
    `source`: what else the expressions draw on, after `FROM generate_series(…) AS n`."""
    names, values, parameters = [], [], []
    for each in model._meta.concrete_fields:
        assert each.column is not None
        if (each.primary_key and each.name not in columns) or isinstance(each, models.GeneratedField):
            continue
        names.append(connection.ops.quote_name(each.column))
        if each.name in columns:
            values.append(columns[each.name])
        else:
            values.append("%s")
            default = None if each.null and not each.has_default() else each.get_default()
            parameters.append(each.get_db_prep_save(default, connection))
    table = connection.ops.quote_name(model._meta.db_table)
    statement = (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} "
        f"FROM generate_series(0, {count - 1}) AS n {source}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def lines() -> None:
    fill(ProductLine, LINES, cop="'bench'", owt="'company'", pdl=_LINE, title=_LINE)
    Membership.objects.bulk_create(
        Membership(product_line=line, user=User.objects.get(username="dev"))
        for line in ProductLine.objects.filter(cop="bench")[:20]
    )


def jobs(size: Size, *, state: str, wanted: str, mirrored: bool) -> int:
    """Published jobs with a version each; returns the first one's primary key."""
    cluster = Cluster.objects.get(name=CLUSTER)
    counts = {"running": wanted, "healthy": wanted, "engine_seen_at": "now()"} if mirrored else {}
    fill(
        Job,
        size.jobs,
        f"JOIN accounts_productline AS line ON line.cop = 'bench' AND line.pdl = {_LINE}",
        product_line="line.id",
        cluster=str(cluster.pk),
        service=_SERVICE,
        name=_NAME,
        tag=f"'job.' || {_NAME} || '_service.' || {_SERVICE} || '_cluster.{CLUSTER}_' || line.tag",
        workload_id=f"'/bench/company/' || line.pdl || '/{CLUSTER}/' || {_SERVICE} || '/' || {_NAME}",
        wanted=wanted,
        latest_version="1",
        target_version=f"CASE WHEN {state} = 'draft' THEN NULL ELSE 1 END",
        running_version=f"CASE WHEN {state} = 'draft' THEN NULL ELSE 1 END",
        state=state,
        state_since="now() - n * interval '1 second'",
        **counts,
    )
    first = Job.objects.filter(cluster=cluster).earliest("pk")
    assert first.workload_id == workload_id(int(first.name.removeprefix("job-")))
    spec = json.dumps(spec_validate(_SPEC)).replace("'", "''")
    rows = f"JOIN jobs_job AS job ON job.cluster_id = {cluster.pk} AND job.name = {_NAME}"
    fill(JobVersion, size.jobs, rows, job="job.id", number="1", spec=f"'{spec}'::jsonb")
    return first.pk


COUNTED = """
UPDATE jobs_job AS job
   SET wanted = found.total, running = found.running, healthy = found.running, staging = found.total - found.running
  FROM (SELECT job_id, count(*) AS total, count(*) FILTER (WHERE state = 'running') AS running
          FROM jobs_instance GROUP BY job_id) AS found
 WHERE job.id = found.job_id AND job.state = 'running'
"""


def company(size: Size) -> None:
    """Everything that pages show."""
    lines()
    state = (
        "(CASE WHEN mod(n, 25) = 7 THEN 'degraded' WHEN mod(n, 50) = 8 THEN 'deploying' "
        "WHEN mod(n, 50) = 9 THEN 'stopped' WHEN mod(n, 50) = 10 THEN 'draft' ELSE 'running' END)"
    )
    large = " ".join(f"WHEN {number} THEN {count}" for number, count in enumerate(size.large))
    wanted = f"(CASE n {large} ELSE {size.per_job} END)"
    jobs(size, state=state, wanted=wanted, mirrored=True)
    cluster = Cluster.objects.get(name=CLUSTER)
    problem = json.dumps([missing().as_json()])
    Job.objects.filter(state=Job.State.DEGRADED).update(running=F("wanted") - 1, healthy=F("wanted") - 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET problems = %s::jsonb WHERE state = 'degraded'", [problem])
    hosts(size, cluster)
    counted = [size.instances - sum(size.large), *size.large]
    for place, count in enumerate(counted):
        target = (
            f"{len(size.large)} + mod(n, {size.jobs - len(size.large)})" if place == 0 else str(place - 1)
        )
        instances(size, cluster, count, job=target, mark=place)
    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
    operations(size, cluster)
    ClusterWatch.objects.update_or_create(
        cluster=cluster,
        defaults={
            "heartbeat_at": timezone.now(),
            "synced_at": timezone.now() + timedelta(days=1),
            "connected": True,
        },
    )


def hosts(size: Size, cluster: Cluster) -> None:
    resources = '{"cpus": 64, "mem": 262144, "disk": 1048576}'
    used = """jsonb_build_object('cpus', mod(n, 60), 'mem', 1024 * mod(n, 250), 'disk', 1024)"""
    fill(
        Host,
        size.hosts,
        cluster=str(cluster.pk),
        agent_id="'S' || n",
        hostname="'host-' || to_char(n, 'FM0000') || '.bench'",
        rack="'r' || mod(n, 50)",
        attributes="jsonb_build_object('rack', 'r' || mod(n, 50))",
        resources=f"'{resources}'::jsonb",
        used=used,
        instances="20",
        registered_at="now()",
    )


def instances(size: Size, cluster: Cluster, count: int, *, job: str, mark: int) -> None:
    fill(
        Instance,
        count,
        (
            f"JOIN jobs_job AS job ON job.cluster_id = {cluster.pk} "
            f"AND job.name = 'job-' || to_char({job}, 'FM00000')"
        ),
        job="job.id",
        task_id="replace(ltrim(job.workload_id, '/'), '/', '_') || '.instance-' "
        f"|| to_char({mark}, 'FM0') || to_char(n, 'FM0000000') || '-0f7a-11ef-9c3a-0242ac110002._app.1'",
        host=f"'host-' || to_char(mod(n * 7, {size.hosts}), 'FM0000') || '.bench'",
        ip="'10.0.' || mod(n, 250) || '.' || mod(n / 250, 250)",
        ports="jsonb_build_array(20000 + mod(n, 10000))",
        state="CASE WHEN mod(n, 200) = 7 THEN 'staging' ELSE 'running' END",
        healthy="CASE WHEN mod(n, 200) = 7 THEN NULL ELSE true END",
        version="1",
        engine_version="now() - interval '1 day'",
        staged_at="now() - n * interval '1 second'",
        started_at="now() - n * interval '1 second'",
    )


def operations(size: Size, cluster: Cluster) -> None:
    who = User.objects.get(username="dev").pk
    rows = (
        f"JOIN jobs_job AS job ON job.cluster_id = {cluster.pk} "
        f"AND job.name = 'job-' || to_char(mod(n * 7, {size.jobs}), 'FM00000')"
    )
    at = f"now() - ({size.operations} - n) * interval '10 seconds'"
    fill(
        Operation,
        size.operations,
        rows,
        kind="(ARRAY['job.publish', 'job.scale', 'job.restart'])[1 + mod(n, 3)]",
        target_type="'job'",
        target_id="job.id",
        target="job.tag",
        product_line="job.product_line_id",
        cluster="job.cluster_id",
        requested_by=str(who),
        state="CASE WHEN mod(n, 10) = 3 THEN 'failed' ELSE 'succeeded' END",
        progress="100",
        created_at=at,
        started_at=at,
        finished_at=f"{at} + interval '5 seconds'",
    )
    history = {"job": "job.id", "at": at, "actor": str(who), "text": "'Version 1 runs.'"}
    fill(JobEvent, size.operations, rows, kind="'job.publish'", key="'bench:' || n", **history)
    fill(
        AuditEntry,
        size.operations // 10,
        rows,
        at=at,
        actor=str(who),
        action="'job.created'",
        object="job.tag",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__)
    parser.add_argument("what", choices=["jobs", "company"])
    parser.add_argument("--size", choices=["small", "full"], default="small")
    options = parser.parse_args()
    size = FULL if options.size == "full" else SMALL
    with transaction.atomic():
        if options.what == "company":
            company(size)
        else:
            lines()
            jobs(size, state="'deploying'", wanted=str(size.per_job), mirrored=False)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as a database that has been used for a while is


if __name__ == "__main__":
    main()
