"""The command line against a running Ocean, as a program in a process of its own: from logging in to undoing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

from embedded.stack import CHECKOUT
from embedded.waiting import wait_until
from tests.api_client import LINE, Api
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

WEB = """\
product_line: {line}
service: {service}
cluster: staging
name: {name}
spec:
  command: |
    echo version-{version} of $MARATHON_APP_ID
    exec python3 -u -m http.server $PORT0 --bind 127.0.0.1
  cpus: 0.1
  memory_mib: 32
  env:
    RELEASE: {version}
  ports:
    - name: http
  health_checks:
    - {{type: http, port: http, path: "{path}", grace_s: 2, interval_s: 1, timeout_s: 1, failures: 2}}
  strategy: {{deadline_s: {deadline_s}}}
  depends_on: [{depends_on}]
"""


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """Somebody's shell: their folder, their own configuration, and nothing of this repository but the program."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ocean_cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def ocean(self, *arguments: str, stdin: str = "") -> Ended:
        with self.start(*arguments) as process:
            out, err = process.communicate(stdin, timeout=120)
        return Ended(process.returncode, out, err)

    def done(self, *arguments: str) -> str:
        """The output of what must succeed."""
        ended = self.ocean(*arguments)
        assert ended.code == 0, ended
        return ended.out

    def write(self, name: str, *, service: str, version: str = "1.10", **changes: Any) -> None:
        values = {
            "line": LINE,
            "service": service,
            "name": name,
            "version": version,
            "path": "/",
            "deadline_s": 60,
        }
        content = WEB.format(**{"depends_on": "", **values, **changes})
        (self.folder / f"{name}.yaml").write_text(content)


def terminal(stack: RunningStack, folder: Path, person: str) -> Terminal:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(CHECKOUT / "cli"),
        "PYTHONUNBUFFERED": "1",
    }
    made = Terminal(folder, environment)
    password = stack.people[person].password
    ended = made.ocean("login", stack.url, "-u", person, "--password-stdin", stdin=f"{password}\n")
    assert ended.code == 0, ended
    return made


@pytest.fixture
def dev(stack: RunningStack, tmp_path: Path) -> Terminal:
    return terminal(stack, tmp_path, "dev")


