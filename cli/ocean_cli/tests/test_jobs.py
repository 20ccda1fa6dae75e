"""Looking at jobs, and how they are named."""

from __future__ import annotations

import json

import yaml

from ocean_cli.documents import parse
from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, job, page

JOB = f"jobs/{TAG}/"
EVERYWHERE = job(cluster="production-c3")


def test_the_list_is_a_table_for_people(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", "jobs/", page(job(operation=12), job(name="db", state="degraded", running_version=None)))
    ended = ocean("jobs", "web", "shop", "--cluster", "staging", "--state", "running", "--state", "degraded")
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines()]
    assert lines[0] == [
        "SERVICE",
        "JOB",
        "CLUSTER",
        "STATE",
        "INSTANCES",
        "HEALTHY",
        "VERSION",
        "SINCE",
        "OPERATION",
    ]
    assert lines[1][:7] == ["shop", "web", "staging", "running", "3/3", "3", "2"]
    assert lines[1][8] == "#12"
    assert lines[2][:4] == ["shop", "db", "staging", "degraded"]
    [asked] = fake.asked
    assert asked.query == {
        "page_size": ["200"],
        "search": ["web shop"],
        "cluster": ["staging"],
        "state": ["running", "degraded"],
    }
    assert asked.headers["Authorization"] == "Token ocean_secret"


def test_programs_get_json_or_yaml_before_or_after_the_commands_name(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", "jobs/", page(job()))
    assert json.loads(ocean("jobs", "--json").out) == [job()]
    assert json.loads(ocean("-o", "json", "jobs").out) == [job()]
    assert yaml.safe_load(ocean("jobs", "-o", "yaml").out)[0]["tag"] == TAG


def test_quiet_prints_tags_alone_and_all_pages(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on(
        "GET",
        "jobs/",
        page(job()) | {"next": "http://x/api/v1/jobs/?page=2&page_size=200"},
        page(job(name="db")),
    )
    ended = ocean("jobs", "-q")
    assert ended.out.split() == [TAG, TAG.replace("job.web", "job.db")]
    assert [one.query.get("page") for one in fake.asked] == [None, ["2"]]


def test_nothing_found_is_said_beside_the_output(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", "jobs/", page())
    ended = ocean("jobs")
    assert (ended.code, ended.out, ended.err) == (0, "", "Nothing found.\n")


def test_a_job_shows_what_is_wrong_with_it(ocean: Ocean, fake: FakeOcean) -> None:
    wrong = {"severity": "error", "what": "2 of 3 run.", "why": "No offer has 4 CPUs.", "hint": "Ask for 2."}
    fake.on("GET", "jobs/", page(job()))
    fake.on("GET", JOB, job(version=3, problems=[wrong]))
    ended = ocean("job", "web")
    assert "Version:    2; 3 is saved and not published\n" in ended.out
    assert "✗ 2 of 3 run.\n  No offer has 4 CPUs.\n  Ask for 2.\n" in ended.out


def test_explain(ocean: Ocean, fake: FakeOcean) -> None:
    wrong = {"severity": "warning", "what": "Waits.", "why": "No CPUs.", "hint": ""}
    fake.on("GET", f"{JOB}explain/", [wrong], [])
    assert ocean("explain", TAG).out == "! Waits.\n  why: No CPUs.\n"
    assert ocean("explain", TAG).out == "All is as wanted.\n"


def test_what_the_console_sends_never_reaches_the_terminal_as_an_instruction(
    ocean: Ocean, fake: FakeOcean
) -> None:
    fake.on("GET", "jobs/", page(job(name="a\x1b]0;title\x07b")))
    assert "\x1b" not in ocean("jobs").out


class TestNames:
    def test_a_tag_and_the_address_of_a_page_need_no_search(self, ocean: Ocean, fake: FakeOcean) -> None:
        fake.on("GET", JOB, job())
        assert ocean("job", TAG, "-q").out == "running\n"
        assert ocean("job", f"https://ocean.example.org/jobs/{TAG}/logs/", "-q").out == "running\n"
        assert fake.calls("GET", "jobs/") == []

    def test_the_parts_of_a_short_name_are_filters(self, ocean: Ocean, fake: FakeOcean) -> None:
        fake.on("GET", "jobs/", page(job()))
        fake.on("GET", JOB, job())
        assert ocean("job", "shop/web@staging").code == 0
        query = fake.calls("GET", "jobs/")[0].query
        assert (query["name"], query["service"], query["cluster"]) == (["web"], ["shop"], ["staging"])

    def test_an_ambiguous_name_lists_how_each_has_to_be_written(self, ocean: Ocean, fake: FakeOcean) -> None:
        other = job(service="blog", cluster="production-c3")
        fake.on("GET", "jobs/", page(job(), EVERYWHERE, other))
        ended = ocean("scale", "web", "3")
        assert ended.code == 2
        assert "  web@staging\n  shop/web@production-c3\n  blog/web\n" in ended.err

    def test_the_same_everywhere_but_in_its_product_line_needs_its_tag(
        self, ocean: Ocean, fake: FakeOcean
    ) -> None:
        other = job(product_line="pdl.browser_owt.miui_cop.xiaomi")
        fake.on("GET", "jobs/", page(job(), other))
        assert TAG in ocean("job", "web").err

    def test_an_unknown_name_suggests_those_that_hold_it(self, ocean: Ocean, fake: FakeOcean) -> None:
        fake.on("GET", "jobs/", page(), page(job(name="web-api")))
        ended = ocean("job", "web")
        assert ended.code == 4
        assert "Did you mean one of these?\n  web-api\n" in ended.err

    def test_what_is_no_name_is_a_mistake_of_the_command_line(self, ocean: Ocean) -> None:
        assert ocean("job", "We_b").code == 2


def test_open_prints_the_page(ocean: Ocean, fake: FakeOcean) -> None:
    assert ocean("open", TAG).out == f"{fake.url}/jobs/{TAG}/\n"


def test_an_answer_that_is_no_json_names_the_likely_cause(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", "jobs/", Reply(b"<html>", headers={"Content-Type": "text/html"}))
    ended = ocean("jobs")
    assert (ended.code, "Is this the address of an Ocean?" in ended.err) == (1, True)


def test_an_exported_job_is_a_document_that_leaves_the_number_of_instances_to_others(
    ocean: Ocean, fake: FakeOcean
) -> None:
    spec = {"command": "exec ./serve", "instances": 1, "env": {"VERSION": "1.10", "FLAG": "no"}}
    fake.on("GET", JOB, job(spec=spec))
    ended = ocean("export", TAG)
    [document] = parse(ended.out, "web.yaml")
    assert document.content == {
        "product_line": "pdl.ocean_owt.inf_cop.xiaomi",
        "service": "shop",
        "cluster": "staging",
        "name": "web",
        "spec": {"command": "exec ./serve", "env": {"VERSION": "1.10", "FLAG": "no"}},
    }
    [again] = json.loads(ocean("export", TAG, "--instances", "-o", "json").out)
    assert again["spec"]["instances"] == 3
