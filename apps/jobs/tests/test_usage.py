"""What a product line costs: counted every five minutes by one statement, shown on its page and by the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import ProductLine
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.tests.client import api_client
from apps.jobs.models import Instance, Job, LineUsage
from apps.jobs.services.usage import usage_count, usage_prune
from apps.jobs.tasks import count_usage
from apps.jobs.tests.factories import make_instance, make_job, make_running_job, make_spec, make_version
from apps.jobs.tests.pages import browser, text_of
from apps.jobs.usage import usage_by_day

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPEC = {"cpus": 0.5, "memory_mib": 512}


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


def rows() -> list[tuple[int, float, float, float]]:
    """Hour, CPU·h, GiB·h, instance hours; to six digits."""
    return [
        (row.hour.hour, round(row.cpu_h, 6), round(row.memory_gib_h, 6), round(row.instance_h, 6))
        for row in LineUsage.objects.order_by("hour", "product_line")
    ]


def test_a_slot_is_five_minutes_of_what_the_specs_promise(line: ProductLine) -> None:
    make_running_job(product_line=line, instances=12, spec=make_spec(**SPEC))
    assert usage_count(now=NOON + timedelta(minutes=3)) == 1
    assert rows() == [(12, 0.5, 0.5, 1.0)]


def test_a_slot_is_counted_once_and_slots_add_up_to_hours(line: ProductLine) -> None:
    make_running_job(product_line=line, instances=12, spec=make_spec(**SPEC))
    for minute in (0, 1, 4, 5, 9, 59, 60, 61):
        usage_count(now=NOON + timedelta(minutes=minute, seconds=59))
    assert rows() == [(12, 1.5, 1.5, 3.0), (13, 0.5, 0.5, 1.0)]


def test_each_instance_counts_by_the_spec_of_its_own_version_as_long_as_it_holds_something(
    line: ProductLine,
) -> None:
    job = make_running_job(product_line=line, instances=0, spec=make_spec(**SPEC))
    make_version(job, spec={"cpus": 2.0})
    make_instance(job=job, version=1)
    make_instance(job=job, version=2, state=Instance.State.STAGING)
    make_instance(job=job, version=None)  # counts by the version that was asked for: 1
    for state in (Instance.State.FAILED, Instance.State.FINISHED, Instance.State.KILLED):
        make_instance(job=job, state=state)
    usage_count(now=NOON)
    assert [row[1] * 12 for row in rows()] == [pytest.approx(3.0)]


def test_lines_are_counted_apart_and_the_deleted_not_at_all(line: ProductLine) -> None:
    make_running_job(product_line=line, instances=12, spec=make_spec(**SPEC))
    make_running_job(instances=24, spec=make_spec(**SPEC))
    gone = make_running_job(instances=5)
    Job.objects.filter(pk=gone.pk).update(deleted_at=NOON)
    make_job(product_line=make_product_line())
    assert usage_count(now=NOON) == 2
    assert rows() == [(12, 0.5, 0.5, 1.0), (12, 1.0, 1.0, 2.0)]


def test_one_statement_whatever_the_number_of_lines(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(8):
        make_running_job(instances=2)
    with django_assert_num_queries(2):  # whether the slot was counted, and the count
        assert usage_count(now=NOON) == 8


def test_the_task_counts_the_present_slot(line: ProductLine) -> None:
    make_running_job(product_line=line)
    count_usage()
    count_usage()
    assert [round(row.instance_h * 12) for row in LineUsage.objects.all()] == [3]


def test_hours_are_kept_as_long_as_the_history(line: ProductLine) -> None:
    for days in (1, 400):
        LineUsage.objects.create(
            product_line=line,
            hour=NOON - timedelta(days=days),
            cpu_h=1,
            memory_gib_h=1,
            instance_h=1,
            counted_at=NOON,
        )
    assert usage_prune(now=NOON) == 1
    assert LineUsage.objects.get().hour == NOON - timedelta(days=1)


def used(line: ProductLine, *, hours_ago: float, cpu_h: float) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    LineUsage.objects.create(
        product_line=line, hour=hour, cpu_h=cpu_h, memory_gib_h=2 * cpu_h, instance_h=1, counted_at=hour
    )


def test_the_api_gives_now_and_the_sums(
    line: ProductLine, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_running_job(product_line=line, instances=4, spec=make_spec(**SPEC))
    make_running_job(product_line=line, instances=2, spec=make_spec(**SPEC))
    for hours_ago, cpu_h in ((1, 1.0), (48, 10.0), (20 * 24, 100.0), (40 * 24, 1000.0)):
        used(line, hours_ago=hours_ago, cpu_h=cpu_h)
    used(make_product_line(), hours_ago=1, cpu_h=9.0)
    api = api_client(make_member(line))
    api.get("/api/v1/users/me/")
    with django_assert_num_queries(4):  # token, line, and two
        answer = api.get(f"/api/v1/product-lines/{line.tag}/usage/").json()
    assert answer == {
        "now": {"cpu": 3.0, "memory_gib": 3.0},
        "day": {"cpu": 1.0, "memory_gib": 2.0},
        "week": {"cpu": 11.0, "memory_gib": 22.0},
        "month": {"cpu": 111.0, "memory_gib": 222.0},
    }
    assert api_client(make_member()).get(f"/api/v1/product-lines/{line.tag}/usage/").status_code == 404


def test_the_page_says_it_in_words(line: ProductLine) -> None:
    make_running_job(product_line=line, instances=4, spec=make_spec(**SPEC))
    used(line, hours_ago=1, cpu_h=1234.5)
    seen = text_of(browser(make_member(line)).get(f"/product-lines/{line.tag}/"))
    assert "Held now 2 2 GiB" in seen
    assert "Last 24 hours 1,234 CPU·h 2,469 GiB·h" in seen


def test_by_day_the_days_without_anything_are_there_too(line: ProductLine) -> None:
    for days, cpu_h in ((0, 2.0), (3, 8.0), (30, 99.0)):
        LineUsage.objects.create(
            product_line=line,
            hour=NOON - timedelta(days=days),
            cpu_h=cpu_h,
            memory_gib_h=1,
            instance_h=1,
            counted_at=NOON,
        )
    shown = usage_by_day(line, now=NOON)
    assert [day.percent for day in shown] == [0] * 10 + [100, 0, 0, 25]
    assert shown[-1].day.date() == NOON.date()
