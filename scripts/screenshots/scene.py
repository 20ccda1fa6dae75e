"""What the pictures show: two product lines with jobs that run, one that lost a host, a publish that failed and one
that is under way, one that is scaled under load. All of it is made through the API, as a person would make it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

from clients.falcon import FalconPortal, FalconToken, FalconTransport
from embedded.folder import Folder
from embedded.stack import CHECKOUT
from embedded.waiting import wait_until
from scripts.demo_load import TAG as SHOP
from tests.api_client import LINE, Api, JobHandle
from tests.running_stack import RunningStack

BROWSER_LINE = "pdl.browser_owt.miui_cop.xiaomi"
_CHECK = {"type": "http", "port": "http", "path": "/health", "grace_s": 5, "interval_s": 1, "timeout_s": 2}
_TWO_AT_A_TIME = {"batch": 2, "max_surge": 2}
_SERVER: dict[str, Any] = {
    "command": "exec python3 -m http.server $PORT0 --bind 127.0.0.1 --directory site",
    "cpus": 0.5,
    "memory_mib": 256,
    "ports": [{"name": "http"}],
    "files": [{"path": "site/health", "content": "ok\n"}],
    "health_checks": [_CHECK],
    "strategy": _TWO_AT_A_TIME,
}
_SLOW_SERVER = {
    **_SERVER,
    "command": f"sleep 6; {_SERVER['command']}",
    "health_checks": [{**_CHECK, "grace_s": 30}],
}
_WORKER = {"command": "while true; do date; sleep 5; done", "cpus": 0.3, "memory_mib": 128}


@dataclass(frozen=True, slots=True)
class Scene:
    """The jobs that pictures are taken of, by their part in the story."""

    api: Api
    forecast: JobHandle
    """Runs; its last publish failed."""
    staging: JobHandle
    """Slow to start, so that a publish can be looked at."""
    gateway: JobHandle
    """Lost a host, and finds no other."""
    steady: JobHandle
    """Nothing ever happened to it."""
    canary: JobHandle
    """One instance of its new version runs, and it waits for somebody's word."""
    too_large: JobHandle
    """Wants more CPUs than any host has."""
    scheduled: JobHandle
    """A draft with the slide's policy and schedules."""
    shop: JobHandle
    """The demo service, whose load rises to five times and falls again."""
    story: subprocess.Popen[bytes]
    """What sends that load."""
    release: int
    """Two jobs of the template `weather-service`, published as one; there is a newer version of it by now."""

    @classmethod
    def set_up(cls, stack: RunningStack) -> Scene:
        """Make it all, and return when it stands. Takes about a minute."""
        story = _begin_story(stack)
        dev, other = Api.of(stack, "dev"), Api.of(stack, "dev2")
        secret = {"value": "not in the picture"}
        dev.call("PUT", f"product-lines/{LINE}/secrets/weather-db/", secret)
        forecast = _create(dev, "weather-api", "weather-api", "production-lg", {**_SERVER, "instances": 6})
        staging = _create(dev, "weather-api", "weather-api", "staging", {**_SLOW_SERVER, "instances": 8})
        # Each on a host of its own, and there are only as many hosts: losing one leaves nowhere to go.
        alone = {**_SERVER, "instances": 4, "constraints": [{"field": "hostname", "operator": "UNIQUE"}]}
        gateway = _create(dev, "push", "push-gateway", "production-c3", alone)
        steady = _create(dev, "metrics", "metric-writer", "production-lg", {**_SERVER, "instances": 3})
        jobs = [
            forecast,
            staging,
            gateway,
            steady,
            _create(dev, "push", "push-worker", "production-lg", {**_WORKER, "instances": 5}),
            _create(other, "key", "browser-key", "production-lg", {**_SERVER, "instances": 4}),
            _create(other, "key", "key-sync", "staging", {**_WORKER, "instances": 2}),
        ]
        report = _create(dev, "metrics", "daily-report", "staging", {**_WORKER, "instances": 1})
        scheduled = _create(dev, "weather-api", "air-quality", "staging", {**_SERVER, "instances": 2})
        _scale_as_on_the_slide(scheduled)
        for job in [*jobs, report]:
            _done(job, "publish/")
        _done(report, "stop/")
        _improve(forecast)
        _lose_a_host(stack, gateway)
        _edit_in_falcon(stack, scheduled)
        dev.call("PUT", f"favourites/{gateway.tag}/")
        made = cls(
            dev,
            forecast,
            staging,
            gateway,
            steady,
            _hold(dev),
            _too_large(dev),
            scheduled,
            JobHandle(dev, SHOP),
            story,
            _release(dev),
        )
        sre = Api.of(stack, "sre")
        wait_until(lambda: sre.get("drift/")["results"], what="the drift is seen", timeout_s=180)
        return made

    def end_story(self) -> None:
        """Return when the load has been high, and calm again for a while."""
        wait_until(lambda: self.story.poll() is not None, what="the load has come and gone", timeout_s=300)
        assert self.story.returncode == 0, self.story.returncode

    def start_publish(self) -> None:
        """Begin a publish that takes half a minute, and return when some of its instances are well."""
        version = self._next_version()
        operation = self.api.operation(f"{self.staging.path}/publish/", {"version": version})
        wait_until(
            lambda: self.api.get(f"operations/{operation}/")["progress"] >= 25,
            what="the publish is on its way",
            timeout_s=120,
        )

    def _next_version(self) -> int:
        self.staging.wait(lambda row: row["operation"] is None, what="nothing works on it", timeout_s=180)
        number = int(self.staging.row()["version"])
        level = "debug" if number % 2 else "info"
        return _change(self.staging, "Say more in the log", env={"LEVEL": level})


