"""The job form: what is typed becomes the spec, and every error stands at the field that caused it."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Membership, ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Cluster
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job, JobVersion
from apps.jobs.services import job_version_add, secret_set
from apps.jobs.tests.factories import make_job, make_spec, make_template
from apps.jobs.tests.pages import add_row, browser, errors_at, form_data

pytestmark = pytest.mark.django_db
FORM = "job-form"

FULL_SPEC: dict[str, Any] = {
    "command": "exec ./serve \\\n  --port $PORT0",
    "image": "registry.example.com/weather:1",
    "cpus": 0.25,
    "memory_mib": 96,
    "disk_mib": 10,
    "disk_io_mib_s": 5,
    "bandwidth_mbit_s": 100,
    "instances": 4,
    "ports": [
        {"name": "http", "container_port": 8080, "protocol": "tcp"},
        {"name": "dns", "container_port": 0, "protocol": "udp"},
    ],
    "env": {"LEVEL": " two words ", "PEM": "a\nb\n", "PASSWORD": {"secret": "db-password"}},
    "files": [{"path": "conf/app.conf", "content": "\nlevel = info\n", "mode": "0600"}],
    "fetch": [{"uri": "https://example.com/a.tgz", "extract": False, "executable": True, "cache": False}],
    "labels": {"team": "weather", "empty": ""},
    "health_checks": [
        {"type": "http", "port": "http", "path": "/health", "grace_s": 7},
        {"type": "command", "command": "test -f ready"},
    ],
    "constraints": [{"field": "rack", "operator": "GROUP_BY", "value": "3"}],
    "strategy": {"kind": "rolling", "batch": 2, "max_unavailable": 1, "max_surge": 2, "deadline_s": 60},
    "kill_grace_s": 3,
    "hooks": {
        "pre_stop": {"command": "curl -X POST :$PORT0/drain\nwait", "timeout_s": 2},
        "post_start": {"command": "./warm-up.sh", "timeout_s": 30, "required": True},
    },
    "backoff": {"first_s": 2, "factor": 1.5, "max_s": 20},
}


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def cluster() -> Cluster:
    return make_cluster(name="staging")


@pytest.fixture
def client(line: ProductLine) -> Client:
    return browser(make_member(line))


def new_form(client: Client, line: ProductLine, **typed: str) -> dict[str, str]:
    """The new-job form with its place and a command filled in, and what was `typed` besides."""
    data = form_data(client.get("/jobs/new/"), FORM)
    place = {"product_line": line.tag, "service": "weather", "cluster": "staging", "name": "weather-api"}
    return {**data, **place, "command": "sleep 60", "save": "1", **typed}


def test_a_new_job_is_saved_as_a_draft_with_what_was_typed(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    data = new_form(client, line, cpus="0.5", instances="3", note="first")
    data = add_row(data, "ports", name="http", container_port="0", protocol="tcp")
    data = add_row(data, "env", name="LEVEL", kind="text", value="info")
    data = add_row(data, "health_checks", type="http", path="/", grace_s="10")

    answer = client.post("/jobs/new/", data)

    job = Job.objects.get()
    version = JobVersion.objects.get()
    assert answer.headers["Location"] == job.get_absolute_url()
    assert job.tag == f"job.weather-api_service.weather_cluster.staging_{line.tag}"
    assert (job.state, job.target_version, version.note) == ("draft", None, "first")
    assert version.spec == make_spec(
        command="sleep 60",
        cpus=0.5,
        instances=3,
        env={"LEVEL": "info"},
        health_checks=[{"type": "http", "path": "/", "grace_s": 10, "interval_s": 10}],
    )


def test_publishing_from_the_form_saves_and_goes_on_to_the_preview(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    data = new_form(client, line)
    del data["save"]

    answer = client.post("/jobs/new/", {**data, "publish": "1"})

    job = Job.objects.get()
    assert answer.headers["Location"] == f"/jobs/{job.tag}/publish/?version=1"
    assert job.target_version is None, "nothing is published before the preview was confirmed"


def test_the_whole_tag_stands_above_the_form(client: Client, line: ProductLine, cluster: Cluster) -> None:
    page = client.get("/jobs/new/?name=a&service=b&cluster=staging").content.decode()

    assert f'id="job-tag" aria-live="polite">job.a_service.b_cluster.staging_{line.tag}<' in page, (
        "and somebody's only product line is chosen for them"
    )


def test_a_template_fills_the_form_in(client: Client, line: ProductLine, cluster: Cluster) -> None:
    make_template(name="web", spec={"command": "serve", "ports": [{"name": "main"}], "memory_mib": 77})

    data = form_data(client.get("/jobs/new/?template=web"), FORM)

    assert (data["command"], data["memory_mib"], data["ports-0-name"]) == ("serve", "77", "main")
    assert data["cpus"] == "0.1", "what the template leaves out has the spec's default"
    assert client.get("/jobs/new/?template=unknown").status_code == 404


def test_only_product_lines_that_one_may_change_are_offered_and_taken(
    line: ProductLine, cluster: Cluster
) -> None:
    developer_elsewhere = make_member(role=Role.DEVELOPER)
    Membership.objects.create(product_line=line, user=developer_elsewhere, role=Role.VIEWER)
    client = browser(developer_elsewhere)

    answer = client.post("/jobs/new/", new_form(client, line))

    assert answer.status_code == 422
    assert "product_line" in errors_at(answer)
    assert not Job.objects.exists()


# --- errors at the fields -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", "Weather API"),
        ("name", ""),
        ("service", "with.dots"),
        ("product_line", "pdl.unknown"),
        ("cluster", ""),
        ("command", ""),
        ("args", "'never closed"),
        ("cpus", "much"),
        ("cpus", "nan"),
        ("cpus", ""),
        ("cpus", "0"),
        ("memory_mib", "1.5"),
        ("memory_mib", "9" * 400),
        ("disk_mib", "-1"),
        ("disk_io_mib_s", "0"),
        ("bandwidth_mbit_s", "fast"),
        ("gpus", "65"),
        ("instances", "-3"),
        ("strategy-kind", "big-bang"),
        ("strategy-batch", "0"),
        ("strategy-max_surge", "0"),
        ("strategy-deadline_s", "1"),
        ("strategy-min_up_s", "3601"),
        ("backoff-factor", "0.5"),
        ("kill_grace_s", "long"),
        ("note", "x" * 301),
    ],
)
def test_a_bad_value_is_named_at_its_field_and_kept(
    client: Client, line: ProductLine, cluster: Cluster, field: str, typed: str
) -> None:
    data = new_form(client, line, **{field: typed})

    answer = client.post("/jobs/new/", data)

    assert answer.status_code == 422
    assert set(errors_at(answer)) == {field}
    assert not Job.objects.exists()
    shown = form_data(answer, FORM)
    if field not in {"product_line", "strategy-kind"}:  # a menu cannot show what it does not have
        assert shown[field] == typed
    for varies in (field, "csrfmiddlewaretoken"):
        shown[varies] = data[varies]
    assert shown == {name: data[name] for name in shown}


@pytest.mark.parametrize(
    ("rows", "values", "at"),
    [
        ("ports", {"name": "HTTP!"}, "name"),
        ("ports", {"name": ""}, "name"),
        ("ports", {"name": "a", "container_port": "70000"}, "container_port"),
        ("ports", {"name": "a", "protocol": "icmp"}, "protocol"),
        ("env", {"name": "1ST", "kind": "text", "value": "x"}, "name"),
        ("env", {"name": "", "kind": "text", "value": "x"}, "name"),
        ("env", {"name": "PASSWORD", "kind": "secret", "secret": "unknown"}, "secret"),
        ("files", {"path": "/etc/passwd", "content": "x"}, "path"),
        ("files", {"path": "big", "content": "x" * 70_000}, "content"),
        ("health_checks", {"type": ""}, "type"),
        ("health_checks", {"type": "tcp", "port": "unknown"}, "port"),
        ("health_checks", {"type": "command", "command": ""}, "command"),
        ("health_checks", {"type": "command", "command": "true", "interval_s": "0"}, "interval_s"),
        ("constraints", {"field": "rack", "operator": "LIKE", "value": ""}, "value"),
        ("constraints", {"field": "rack", "operator": "NEAR", "value": "x"}, "operator"),
        ("constraints", {"field": "", "operator": "UNIQUE"}, "field"),
        ("volumes", {"path": "a/b", "size_mib": "1"}, "path"),
        ("volumes", {"path": "data", "size_mib": "lots"}, "size_mib"),
        ("fetch", {"uri": "", "extract": "on"}, "uri"),
        ("labels", {"name": "OCEAN_TAG", "value": "mine"}, "name"),
        ("depends_on", {"tag": "job.unknown"}, "tag"),
    ],
)
def test_a_bad_value_in_a_row_is_named_at_its_row_and_kept(
    client: Client, line: ProductLine, cluster: Cluster, rows: str, values: dict[str, str], at: str
) -> None:
    data = new_form(client, line, **{"strategy-max_unavailable": "1", "strategy-max_surge": "0"})
    data = add_row(data, rows, **values)

    answer = client.post("/jobs/new/", data)

    assert answer.status_code == 422
    assert set(errors_at(answer)) == {f"{rows}-1-{at}"}
    shown = form_data(answer, FORM)
    kept = {name: text for name, text in values.items() if text not in {"icmp", "NEAR"}}
    assert {name: shown.get(f"{rows}-1-{name}", "") for name in kept} == kept


def test_the_first_tab_with_an_error_is_open_and_marked(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    answer = client.post("/jobs/new/", new_form(client, line, cpus="much", kill_grace_s="long"))

    page = answer.content.decode()
    assert re.findall(r'class="tab-pane active show" id="tab-(\w+)"', page) == ["runtime"]
    marked = [
        tab
        for tab in ("job", "runtime", "advanced")
        if "has errors" in page.split(f'id="tab-{tab}-label"')[1].split("</button>")[0]
    ]
    assert marked == ["runtime", "advanced"]


def test_all_errors_come_at_once(client: Client, line: ProductLine, cluster: Cluster) -> None:
    data = new_form(client, line, name="Bad Name", product_line="", cpus="much", args='"open')
    data = add_row(data, "ports", name="http")
    data = add_row(data, "ports", name="HTTP!")

    answer = client.post("/jobs/new/", data)

    assert set(errors_at(answer)) == {"product_line", "name", "cpus", "args", "ports-2-name"}


def test_two_rows_for_one_variable_are_refused_rather_than_one_lost(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    data = add_row(new_form(client, line), "env", name="LEVEL", kind="text", value="info")
    data = add_row(data, "env", name="LEVEL", kind="text", value="debug")

    answer = client.post("/jobs/new/", data)

    assert set(errors_at(answer)) == {"env-2-name"}


def test_an_error_is_at_the_right_row_after_others_were_taken_out(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    data = new_form(client, line)
    for name in ("first", "second", "THIRD", "fourth"):
        data = add_row(data, "ports", name=name)
    data = {name: value for name, value in data.items() if not name.startswith("ports-1-")}
    data["ports-2-DELETE"] = "on"

    answer = client.post("/jobs/new/", data)

    assert set(errors_at(answer)) == {"ports-3-name"}
    shown = form_data(answer, FORM)
    assert [value for name, value in shown.items() if re.fullmatch(r"ports-\d-name", name)] == [
        "THIRD",
        "fourth",
    ]


def test_without_scripts_the_spare_row_counts_when_it_is_filled_in(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    empty = {"ports-0-kept": "", "ports-0-name": "", "ports-0-container_port": "", "ports-0-protocol": "tcp"}
    filled = {"env-0-kept": "", "env-0-name": "LEVEL", "env-0-kind": "text", "env-0-value": "info"}

    client.post("/jobs/new/", {**new_form(client, line), **empty, **filled})

    spec = JobVersion.objects.get().spec
    assert spec["env"] == {"LEVEL": "info"}
    assert spec["ports"] == []


def test_a_form_without_its_row_counts_is_not_taken_for_one_without_rows(
    client: Client, line: ProductLine
) -> None:
    job = make_job(product_line=line)
    data = form_data(client.get(f"/jobs/{job.tag}/edit/"), FORM)
    del data["ports-TOTAL_FORMS"]

    answer = client.post(f"/jobs/{job.tag}/edit/", data)

    assert answer.status_code == 422
    assert JobVersion.objects.count() == 1


def test_a_name_that_is_taken_is_said_at_the_name(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    client.post("/jobs/new/", new_form(client, line))

    answer = client.post("/jobs/new/", new_form(client, line))

    assert set(errors_at(answer)) == {"name"}
    assert Job.objects.count() == 1


# --- editing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_the_form_shows_of_a_spec_is_what_it_sends(line: ProductLine, line_end: str) -> None:
    developer = make_member(line)
    secret_set(product_line=line, name="db-password", value="x", by=developer)
    job = make_job(product_line=line, spec=make_spec(**FULL_SPEC))
    client = browser(developer)

    data = form_data(client.get(f"/jobs/{job.tag}/edit/"), FORM)
    sent = {name: value.replace("\n", line_end) for name, value in data.items()}
    answer = client.post(f"/jobs/{job.tag}/edit/", sent, follow=True)

    assert errors_at(answer) == {}
    assert "Nothing was changed" in answer.content.decode()
    assert JobVersion.objects.filter(job=job).count() == 1


def test_a_field_that_is_newer_than_the_version_is_no_change_of_whoever_saves_the_form(
    line: ProductLine,
) -> None:
    job = make_job(product_line=line)
    spec = JobVersion.objects.get(job=job).spec
    del spec["strategy"]["min_up_s"]
    JobVersion.objects.filter(job=job).update(spec=spec)
    client = browser(make_member(line))
    data = form_data(client.get(f"/jobs/{job.tag}/edit/"), FORM)
    answer = client.post(f"/jobs/{job.tag}/edit/", data, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert JobVersion.objects.filter(job=job).count() == 1


def test_an_edit_changes_only_what_was_edited(client: Client, line: ProductLine) -> None:
    job = make_job(product_line=line, spec=make_spec(**{**FULL_SPEC, "env": {"LEVEL": "info"}}))
    data = form_data(client.get(f"/jobs/{job.tag}/edit/"), FORM)

    client.post(f"/jobs/{job.tag}/edit/", {**data, "instances": "5", "image": "", "note": "more"})

    first, second = JobVersion.objects.order_by("number")
    assert second.spec == {**first.spec, "instances": 5, "image": None}
    assert second.note == "more"


def test_an_earlier_version_can_be_the_start_of_the_next(client: Client, line: ProductLine) -> None:
    job = make_job(product_line=line, spec=make_spec(command="first"))
    job_version_add(job=job, patch={"command": "second"}, by=make_sre())

    data = form_data(client.get(f"/jobs/{job.tag}/edit/?version=1"), FORM)
    client.post(f"/jobs/{job.tag}/edit/", data)

    latest = JobVersion.objects.get(job=job, number=3)
    assert latest.spec["command"] == "first"


def test_somebody_saved_meanwhile_and_nothing_of_either_is_lost(client: Client, line: ProductLine) -> None:
    job = make_job(product_line=line, spec=make_spec(command="old", cpus=0.1, instances=2))
    data = form_data(client.get(f"/jobs/{job.tag}/edit/"), FORM)
    rival = make_member(line, username="rival")
    job_version_add(job=job, patch={"cpus": 2.0, "instances": 7}, by=rival, note="bigger")

    answer = client.post(
        f"/jobs/{job.tag}/edit/", {**data, "command": "new", "instances": "3", "note": "mine"}
    )

    assert answer.status_code == 409
    page = unescape(answer.content.decode())
    assert "rival" in page
    assert "bigger" in page
    assert "<code>cpus</code>" in page, "what the other changed is shown"
    assert "the form has yours:" in page
    assert JobVersion.objects.count() == 2, "nothing is saved before the person has seen it"
    shown = form_data(answer, FORM)
    assert (shown["command"], shown["cpus"], shown["instances"], shown["note"]) == ("new", "2.0", "3", "mine")

    client.post(f"/jobs/{job.tag}/edit/", shown)

    spec = JobVersion.objects.get(job=job, number=3).spec
    assert (spec["command"], spec["cpus"], spec["instances"]) == ("new", 2.0, 3)


# --- beside the form ------------------------------------------------------------------------------------


def test_the_api_call_of_a_new_job_is_the_one_that_makes_it(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    data = add_row(new_form(client, line), "env", name="PASSWORD", kind="secret", secret="db-password")

    page = unescape(client.post("/jobs/new/api-call/", data).content.decode())

    assert "curl -X POST http://testserver/api/v1/jobs/" in page
    body = json.loads(page.split("END'\n")[1].split("\nEND")[0])
    assert body["spec"]["env"] == {"PASSWORD": {"secret": "db-password"}}
    secret_set(product_line=line, name="db-password", value="x", by=make_member(line))
    answer = client.post("/api/v1/jobs/", body, content_type="application/json")
    assert answer.status_code == 201
    assert Job.objects.get().name == "weather-api"


def test_the_api_call_of_an_edit_holds_what_was_changed(client: Client, line: ProductLine) -> None:
    job = make_job(product_line=line)
    data = form_data(client.get(f"/jobs/{job.tag}/edit/"), FORM)

    page = unescape(client.post(f"/jobs/{job.tag}/edit/api-call/", {**data, "cpus": "2"}).content.decode())

    assert f"curl -X PATCH http://testserver/api/v1/jobs/{job.tag}/" in page
    body = json.loads(page.split("END'\n")[1].split("\nEND")[0])
    assert body == {"spec": {"cpus": 2.0}, "version": 1, "note": ""}


def test_suggestions_are_what_the_person_may_know_of(client: Client, line: ProductLine) -> None:
    mine = make_job(product_line=line)
    other_line = make_product_line()
    own = make_job(product_line=line, cluster=mine.cluster)
    others = make_job(product_line=other_line, cluster=mine.cluster)
    elsewhere = make_job(product_line=line)
    secret_set(product_line=line, name="ours", value="x", by=make_sre())
    secret_set(product_line=other_line, name="theirs", value="x", by=make_sre())

    asked = f"cluster={mine.cluster.name}&own={own.tag}&typed=job"
    jobs = client.get(f"/jobs/options/dependencies/?{asked}").content.decode()
    ours = client.get(f"/jobs/options/secrets/?product_line={line.tag}").content.decode()
    theirs = client.get(f"/jobs/options/secrets/?product_line={other_line.tag}").content.decode()

    assert mine.tag in jobs
    assert own.tag not in jobs
    assert others.tag not in jobs
    assert elsewhere.tag not in jobs
    assert 'value="ours"' in ours
    assert "theirs" not in theirs


def test_a_bad_form_does_not_tell_the_secrets_of_another_product_line(
    client: Client, line: ProductLine, cluster: Cluster
) -> None:
    other = make_product_line()
    secret_set(product_line=other, name="their-secret", value="x", by=make_sre())

    answer = client.post("/jobs/new/", new_form(client, line, product_line=other.tag))

    assert "their-secret" not in answer.content.decode()
