"""The two sides of C9: a person at Ocean's API, and a competent client of Marathon's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from bench.company import CLUSTER
from bench.house import House

LOOK_EVERY_S = 0.05
FULL_RETRY_S = 0.05
AT_ONCE = 16
GIVE_UP_S = 120.0
LINE = "pdl.ocean_owt.inf_cop.xiaomi"
NOOP: dict[str, Any] = {
    "command": "sleep 1000000",
    "labels": {"SANDBOX_NOOP": "true"},
    "cpus": 0.001,
    "memory_mib": 4,
    "instances": 1,
    "strategy": {"min_up_s": 0},  # a direct client does not watch what runs, either
}


def until(condition: Callable[[], bool], *, what: str) -> float:
    """Look every 50 ms, as both sides do; returns the moment (`time.monotonic`) at which it was seen to be true."""
    over = time.monotonic() + GIVE_UP_S
    while not condition():
        if time.monotonic() > over:
            raise TimeoutError(f"{what}: not within {GIVE_UP_S:.0f} s")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic()


class Ocean:
    """A person's calls."""

    def __init__(self, house: House, person: str = "sre") -> None:
        self._url = f"{house.url}/api/v1"
        self._token = house.people[person]["token"]
        self._local = threading.local()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self._url}/{path}", json=body, timeout=60)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = _session({"Authorization": f"Token {self._token}"})
        session: requests.Session = self._local.session
        return session

    def create(self, name: str, *, service: str) -> str:
        """A draft; returns its tag."""
        body = {"product_line": LINE, "service": service, "cluster": CLUSTER, "name": name, "spec": NOOP}
        tag: str = self.call("POST", "jobs/", body)["tag"]
        return tag

    def publish(self, tag: str) -> None:
        self.call("POST", f"jobs/{tag}/publish/", {})

    def release(self, tags: Sequence[str]) -> None:
        """All of them as one, none waiting for another."""
        items = [{"job": tag} for tag in tags]
        body = {"action": "publish", "items": items, "on_failure": "leave", "parallel": min(len(tags), 50)}
        self.call("POST", "releases/", body)

    def scale(self, tag: str, instances: int) -> None:
        self.call("POST", f"jobs/{tag}/scale/", {"instances": instances})

    def counts(self, tag: str) -> dict[str, int]:
        counts: dict[str, int] = self.call("GET", f"jobs/{tag}/")["instances"]
        return counts

    def listed(self, tag: str, state: str = "") -> int:
        """How many instances have a row (that says so)."""
        return int(
            self.call("GET", f"jobs/{tag}/instances/?page_size=1&{state and f'state={state}'}")["count"]
        )

    def running_jobs(self, service: str) -> int:
        """Jobs that the list calls running: their publishes have ended, too."""
        return int(self.call("GET", f"jobs/?service={service}&state=running&page_size=1")["count"])

    def is_free(self, tag: str) -> bool:
        return bool(self.call("GET", f"jobs/{tag}/")["operation"] is None)


class Direct:
    """The same by Marathon's API: PUT, then the list's counts (never the tasks) until all run."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = _session({})
        session: requests.Session = self._local.session
        return session

    def put(self, app_id: str, body: dict[str, Any]) -> None:
        """Asked again while Marathon has as many deployments as it takes (403, `--max_running_deployments`)."""
        while True:
            url = f"{self._url}/v2/apps/{app_id.strip('/')}"
            answer = self._session.put(url, json=body, timeout=30)
            if answer.status_code != HTTPStatus.FORBIDDEN:
                answer.raise_for_status()
                return
            time.sleep(FULL_RETRY_S)

    def delete(self, app_id: str) -> None:
        self._session.delete(f"{self._url}/v2/apps/{app_id.strip('/')}", timeout=30).raise_for_status()

    def running(self, part: str) -> int:
        """Tasks that run, of all apps whose id has this part."""
        return sum(app["tasksRunning"] for app in self._apps(part))

    def left(self, app_id: str) -> int:
        """Tasks that are there at all, those that are being ended with them."""
        answer = self._session.get(f"{self._url}/v2/apps/{app_id.strip('/')}/tasks", timeout=30)
        return len(answer.json()["tasks"])

    def is_idle(self) -> bool:
        return bool(self._session.get(f"{self._url}/v2/deployments", timeout=30).json() == [])

    def _apps(self, part: str) -> list[dict[str, Any]]:
        answer = self._session.get(f"{self._url}/v2/apps", params={"id": part}, timeout=30)
        apps: list[dict[str, Any]] = answer.json()["apps"]
        return apps


def all_at_once(call: Callable[[str], None], names: Sequence[str]) -> None:
    """Sixteen at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(call, names))


def _session(headers: dict[str, str]) -> requests.Session:
    session = requests.Session()
    session.headers.update(headers)
    session.mount("http://", HTTPAdapter(max_retries=1))
    return session