def _begin_story(stack: RunningStack) -> subprocess.Popen[bytes]:
    """The demo under load (`make demo-load`), in a little less than its time, beside all else."""
    times = ["--calm", "20", "--high", "55", "--after", "85"]
    environment = {**os.environ, "OCEAN_VAR": str(stack.root)}
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.demo_load", *times],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def _scale_as_on_the_slide(job: JobHandle) -> None:
    policy = {
        "metric": "cpu",
        "mode": "threshold",
        "out": {"samples": 3, "above": 80},
        "in": {"samples": 3, "below": 60},
        "max": 5,
        "min": 1,
        "notify": ["sre_ocean"],
    }
    answer = job.api.call("PUT", f"{job.path}/scaling/", policy)
    assert answer.status < 300, answer.body
    for start, instances in (("2016-10-01T02:00", 2), ("2016-10-01T07:00", 4)):
        schedule = {
            "start": start,
            "time_zone": "Asia/Shanghai",
            "interval": "P1D",
            "instances": instances,
        }
        answer = job.api.post(f"{job.path}/schedules/", schedule)
        assert answer.status == 201, answer.body


def _edit_in_falcon(stack: RunningStack, job: JobHandle) -> None:
    """What somebody does in Falcon's own dashboard: the job's thresholds are said to be too low."""
    (cluster, *_) = json.loads(Folder(stack.root).clusters_file.read_text())
    falcon = FalconPortal(FalconTransport(cluster["metrics_url"], FalconToken(cluster["metrics_password"])))
    name = f"ocean:staging:{job.tag}"
    wait_until(lambda: name in falcon.templates(prefix=name), what="Falcon has its template", timeout_s=60)
    template = falcon.template(falcon.templates(prefix=name)[name])
    number, strategy = next((n, each) for n, each in template.strategies.items() if each.operator == ">")
    falcon.update_strategy(number, replace(strategy, threshold=95, note="fewer calls at night"))


def _create(api: Api, service: str, name: str, cluster: str, spec: dict[str, Any]) -> JobHandle:
    line = LINE if api.get("users/me/")["username"] == "dev" else BROWSER_LINE
    body = {"product_line": line, "service": service, "cluster": cluster, "name": name, "spec": spec}
    answer = api.post("jobs/", body)
    assert answer.status == 201, answer.body
    return JobHandle(api, answer.body["tag"])


def _change(job: JobHandle, note: str, **fields: Any) -> int:
    """The number of the new version."""
    answer = job.api.call("PATCH", f"{job.path}/", {"spec": fields, "note": note})
    assert answer.status == 200, answer.body
    return int(answer.body["version"])


def _done(job: JobHandle, action: str, body: Any = None) -> None:
    job.api.done(f"{job.path}/{action}", body, timeout_s=180)


