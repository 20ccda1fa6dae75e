"""Jobs that do not run, on a running Ocean: within 10 s API, page and command line say why and what would help."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import requests

from embedded.stack import CHECKOUT
from embedded.waiting import WaitTimeoutError, wait_until
from tests.api_client import Api, JobHandle, create
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

WITHIN_S = 10.0
ANSWERS_500 = """exec python3 -c "
import http.server, os
class Ill(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500); self.end_headers(); self.wfile.write(b'db down')
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT0'])), Ill).serve_forever()
" """
NO_CHECKS: dict[str, Any] = {"ports": [], "health_checks": [], "instances": 1, "strategy": {"deadline_s": 30}}


@pytest.fixture(scope="module")
def dev(stack: RunningStack) -> Api:
    return Api.of(stack, "dev")


@pytest.fixture(scope="module")
def pages(stack: RunningStack) -> Iterator[requests.Session]:
    """A person who is signed in at the pages."""
    with requests.Session() as session:
        form = session.get(f"{stack.url}/accounts/login/", timeout=10).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token
        fields = {
            "csrfmiddlewaretoken": token[1],
            "username": "dev",
            "password": stack.people["dev"].password,
        }
        answer = session.post(f"{stack.url}/accounts/login/", data=fields, timeout=10)
        assert answer.ok
        yield session


@pytest.fixture
def made() -> Iterator[list[JobHandle]]:
    """Jobs that are cancelled and removed afterwards."""
    jobs: list[JobHandle] = []
    yield jobs
    for job in jobs:
        if (operation := job.row()["operation"]) is not None:
            job.api.post(f"operations/{operation}/cancel/")
    for job in jobs:
        job.remove()


def published(dev: Api, made: list[JobHandle], **fields: Any) -> JobHandle:
    job = create(dev, **{**NO_CHECKS, **fields})
    made.append(job)
    dev.operation(f"{job.path}/publish/")
    return job


def explained(job: JobHandle, pages: requests.Session, *, code: str) -> dict[str, Any]:
    """What is said first, once it is `code`: in the API, and in the same words on the page and the command line."""
    found: list[dict[str, Any]] = []

    def is_said() -> bool:
        found[:] = job.api.get(f"{job.path}/explain/")
        return bool(found) and found[0]["code"] == code and found[0]["what"] in page_of(job, pages)

    try:
        wait_until(is_said, what=f"{code} is said", timeout_s=WITHIN_S)
    except WaitTimeoutError as exc:
        raise AssertionError(f"{code} is not said; last: {found}") from exc
    said = found[0]
    on_the_command_line = command_line(job)
    sentence = said["what"].partition(" (")[0]  # what is in brackets moves on: where, and how often
    assert re.sub(r"\d", "#", sentence) in re.sub(r"\d", "#", on_the_command_line)  # as numbers do
    if said["change"]:
        assert f"change: {said['change']['field']}" in on_the_command_line
    return said


def page_of(job: JobHandle, pages: requests.Session) -> str:
    page = pages.get(f"{job.api.url}/jobs/{job.tag}/", timeout=10).text
    return " ".join(unescape(re.sub(r"<[^>]+>|<wbr>", "", page)).split())


