"""What the contract tests run against: a sandbox of their own, or a real cluster named by the environment."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Self

import requests

from clients.http import Credentials, Timeouts
from engines.marathon import MarathonEngine

ENV_MARATHON = "OCEAN_CONTRACT_MARATHON_URL"
ENV_MESOS = "OCEAN_CONTRACT_MESOS_URL"
ENV_CREDENTIALS = "OCEAN_CONTRACT_CREDENTIALS"
PREFIX = "/ocean-contract-"


@dataclass(frozen=True, slots=True)
class Target:
    """The addresses of one cluster. Everything the tests make there is below `new_path()`s."""

    marathon_urls: tuple[str, ...]
    mesos_urls: tuple[str, ...]
    username: str | None = None
    password: str | None = None

    @classmethod
    def from_environment(cls) -> Self | None:
        """A real cluster: OCEAN_CONTRACT_MARATHON_URL and, for what needs Mesos,
        OCEAN_CONTRACT_MESOS_URL (both may list several, with commas); OCEAN_CONTRACT_CREDENTIALS is
        `name:password`."""
        marathon = os.environ.get(ENV_MARATHON)
        if not marathon:
            return None
        mesos = os.environ.get(ENV_MESOS, "")
        username, _, password = os.environ.get(ENV_CREDENTIALS, "").partition(":")
        return cls(
            marathon_urls=tuple(marathon.split(",")),
            mesos_urls=tuple(filter(None, mesos.split(","))),
            username=username or None,
            password=password or None,
        )

    def engine(self, *marathon_urls: str, timeouts: Timeouts | None = None) -> MarathonEngine:
        """An engine on the cluster, or on other addresses of its Marathon."""
        return MarathonEngine(
            marathon_urls or self.marathon_urls,
            self.mesos_urls,
            name="contract",
            credentials=self.credentials,
            timeouts=timeouts,
        )

    @property
    def credentials(self) -> Credentials | None:
        if self.username is None or self.password is None:
            return None
        return Credentials(self.username, self.password)

    def new_path(self) -> str:
        """A group that nobody else uses."""
        return f"{PREFIX}{uuid.uuid4().hex[:8]}"


class Faults:
    """A sandbox cluster's fault door (`docs/sandbox.md`)."""

    def __init__(self, url: str) -> None:
        self._url = url

    def api(self, **fault: object) -> None:
        """Something wrong with Marathon's API: `kind`, and which calls."""
        self._call("POST", "/api", fault)

    def events(self, **faults: object) -> None:
        """Something wrong with the event streams."""
        self._call("PUT", "/events", faults)

    def cut_streams(self) -> None:
        self._call("POST", "/events/cut")

    def change_leader(self) -> None:
        self._call("POST", "/leader/change")

    def host(self, hostname: str, verb: str) -> None:
        """`lose`, `partition` or `restore` a host."""
        self._call("POST", f"/hosts/{hostname}/{verb}")

    def _call(self, method: str, path: str, body: object = None) -> None:
        requests.request(method, self._url + path, json=body, timeout=10).raise_for_status()
