"""One box finds jobs, instances, hosts, operations, product lines and templates; only what the person may know of."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Operation
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import make_cluster
from apps.core.tests.pages import part, queries, read
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Instance, Job
from apps.jobs.tests.factories import make_instance, make_job, make_job_operation, make_template

pytestmark = pytest.mark.django_db

UUID = "0a1b2c3d-3c3c-11ee-b5a1-0242ac120002"


def found(user: User, text: str) -> list[tuple[str, str]]:
    """Kind and title of each hit, in order."""
    answer = api_client(user).get("/api/v1/search/", {"q": text})
    assert answer.status_code == 200, answer.content
    return [(hit["kind"], hit["title"]) for hit in answer.json()["results"]]


def test_a_whole_name_goes_before_its_beginning_before_its_middle() -> None:
    line = make_product_line()
    for name in ("my-weather", "weather-api", "weather"):
        make_job(name=name, service="service", product_line=line)
    jobs = [title for kind, title in found(make_sre(), "weather") if kind == "job"]
    assert jobs == ["weather", "weather-api", "my-weather"]


def test_a_job_is_found_by_its_tag_its_scheduler_name_and_by_words_in_any_order() -> None:
    job = make_job(name="weather", service="forecast", cluster=make_cluster(name="lg-1"))
    make_job(name="other")
    sre = make_sre()
    for text in (job.tag, job.workload_id, "lg-1 weather", "FORECAST Weath", "job.weather_service"):
        assert ("job", "weather") in found(sre, text), text
        assert ("job", "other") not in found(sre, text), text


def test_a_deleted_job_is_not_found() -> None:
    job = make_job(name="weather")
    Job.objects.filter(pk=job.pk).update(deleted_at=job.created_at)
    make_instance(job=job, ip="10.1.2.3")
    assert found(make_sre(), "weather") == []
    assert found(make_sre(), "10.1.2.3") == []


def test_an_instance_is_found_by_ip_and_by_task_id_or_the_beginning_of_either() -> None:
    job = make_job(name="weather")
    task_id = f"xiaomi_inf_ocean_staging_weather.instance-{UUID}._app.1"
    make_instance(job=job, task_id=task_id, ip="10.1.2.30")
    make_instance(
        job=job, task_id=f"xiaomi_inf_ocean_staging_weather.{UUID.replace('0a', 'ff')}", ip="10.1.2.3"
    )
    sre = make_sre()
    whole = f"{UUID}._app.1"
    assert found(sre, "10.1.2.3") == [("instance", UUID.replace("0a", "ff")), ("instance", whole)]
    assert found(sre, "10.1.2.30") == [("instance", whole)]
    for text in (task_id, task_id[:-10], UUID, UUID[:8], whole):
        assert found(sre, text) == [("instance", whole)], text
    assert found(sre, "10") == [] or ("instance", whole) not in found(sre, "10")


def test_a_hit_leads_to_its_page_and_its_address() -> None:
    instance = make_instance(ip="10.1.2.3")
    sre = make_sre()
    client, api = Client(), api_client(sre)
    client.force_login(sre)
    make_host(hostname="lg-node77", address="10.9.9.9")
    make_template(name="web-service")
    operation = make_job_operation(make_job(name="forecast"), kind="job.publish")
    for text in (
        "10.1.2.3",
        "lg-node77",
        "web-service",
        "forecast",
        f"#{operation.pk}",
        str(instance.job.product_line),
    ):
        hits = api.get("/api/v1/search/", {"q": text}).json()["results"]
        assert hits, text
        for hit in hits:
            assert client.get(hit["url"]).status_code == 200, hit
            assert api.get(hit["api"]).status_code == 200, hit


def test_hosts_lines_templates_and_operations_are_found_by_what_people_call_them() -> None:
    make_host(hostname="lg-node77", rack="r07", address="10.9.9.9")
    make_product_line(pdl="browser", title="Browser 浏览器")
    make_template(name="web-service", title="Web service", title_zh="网站服务")
    operation = make_job_operation(make_job(name="x"), kind="job.publish", deployment_id="5ed4c0c5-9ff8-4a6f")
    sre = make_sre()
    assert found(sre, "node77") == [("host", "lg-node77")]
    assert found(sre, "10.9.9") == [("host", "lg-node77")]
    assert found(sre, "R07") == [("host", "lg-node77")]
    assert ("product_line", "Browser 浏览器") in found(sre, "浏览器")
    assert found(sre, "网站") == [("template", "web-service")]
    for text in (str(operation.pk), f"#{operation.pk}", "5ed4c0c5-9ff8-4a6f"):
        assert ("operation", f"publish #{operation.pk}") in found(sre, text)


def test_the_kind_with_the_best_answer_comes_first() -> None:
    make_job(name="web-10")
    make_host(hostname="web")
    assert [kind for kind, _ in found(make_sre(), "web")] == ["host", "job"]


def test_what_a_person_may_not_know_of_is_not_found() -> None:
    job = make_job(name="secret-job")
    instance = make_instance(job=job, ip="10.1.2.3")
    operation = make_job_operation(job)
    make_template(name="secret-recipe", product_line=job.product_line)
    member, stranger = make_member(job.product_line), make_member()
    for text in (
        "recipe",
        job.tag,
        "secret",
        instance.ip,
        instance.task_id,
        f"#{operation.pk}",
        job.product_line.tag,
    ):
        assert found(member, text) != [], text
        assert found(stranger, text) == [], text


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "none-such", "#", "²", "a" * 200, "(", "9" * 30])
def test_odd_questions_find_nothing(text: str) -> None:
    make_instance(job=make_job(name="weather", service="x", cluster=make_cluster(name="b-1")))
    assert [hit for hit in found(make_sre(), text) if text not in "_"] == []


def test_a_question_that_cannot_be_asked_is_an_error() -> None:
    api = api_client(make_sre())
    assert field_codes(api.get("/api/v1/search/")) == {"q": "required"}
    assert field_codes(api.get("/api/v1/search/", {"q": ""})) == {"q": "blank"}
    assert field_codes(api.get("/api/v1/search/", {"q": "a" * 201})) == {"q": "max_length"}
    assert field_codes(api.get("/api/v1/search/", {"q": "a", "x": "1"})) == {"x": "unknown_field"}
    assert api_client(None).get("/api/v1/search/", {"q": "a"}).status_code == 401


def many(rows: int) -> None:
    line = make_product_line()
    for number in range(rows):
        job = make_job(name=f"web-{rows}-{number}", product_line=line)
        make_instance(job=job, ip=f"10.0.0.{number}")
        make_job_operation(job, state=Operation.State.SUCCEEDED)
        make_host(hostname=f"web-{rows}-{number}")
        make_template(name=f"web-{rows}-{number}")


@pytest.mark.parametrize(("text", "asked"), [("web", 6), ("10.0.0.10", 7), ("1", 6)])
def test_the_number_of_queries_is_fixed_and_six_of_a_kind_are_shown(
    text: str, asked: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The token, and once each kind that can have such a name."""
    api = api_client(make_sre())
    api.get("/api/v1/search/", {"q": text})
    many(20)
    with django_assert_num_queries(asked):
        hits = api.get("/api/v1/search/", {"q": text}).json()["results"]
    kinds = [hit["kind"] for hit in hits]
    assert all(kinds.count(kind) <= 6 for kind in kinds)