def command_line(job: JobHandle) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT / "cli"),
        "OCEAN_URL": job.api.url,
        "OCEAN_TOKEN": job.api.token,
    }
    program = [sys.executable, "-m", "ocean_cli", "explain", job.tag]
    return subprocess.run(
        program, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_more_cpus_than_any_host_has(dev: Api, pages: requests.Session, made: list[JobHandle]) -> None:
    job = published(dev, made, cpus=400)
    said = explained(job, pages, code="cpus_too_large")
    assert re.fullmatch(
        r"No host of staging has 400 CPUs: the largest, \S+, has 4 CPUs \([\d.]+ free now\)\.", said["what"]
    )
    assert said["change"] == {"field": "spec.cpus", "from": 400.0, "to": 4.0}


def test_an_attribute_that_no_host_has(dev: Api, pages: requests.Session, made: list[JobHandle]) -> None:
    rule = {"field": "rakc", "operator": "IS", "value": "lg-r1"}
    said = explained(published(dev, made, constraints=[rule]), pages, code="attribute_unknown")
    assert said["what"].startswith("No host of staging has the attribute rakc")
    assert said["change"] == {"field": "spec.constraints[0].field", "from": "rakc", "to": "rack"}


def test_a_misspelt_command(dev: Api, pages: requests.Session, made: list[JobHandle]) -> None:
    said = explained(published(dev, made, command="pyhton3 -m http.server"), pages, code="command_not_found")
    assert "pyhton3" in said["what"]
    assert "pyhton3" in said["why"]  # the shell's own words, read from the host
    assert said["change"] == {
        "field": "spec.command",
        "from": "pyhton3 -m http.server",
        "to": "python3 -m http.server",
    }


def test_an_instance_that_is_killed(dev: Api, pages: requests.Session, made: list[JobHandle]) -> None:
    job = published(dev, made, command="sleep 0.2; exit 137", memory_mib=64)
    said = explained(job, pages, code="killed_by_sigkill")
    assert "SIGKILL (exit code 137 = 128 + 9)" in said["what"]
    assert said["change"] == {"field": "spec.memory_mib", "from": 64, "to": 128}


def test_a_check_that_gets_500_even_while_failures_are_not_counted_yet(
    dev: Api, pages: requests.Session, made: list[JobHandle]
) -> None:
    check = {"type": "http", "port": "http", "path": "/health", "grace_s": 60, "interval_s": 5}
    job = published(dev, made, command=ANSWERS_500, ports=[{"name": "http"}], health_checks=[check])
    said = explained(job, pages, code="http_500")
    assert said["what"] == "The health check of /health gets HTTP 500 (instances: 1)."
    assert "db down" in said["why"]


def test_a_dependency_that_does_not_run(dev: Api, pages: requests.Session, made: list[JobHandle]) -> None:
    database = published(dev, made, cpus=400)
    explained(database, pages, code="cpus_too_large")
    job = published(dev, made, command="sleep 600", depends_on=[database.tag])
    said = explained(job, pages, code="dependency")
    name = database.row()["name"]
    assert said["what"] == f"It needs {name}, of which 0 of 1 instances are well."
    assert "No host of staging has 400 CPUs" in said["why"]
    assert said["change"] == {"field": "spec.depends_on[0]", "from": database.tag, "to": None}


def test_a_job_that_falls_ill_by_itself_is_explained_too(
    dev: Api, pages: requests.Session, made: list[JobHandle]
) -> None:
    """No operation looks at it any more: the watcher does."""
    held_back = {"first_s": 20, "factor": 1.0, "max_s": 20}  # so that it is not up again while one asks
    command = "sleep 6; echo 'out of ideas' >&2; exit 3"
    job = create(dev, **{**NO_CHECKS, "command": command, "backoff": held_back})
    made.append(job)
    dev.done(f"{job.path}/publish/")
    wait_until(lambda: job.row()["state"] == "degraded", what="it has crashed", timeout_s=30)
    said = explained(job, pages, code="exited")
    assert "exit code 3" in said["what"]
    assert said["why"] == 'It last wrote: "out of ideas".'


def test_a_new_version_that_does_not_come_up_while_the_old_one_serves(
    dev: Api, pages: requests.Session, made: list[JobHandle]
) -> None:
    """It has a health check: without one Marathon takes the new instance for well in the moment before it ends."""
    job = create(dev, instances=1, strategy={"deadline_s": 30})
    made.append(job)
    dev.done(f"{job.path}/publish/")
    dev.call("PATCH", f"{job.path}/", {"spec": {"command": "pyhton3 -m http.server $PORT0"}})
    dev.operation(f"{job.path}/publish/")
    said = explained(job, pages, code="command_not_found")
    assert said["change"]["to"] == "python3 -m http.server $PORT0"
    assert [one["version"] for one in job.instances() if one["healthy"]] == [1]