def _improve(job: JobHandle) -> None:
    """A life: a second version, more instances, a third version whose check is wrong, and a draft of the fourth."""
    env = {"LEVEL": "info", "DB_PASSWORD": {"secret": "weather-db"}}
    _change(job, "Read the forecasts from the database", env=env)
    _done(job, "publish/")
    _done(job, "scale/", {"instances": 8})
    wrong = [{**_CHECK, "path": "/healthz"}]
    _change(job, "Another health page", health_checks=wrong, strategy={**_TWO_AT_A_TIME, "deadline_s": 15})
    failed = job.api.ended(job.api.operation(f"{job.path}/publish/"), timeout_s=120)
    assert failed["state"] == "failed", failed
    _change(
        job,
        "More memory for the new maps; the health page that there is",
        memory_mib=384,
        env={**env, "LEVEL": "warning", "MAPS": "v2"},
        files=[*_SERVER["files"], {"path": "site/maps.conf", "content": "tiles = v2\ncache_mib = 128\n"}],
        health_checks=[{**_CHECK, "interval_s": 5}],
        strategy=_TWO_AT_A_TIME,
    )


def _hold(api: Api) -> JobHandle:
    strategy = {"kind": "canary", "canary_instances": 1, "hold_s": None}
    spec = {**_SERVER, "cpus": 0.2, "instances": 4, "strategy": strategy}
    job = _create(api, "radar", "radar-tiles", "production-lg", spec)
    _done(job, "publish/")
    version = _change(job, "Tiles of the new radar", env={"RADAR": "2"})
    operation = api.operation(
        f"{job.path}/publish/", {"version": version, "reason": "The old radar is switched off on Friday"}
    )
    wait_until(
        lambda: "go-on" in api.get(f"operations/{operation}/")["controls"],
        what="the canary holds",
        timeout_s=120,
    )
    return job


def _too_large(api: Api) -> JobHandle:
    spec = {**_WORKER, "cpus": 400, "instances": 1, "strategy": {"deadline_s": 3600}}
    job = _create(api, "maps", "map-render", "staging", spec)
    api.operation(f"{job.path}/publish/")
    job.wait(lambda row: bool(row["problems"]), what="it is said why it does not run")
    return job


def _release(api: Api) -> int:
    """The number of the release."""
    level = {"name": "level", "type": "choice", "choices": ["debug", "info"], "default": "info"}
    spec = {**_SERVER, "cpus": 0.2, "instances": 2, "env": {"LEVEL": "{{ level }}"}}
    template = {
        "name": "weather-service",
        "title": "A weather service",
        "title_zh": "天气服务",
        "product_line": LINE,
    }
    answer = api.post("templates/", {**template, "parameters": [level], "spec": spec})
    assert answer.status == 201, answer.body
    sea = _from_template(api, "sea-level")
    wind = _from_template(api, "wind", depends_on=[sea.tag])
    body = {"action": "publish", "items": [{"job": job.tag} for job in (sea, wind)], "reason": "First light"}
    operation = api.operation("releases/", body)
    assert api.ended(operation, timeout_s=180)["state"] == "succeeded"
    newer = {"spec": {**spec, "memory_mib": 384}, "note": "More memory"}
    assert api.call("PATCH", "templates/weather-service/", newer).status == 200
    return int(api.get("releases/")["results"][0]["id"])


def _from_template(api: Api, name: str, **fields: Any) -> JobHandle:
    place = {"product_line": LINE, "service": "weather-api", "cluster": "staging", "name": name}
    answer = api.post("jobs/", {**place, "template": "weather-service", "spec": fields})
    assert answer.status == 201, answer.body
    return JobHandle(api, answer.body["tag"])


def _lose_a_host(stack: RunningStack, job: JobHandle) -> None:
    host = job.instances()[0]["host"]
    cluster = job.row()["cluster"]
    door = f"http://127.0.0.1:{stack.ports.sandbox_admin}/{cluster}/hosts/{host}/lose"
    job.api.session.post(door, timeout=10).raise_for_status()

    def explained(row: dict[str, Any]) -> bool:
        return row["state"] == "degraded" and any(
            "constraint" in problem["what"] for problem in row["problems"]
        )

    job.wait(explained, what="it misses the instance, and says why", timeout_s=90)