@pytest.fixture
def service(stack: RunningStack, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name of this test's own; its jobs are gone afterwards."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-40:].strip("-")
    yield name
    api = Api.of(stack, "sre")
    for row in api.get(f"jobs/?service={name}")["results"]:
        if row["operation"]:
            api.ended(row["operation"])
        api.ended(api.call("DELETE", f"jobs/{row['tag']}/").body["id"])


def test_the_whole_story(dev: Terminal, service: str) -> None:
    dev.write("web", service=service)
    assert dev.ocean("apply", "-f", "web.yaml", "--plan-only").code == 10
    assert f"+ create {service}/web@staging (publish)\n" in dev.done("apply", "-f", "web.yaml", "--yes")
    assert "Nothing to do." in dev.done("apply", "-f", "web.yaml", "--yes")
    job = f"{service}/web"

    ended = dev.ocean("scale", job, "3", "--wait")
    assert (ended.code, "succeeded." in ended.out) == (0, True)
    assert len(dev.done("instances", job, "-q").split()) == 3
    assert dev.ocean("apply", "-f", "web.yaml", "--plan-only").code == 0, (
        "no number is written, so none is wrong"
    )

    dev.write("web", service=service, version="2.0")
    ended = dev.ocean("diff", "-f", "web.yaml")
    assert (ended.code, "~ env.RELEASE: 1.10 → 2.0" in ended.out) == (10, True)
    ended = dev.ocean("publish", "-f", "web.yaml", "--wait", "--reason", "the new release")
    assert ended.code == 0, ended
    assert re.search(r"^\d\d:\d\d:\d\d .* of 3 instances are well", ended.err, re.MULTILINE), ended.err
    row = json.loads(dev.done("job", job, "--json"))
    assert (row["running_version"], row["instances"]["wanted"], row["state"]) == (2, 3, "running")
    assert dev.done("explain", job) == "All is as wanted.\n"
    assert "the new release" in dev.done("history", job)
    assert "~ env.RELEASE: 1.10 → 2.0" in dev.done("diff", job, "1", "2")
    assert dev.done("open", job).endswith(f"/jobs/{row['tag']}/\n")


def test_a_canary_waits_and_is_undone(dev: Terminal, service: str) -> None:
    dev.write("web", service=service)
    dev.done("publish", "-f", "web.yaml", "--wait")
    job = f"{service}/web"
    dev.write("web", service=service, version="2.0")
    process = dev.start(
        "publish", "-f", "web.yaml", "--strategy", "canary", "--canary-instances", "1", "--wait"
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "`ocean undo " in line:
            break
    assert dev.done("undo", job, "--wait", "--reason", "worse").endswith(" cancelled.\n")
    _out, err = process.communicate(timeout=30)
    assert (process.returncode, "worse" in err) == (1, True), err
    assert json.loads(dev.done("job", job, "--json"))["running_version"] == 1

    dev.done("publish", job, "--wait")
    assert dev.done("undo", job, "--wait").endswith(" succeeded.\n")
    assert json.loads(dev.done("job", job, "--json"))["running_version"] == 1


def test_what_goes_wrong_has_its_exit_code_and_its_reason(
    dev: Terminal, service: str, stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dev.write("web", service=service)
    dev.done("publish", "-f", "web.yaml", "--wait")
    job = f"{service}/web"

    dev.write("web", service=service, version="2", path="/missing", deadline_s=8)
    ended = dev.ocean("publish", "-f", "web.yaml", "--wait")
    assert (ended.code, "404" in ended.err) == (1, True), ended
    assert json.loads(dev.done("job", job, "--json"))["running_version"] == 1

    content = (dev.folder / "web.yaml").read_text()
    (dev.folder / "web.yaml").write_text(content.replace("cpus: 0.1", "cpus: -1"))
    ended = dev.ocean("apply", "-f", "web.yaml", "--yes")
    assert (ended.code, "web.yaml:9: spec.cpus: " in ended.err) == (3, True), ended

    assert dev.ocean("job", f"{service}/none").code == 4
    stranger = terminal(stack, tmp_path_factory.mktemp("dev2"), "dev2")
    assert stranger.ocean("job", json.loads(dev.done("job", job, "--json"))["tag"]).code == 4

    dev.write("web", service=service, version="3")
    content = (dev.folder / "web.yaml").read_text()
    slow = content.replace("exec python3", "sleep 5; exec python3").replace("grace_s: 2", "grace_s: 20")
    (dev.folder / "web.yaml").write_text(slow)
    dev.done("publish", "-f", "web.yaml")  # takes a while, and is not waited for
    ended = dev.ocean("scale", job, "2")
    in_the_way = re.search(r"`ocean wait (\d+)`", ended.err)
    assert ended.code == 5, ended
    assert in_the_way is not None, ended
    assert dev.ocean("wait", in_the_way[1]).code == 0


def test_jobs_are_published_in_the_order_of_their_dependencies(dev: Terminal, service: str) -> None:
    tags = {name: f"job.{name}_service.{service}_cluster.staging_{LINE}" for name in ("db", "web")}
    dev.write("db", service=service)
    dev.write("web", service=service, depends_on=tags["db"])
    plan = json.loads(dev.ocean("apply", "-f", ".", "--plan-only", "--json").out)
    assert [step["job"] for step in plan] == [tags["db"], tags["web"]]
    ended = dev.ocean("apply", "-f", ".", "--yes")
    assert ended.code == 0, ended
    assert ended.err.index("publish db@staging") < ended.err.index("publish web@staging")
    (dev.folder / "db.yaml").unlink()
    selector = f"service={service},cluster=staging"
    assert f"- delete {tags['db']}" in dev.ocean("apply", "-f", ".", "--prune", selector, "--plan-only").out


def test_logs_are_followed_through_a_publish_and_a_restart_of_the_console(
    dev: Terminal, service: str, stack: RunningStack
) -> None:
    dev.write("web", service=service)
    dev.done("publish", "-f", "web.yaml", "--wait")
    job = f"{service}/web"
    read = dev.folder / "followed"
    with read.open("w") as file:
        following = subprocess.Popen(
            [sys.executable, "-m", "ocean_cli", "logs", job, "-f"],
            cwd=dev.folder,
            env=dev.environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: "version-1.10 of" in read.read_text(), what="the old instance's line", timeout_s=30
        )
        dev.write("web", service=service, version="2.0")
        publishing = dev.start("publish", "-f", "web.yaml", "--wait")
        assert publishing.stderr is not None
        assert "took it" in publishing.stderr.readline()
        stack.kill("web")
        _out, err = publishing.communicate(timeout=90)
        assert publishing.returncode == 0, err
        wait_until(lambda: "version-2.0 of" in read.read_text(), what="the new instance's line", timeout_s=30)
        wait_until(lambda: "Version 2 runs" in read.read_text(), what="what happened between", timeout_s=10)
    finally:
        following.send_signal(SIGINT)
        assert following.wait(10) == 130
    assert "version-2.0" in dev.done("logs", job, "--grep", "version-2", "--version", "2")


def test_control_c_leaves_a_publish_alone(dev: Terminal, service: str) -> None:
    dev.write("web", service=service)
    process = dev.start("publish", "-f", "web.yaml", "--wait", start_new_session=True)
    assert process.stderr is not None
    assert "took it" in process.stderr.readline()
    process.send_signal(SIGINT)
    _out, err = process.communicate(timeout=10)
    assert (process.returncode, "goes on without you." in err) == (130, True), err
    found = re.search(r"`ocean wait (\d+)`", err)
    assert found is not None
    assert dev.ocean("wait", found[1]).code == 0
