"""Marathon's calls, each a typed method."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from clients.errors import ProtocolError, Unavailable
from clients.http import Credentials, HttpClient, Timeouts
from clients.marathon import streams, wire
from clients.marathon.transport import Transport

T = TypeVar("T")


class MarathonApi:
    """One Marathon, known by one or several addresses.

    Every method may raise the errors of `clients.errors`; 409 is Conflict with the deployments that hold the
    app, 422 is Refused with Marathon's details. App ids are paths, `/prod/web`. Reads try every address;
    a write is sent once, and after TimedOut its outcome is unknown.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        name: str = "marathon",
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        self.name = name
        http = HttpClient(name, credentials=credentials, timeouts=timeouts, ca_bundle=ca_bundle)
        self._package = Transport(http, urls)

    def info(self) -> wire.Info:
        """What `/v2/info` says; `elected` is false where no leader answers."""
        with self._reading("GET /v2/info"):
            return wire.info(self._package._do_request("GET", "/v2/info").json())

    def app(self, app_id: str) -> wire.App:
        """An app with its tasks, counts, deployments and last failure. Raises NotFound."""
        path = _app_path(app_id)
        with self._reading(f"GET {path}"):
            return wire.app(wire.under(self._package._do_request("GET", path).json(), "app"))

    def apps(self, *, embed: Sequence[str] = (), id_part: str = "") -> Generator[wire.App, None, None]:
        """All apps (whose id contains `id_part`) with their counts and deployments, streamed; `embed` adds
        `apps.tasks`, `apps.lastTaskFailure`. Raises also in the middle, when the answer breaks off."""
        params = {"embed": list(embed), **({"id": id_part} if id_part else {})}
        return self._listed("/v2/apps", "apps", params, wire.app)

    def apps_labelled(self, key: str, values: Collection[str], *, embed: Sequence[str]) -> list[wire.App]:
        """The apps whose label `key` has one of these values, in one answer that is read whole: for a few, each with
        what `embed` adds. Source: SRC/api/v2/LabelSelector.scala, whose terms escape what is no letter, digit, `-`, `_`
        or `.` by a backslash."""
        chosen = f"{_term(key)} in ({','.join(map(_term, sorted(values)))})"
        with self._reading("GET /v2/apps"):
            params = {"embed": list(embed), "label": chosen}
            found = self._package._do_request("GET", "/v2/apps", params=params).json()
            return [wire.app(item) for item in wire.listed(wire.under(found, "apps"))]

    def tasks(self, app_id: str) -> list[wire.Task]:
        """An app's tasks with their health results. Raises NotFound."""
        path = f"{_app_path(app_id)}/tasks"
        with self._reading(f"GET {path}"):
            found = self._package._do_request("GET", path).json()
            return [wire.task(item) for item in wire.listed(wire.under(found, "tasks"))]

    def put_app(
        self, app_id: str, definition: Mapping[str, object], *, force: bool = False
    ) -> wire.DeploymentResult:
        """Create the app, or replace its definition whole: what `definition` leaves out goes back to
        Marathon's default. (The package can neither empty a field nor turn `partialUpdate` off.)"""
        params = {"force": force, "partialUpdate": False}
        return self._change("PUT", _app_path(app_id), params, definition)

    def patch_app(
        self, app_id: str, changes: Mapping[str, object], *, force: bool = False
    ) -> wire.DeploymentResult:
        """Replace the given top-level fields of an app. Raises NotFound rather than create one.
        (The package's `scale_app` answers None when the app is missing, and reads it through a model.)"""
        return self._change("PATCH", _app_path(app_id), {"force": force}, changes)

    def restart_app(self, app_id: str, *, force: bool = False) -> wire.DeploymentResult:
        """Replace every task by its upgrade strategy. Raises NotFound."""
        with self._reading(f"restart {app_id}"):
            return wire.deployment_result(self._package.restart_app(_segments(app_id), force=force))

    def delete_app(self, app_id: str, *, force: bool = True) -> wire.DeploymentResult:
        """Stop and remove an app. `force` is true by default, as it is on Marathon (its RAML says otherwise).
        Raises NotFound."""
        with self._reading(f"delete {app_id}"):
            return wire.deployment_result(self._package.delete_app(_segments(app_id), force=force))

    def kill_task(self, app_id: str, task_id: str, *, scale: bool = False) -> wire.DeploymentResult | None:
        """Kill a task. With `scale` the app shrinks by one, which is a deployment; without, it is replaced
        (None). Raises NotFound for a task that is gone."""
        path = f"{_app_path(app_id)}/tasks/{quote(task_id, safe='')}"
        with self._reading(f"DELETE {path}"):
            found = self._package._do_request("DELETE", path, params={"scale": scale}).json()
            return wire.deployment_result(found) if scale else None

    def kill_tasks(
        self, task_ids: Collection[str], *, scale: bool = False, wipe: bool = False
    ) -> wire.DeploymentResult | None:
        """Kill tasks of whatever apps; unknown ones are skipped. With `scale` each app shrinks by its own, in one
        deployment; with `wipe` their volumes and reservations go too. Marathon refuses both together."""
        with self._reading("POST /v2/tasks/delete"):
            response = self._package._do_request(
                "POST",
                "/v2/tasks/delete",
                params={"scale": scale, "wipe": wipe},
                data=json.dumps({"ids": list(task_ids)}),
            )
            return wire.deployment_result(response.json()) if scale else None

    def deployments(self) -> list[wire.Deployment]:
        """All running deployments; a finished one is gone from here."""
        with self._reading("GET /v2/deployments"):
            found = self._package._do_request("GET", "/v2/deployments").json()
            return [wire.deployment(item) for item in wire.listed(found)]

    def delete_deployment(self, deployment_id: str, *, roll_back: bool) -> wire.DeploymentResult | None:
        """Stop a deployment; with `roll_back` another one starts, back to what was before.

        Raises NotFound.
        """
        with self._reading(f"cancel deployment {deployment_id}"):
            found = self._package.delete_deployment(quote(deployment_id, safe=""), force=not roll_back)
            return wire.deployment_result(found) if roll_back else None

    def queue(self) -> Generator[wire.QueueItem, None, None]:
        """The apps with instances that wait, streamed (each item holds a whole app)."""
        return self._listed("/v2/queue", "queue", {}, wire.queue_item)

    def reset_delay(self, app_id: str) -> None:
        """Forget an app's back-off. Raises NotFound when nothing of it waits."""
        self._package.reset_delay(_segments(app_id))

    @contextmanager
    def events(
        self, *, idle_timeout_s: float, event_types: Sequence[str] = ()
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """The event stream, open when the block is entered: what happens from now on will be in it.

        Only of these `event_types`, or of all when none is named.

        The events end with Unavailable, or with TimedOut after `idle_timeout_s` without a byte (keep-alives
        come every 10 s). There is no replay; whoever reconnects reads everything again.
        """
        operation = "GET /v2/events"
        stream = self._package.stream(
            "/v2/events",
            # Light plans: a heavy one holds every app of the cluster, twice.
            params={"plan-format": "light", "event_type": list(event_types)},
            accept="text/event-stream",  # anything else, also a list containing it, is a 405
            idle_timeout_s=idle_timeout_s,
        )
        with stream as response, self._reading(operation):
            yield self._until_end(streams.server_sent_events(response.raw), operation)

    def _until_end(self, events: Iterator[dict[str, Any]], operation: str) -> Iterator[dict[str, Any]]:
        yield from events
        raise Unavailable("Marathon ended the stream", remote=self.name, operation=operation)

    def _listed(
        self, path: str, key: str, params: Mapping[str, object], parse: Callable[[object], T]
    ) -> Generator[T, None, None]:
        with self._reading(f"GET {path}"), self._package.stream(path, params=params) as response:
            yield from map(parse, streams.listed(response.raw, key))

    def _change(
        self, method: str, path: str, params: Mapping[str, object], body: Mapping[str, object]
    ) -> wire.DeploymentResult:
        with self._reading(f"{method} {path}"):
            response = self._package._do_request(method, path, params=params, data=json.dumps(body))
            return wire.deployment_result(response.json())

    @contextmanager
    def _reading(self, operation: str) -> Iterator[None]:
        """Turn an answer that is not what Marathon's documents promise into ProtocolError."""
        try:
            yield
        except ValueError as exc:  # MalformedError, and every JSON decoder's error
            raise ProtocolError(str(exc), remote=self.name, operation=operation) from exc


def _term(text: str) -> str:
    return re.sub(r"([^-A-Za-z0-9_.])", r"\\\1", text)


def _segments(app_id: str) -> str:
    return quote(app_id.strip("/"), safe="/")


def _app_path(app_id: str) -> str:
    return f"/v2/apps/{_segments(app_id)}"