class TestPages:
    def test_every_page_has_the_box(self, client: Client) -> None:
        client.force_login(make_member())
        html = client.get("/").content.decode()
        assert html.count('role="combobox"') == 1
        assert 'href="/search/" data-search-open' in html

    def test_the_page_works_without_scripts(self, client: Client) -> None:
        job = make_job(name="weather")
        client.force_login(make_member(job.product_line))
        seen = read(client, "/search/?q=weath")
        assert "weather" in seen
        assert "draft" in seen
        assert "Nothing matches" in read(client, "/search/?q=none-such")
        assert "Nothing matches" not in read(client, "/search/")

    def test_the_box_gets_options_by_kind_with_their_state(self, client: Client) -> None:
        job = make_job(name="weather")
        client.force_login(make_member(job.product_line))
        html = part(client, "/search/?q=weather", "search-found")
        assert 'role="listbox"' in html
        assert 'role="group" aria-labelledby="search-job"' in html
        assert f'id="search-job-1" href="{job.get_absolute_url()}"' in html
        assert 'data-state="draft"' in html

    def test_the_number_of_queries_is_fixed(self, client: Client) -> None:
        client.force_login(make_sre())
        many(1)
        one = queries(client, "/search/?q=web")
        many(15)
        assert queries(client, "/search/?q=web") == one

    def test_markup_in_a_question_stays_text(self, client: Client) -> None:
        client.force_login(make_sre())
        assert "<script>x" not in client.get("/search/", {"q": "<script>x"}).content.decode()


def test_nobody_finds_nothing(client: Client) -> None:
    answer: Any = client.get("/search/?q=web")
    assert answer.status_code == 302


@pytest.mark.parametrize("text", ["10.1.2.", f"xiaomi_inf_web.instance-{UUID}._app.1"])
def test_instances_are_found_by_indexes(text: str) -> None:
    """At 100,000 of them nothing else is quick enough; some thousands are enough for PostgreSQL to see that."""
    sre = make_sre()
    sample = make_instance()
    Instance.objects.bulk_create(
        [
            Instance(
                job=sample.job,
                task_id=f"xiaomi_inf_web.instance-{number:08x}._app.1",
                host=sample.host,
                ip=f"10.{number // 256}.{number % 256}.1",
                ports=[20000],
                state=sample.state,
                engine_version=sample.engine_version,
                staged_at=sample.staged_at,
            )
            for number in range(3000)
        ]
    )
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as captured:
        cursor.execute("ANALYZE jobs_instance")
        found(sre, text)
        asked = next(
            query["sql"] for query in captured.captured_queries if 'jobs_instance"."' in query["sql"]
        )
        cursor.execute("EXPLAIN " + asked)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "instance_by_ip" in plan
    assert "instance_by_unit" in plan
    assert "Seq Scan on jobs_instance" not in plan
    assert "Sort" not in plan
