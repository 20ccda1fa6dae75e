"""Mesos' APIs as tests speak them."""

from __future__ import annotations

from typing import Any

import requests

from sandbox.testing import SandboxProcess

Json = dict[str, Any]
TIMEOUT_S = 20.0


class Mesos:
    """The master and the agents of a sandbox's first cluster."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        addresses = next(iter(sandbox.addresses.clusters.values()))
        assert addresses.mesos is not None
        assert addresses.agent is not None
        self.master_url = addresses.mesos
        self.agent_url = addresses.agent

    def get(self, path: str, **query: object) -> Any:
        """What the master answers."""
        return _json(self.master(path, **query))

    def master(self, path: str, **query: object) -> requests.Response:
        return requests.get(self.master_url + path, params=query, timeout=TIMEOUT_S, allow_redirects=False)  # type: ignore[arg-type]

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        return requests.post(self.master_url + path, json=body, headers=headers, timeout=TIMEOUT_S)

    def call(self, kind: str, **content: object) -> requests.Response:
        """A call of the v1 operator API."""
        return self.post("/api/v1", {"type": kind, **({kind.lower(): content} if content else {})})

    def read(self, kind: str) -> Json:
        """The content of a v1 read."""
        answer: Json = _json(self.call(kind))
        assert answer["type"] == kind
        found: Json = answer[kind.lower()]
        return found

    def agent(self, hostname: str) -> Json:
        """An agent as the master lists it."""
        (found,) = [agent for agent in self.get("/slaves")["slaves"] if agent["hostname"] == hostname]
        return dict(found)

    def ask_agent(self, hostname: str, path: str, **query: object) -> requests.Response:
        """What an agent answers under the prefix in its pid."""
        prefix = self.agent(hostname)["pid"].partition("@")[0]
        return requests.get(f"{self.agent_url}/{prefix}{path}", params=query, timeout=TIMEOUT_S)  # type: ignore[arg-type]

    def files(self, call: str, **query: object) -> requests.Response:
        return requests.get(f"{self.agent_url}/files/{call}", params=query, timeout=TIMEOUT_S)  # type: ignore[arg-type]


def _json(response: requests.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()
