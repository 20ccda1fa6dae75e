"""A person with a token, talking to a running Ocean's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from embedded.waiting import wait_until
from tests.running_stack import RunningStack

LINE = "pdl.ocean_owt.inf_cop.xiaomi"
_numbers = count(1)


@dataclass(slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(slots=True)
class Api:
    """`Api.of(stack, "dev")`; paths are relative to `/api/v1/`."""

    url: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def of(cls, stack: RunningStack, person: str) -> Api:
        return cls(stack.url, stack.people[person].token)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        response = self.session.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Token {self.token}", **headers},
            timeout=30,
        )
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(
            response.status_code, response.json() if is_json else response.text, dict(response.headers)
        )

    def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = self.call("GET", path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body}"
        return answer.body

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, {} if body is None else body, **headers)

    def operation(self, path: str, body: Any = None, **headers: str) -> int:
        """The id of the operation that a POST which must be accepted started."""
        answer = self.post(path, body, **headers)
        assert answer.status == 202, f"POST {path}: {answer.status} {answer.body}"
        return int(answer.body["id"])

    def ended(self, operation: int, *, timeout_s: float = 90.0) -> Any:
        """The operation, once it has ended."""
        row: dict[str, Any] = {}

        def has_ended() -> bool:
            row.update(self.get(f"operations/{operation}/"))
            return row["state"] in {"succeeded", "failed", "cancelled"}

        wait_until(has_ended, what=f"operation {operation} has ended (last seen: {row})", timeout_s=timeout_s)
        return row

    def done(self, path: str, body: Any = None, *, timeout_s: float = 90.0) -> Any:
        """POST, follow the operation, and insist that it succeeded."""
        row = self.ended(self.operation(path, body), timeout_s=timeout_s)
        assert row["state"] == "succeeded", row
        return row


@dataclass(slots=True)
class JobHandle:
    """A job of one's own on the running stack."""

    api: Api
    tag: str

    @property
    def path(self) -> str:
        return f"jobs/{self.tag}"

    def row(self) -> Any:
        return self.api.get(f"{self.path}/")

    def instances(self) -> list[Any]:
        rows: list[Any] = self.api.get(f"{self.path}/instances/?page_size=500")["results"]
        return rows

    def wait(self, condition: Callable[[Any], bool], *, what: str, timeout_s: float = 30.0) -> None:
        wait_until(lambda: condition(self.row()), what=f"{self.tag}: {what}", timeout_s=timeout_s)

    def remove(self) -> None:
        """Delete it, when nothing works on it any more; gone already is as well."""
        if self.api.call("GET", f"{self.path}/").status == 404:
            return
        self.wait(lambda row: row["operation"] is None, what="no operation works on it", timeout_s=120)
        self.api.ended(int(self.api.call("DELETE", f"{self.path}/").body["id"]))

    def is_well(self, wanted: int) -> bool:
        counts = self.row()["instances"]
        return bool(counts["wanted"] == counts["running"] == counts["healthy"] == wanted)


WEB = {
    "command": "exec python3 -m http.server $PORT0 --bind 127.0.0.1",
    "cpus": 0.1,
    "memory_mib": 32,
    "instances": 3,
    "ports": [{"name": "http"}],
    "health_checks": [
        {
            "type": "http",
            "port": "http",
            "path": "/",
            "grace_s": 5,
            "interval_s": 1,
            "timeout_s": 2,
            "failures": 2,
        }
    ],
    "strategy": {"deadline_s": 60},
}
"""A small web server that is checked every second."""


def create(api: Api, *, cluster: str = "staging", line: str = LINE, **fields: Any) -> JobHandle:
    """A new draft of a name of its own; `fields` go into the spec."""
    name = f"story-{next(_numbers)}"
    body = {
        "product_line": line,
        "service": "story",
        "cluster": cluster,
        "name": name,
        "spec": {**WEB, **fields},
    }
    answer = api.post("jobs/", body)
    assert answer.status == 201, answer.body
    return JobHandle(api, answer.body["tag"])
