"""Is everything of mine all right, and if not, what, since when, and why?"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ProductLine, Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_user
from apps.core.tests.factories import make_cluster, make_watch
from apps.core.tests.pages import part, queries, read
from apps.hosts.tests.factories import make_host
from apps.jobs.explain import Problem, missing
from apps.jobs.explain.offers import NO_OFFER
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job_operation, make_running_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture(autouse=True)
def dev(client: Client, line: ProductLine) -> User:
    dev = make_member(line)
    client.force_login(dev)
    return dev


def make_broken(line: ProductLine, name: str, hours: int) -> Job:
    return make_running_job(
        product_line=line,
        name=name,
        instances=1,
        wanted=3,
        state=Job.State.DEGRADED,
        state_since=timezone.now() - timedelta(hours=hours),
        problems=[missing().as_json()],
    )


def make_seen_cluster(**overrides: object) -> object:
    cluster = make_cluster()
    make_watch(cluster, **overrides)
    return cluster


def test_all_well_is_said_in_one_sentence(client: Client, line: ProductLine) -> None:
    make_running_job(product_line=line, cluster=make_seen_cluster())
    seen = read(client, "/")
    assert "Everything is as it should be" in seen
    assert "Instances wanted 3 Running 3 Healthy 3" in seen


def test_trouble_comes_with_since_when_and_why_the_longest_standing_first(
    client: Client, line: ProductLine
) -> None:
    make_running_job(product_line=line)
    make_broken(line, "younger", hours=1)
    make_broken(line, "older", hours=5)
    seen = read(client, "/")
    assert "2 of 3 jobs are not as they should be" in seen
    assert seen.index("older") < seen.index("younger")
    assert re.search(
        r"1 of 3 instances run · since \S+ \S+ \( ?5 hours ago ?\) The scheduler does not have", seen
    )
    assert "Publish it again." in seen


def test_a_publish_that_is_held_up_is_trouble_and_one_under_way_is_not(
    client: Client, line: ProductLine
) -> None:
    make_running_job(product_line=line, name="on-its-way", state=Job.State.DEPLOYING)
    assert "Everything" in read(client, "/")
    problems = [Problem("error", "no_offers", NO_OFFER, values={"count": 1}).as_json()]
    make_running_job(product_line=line, name="held-up", state=Job.State.DEPLOYING, problems=problems)
    seen = read(client, "/")
    assert "1 of 2 jobs is not as it should be" in seen
    assert "Instances that wait for a host: 1." in seen
    listed = read(client, "/jobs/?in_trouble=true")
    assert "held-up" in listed
    assert "on-its-way" not in listed


def test_who_may_not_create_jobs_is_not_sent_to_try(client: Client, line: ProductLine) -> None:
    client.force_login(make_member(line, role=Role.VIEWER))
    seen = read(client, "/")
    assert "New job" not in seen
    assert "once an owner of a product line makes you a developer" in seen


def test_others_trouble_is_not_mine(client: Client) -> None:
    make_broken(make_product_line(), "theirs", hours=1)
    seen = read(client, "/")
    assert "theirs" not in seen
    assert "No job yet" in seen


def test_what_cannot_be_seen_is_not_called_well(client: Client, line: ProductLine) -> None:
    long_ago = timezone.now() - timedelta(minutes=7)
    cluster = make_cluster(name="production-c3")
    make_watch(cluster, heartbeat_at=long_ago, synced_at=long_ago)
    make_running_job(product_line=line, cluster=cluster)
    seen = read(client, "/")
    assert "Everything is as it should be" not in seen
    assert "Everything was as it should be when it was last seen" in seen
    assert (
        "Cluster production-c3 cannot be seen at the moment. What is shown of it was true 7 minutes ago ."
        in seen
    )
    assert "not watched" in seen


def test_a_cluster_out_of_reach_says_what_the_scheduler_answered(client: Client) -> None:
    make_seen_cluster(connected=False, error="connection refused", error_since=timezone.now())
    seen = read(client, "/")
    assert "out of reach" in seen
    assert "connection refused" in seen


def test_clusters_show_how_full_they_are(client: Client) -> None:
    cluster = make_cluster(name="staging")
    make_watch(cluster)
    make_host(cluster=cluster)
    make_host(cluster=cluster, active=False)
    seen = read(client, "/")
    assert "staging lg up to date CPU 1 / 4 Memory 1 / 8 GiB Disk 0 / 50 GiB 1 of 2 hosts in service" in seen


def test_running_operations_come_first_with_their_progress(
    client: Client, line: ProductLine, dev: User
) -> None:
    job = make_running_job(product_line=line)
    running = make_job_operation(job, kind="job.publish", state="waiting", progress=40, requested_by=dev)
    ended = make_job_operation(job, kind="job.scale", state="succeeded", requested_by=dev)
    html = part(client, "/", "dashboard-operations")
    assert html.index(f"Publish #{running.pk}") < html.index(f"Scale #{ended.pk}")
    assert 'aria-valuenow="40"' in html


def test_somebody_new_reads_what_to_do_first(client: Client) -> None:
    seen = read(client, "/")
    assert "Create your first one" in seen
    assert "Create your first job" in seen
    client.force_login(make_user())
    assert "once an owner of a product line makes you a developer" in read(client, "/")


@pytest.mark.parametrize(
    ("target", "topics"),
    [
        ("dashboard-jobs", "jobs clusters"),
        ("dashboard-operations", "operations"),
        ("dashboard-clusters", "clusters hosts"),
    ],
)
def test_each_part_is_live_and_comes_alone(client: Client, target: str, topics: str) -> None:
    assert f'data-live="{topics}"' in part(client, "/", target)


def test_the_dashboard_costs_the_same_for_few_and_for_many(
    client: Client, line: ProductLine, dev: User
) -> None:
    cluster = make_seen_cluster()
    for size in (1, 12):
        for number in range(size):
            job = make_broken(line, f"job-{size}-{number}", hours=number)
            make_job_operation(job, state="running", requested_by=dev)
            make_job_operation(job, state="failed", requested_by=dev)
            make_host(cluster=cluster)
            make_seen_cluster()
        # session, person, right to create, counts, clusters, jobs in trouble, running and latest operations, capacity
        assert queries(client, "/") == 9
