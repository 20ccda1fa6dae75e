"""The engine port on one Marathon and its Mesos."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from clients.errors import NotFound, Refused, Unavailable
from clients.http import Credentials, Timeouts
from clients.marathon import DeploymentResult, MarathonApi
from clients.mesos import MesosApi
from engines.base import (
    TAG_LABEL,
    DeploymentId,
    DeploymentStatus,
    Ending,
    EngineEvent,
    EventKind,
    FileStatus,
    HealthResult,
    HostStatus,
    InstanceId,
    LogChunk,
    Submission,
    Waiting,
    Workload,
    WorkloadId,
    WorkloadStatus,
)
from engines.marathon import status
from engines.marathon.definition import app_definition
from engines.marathon.events import FOLLOWED, engine_event
from engines.marathon.logs import Sandboxes
from engines.marathon.rollout import labelled_rollout, stops_first, upgrade_strategy

FILE_TIMEOUTS = Timeouts(connect_s=1.0, read_s=3.0, total_s=10.0)
_NOT_DEFINED = frozenset(
    {
        "deployments", "lastTaskFailure", "readinessCheckResults", "taskStats", "tasks", "tasksHealthy", "tasksRunning",
        "tasksStaged", "tasksUnhealthy",
    }
)  # fmt: skip
"""What Marathon adds to an app's definition when it is asked for it."""
_WHOLE = ("apps.tasks", "apps.counts", "apps.lastTaskFailure")
_QUERY_BYTES = 3000
"""What is asked for together: servers and proxies take some 8 KiB of an address, and an escaped character is three."""
_NOTHING_TO_DO = Submission(deployment_id=None)


class MarathonEngine:
    """`engines.base.Engine` on Marathon (1.5 – 1.11) and Mesos; the promises are written there.

    Several addresses may be given for each. `name` is the cluster's, for errors and logs.
    Safe to share between threads, not across a fork.
    """

    def __init__(
        self,
        marathon_urls: Sequence[str],
        mesos_urls: Sequence[str],
        *,
        name: str = "",
        credentials: Credentials | None = None,
        mesos_credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        self._marathon = MarathonApi(
            marathon_urls,
            name=f"marathon {name}".strip(),
            credentials=credentials,
            timeouts=timeouts,
            ca_bundle=ca_bundle,
        )
        self._mesos = MesosApi(
            mesos_urls,
            name=f"mesos {name}".strip(),
            credentials=mesos_credentials,
            timeouts=timeouts,
            ca_bundle=ca_bundle,
        )
        # Somebody waits for a log with the page open, and another host may have its part of it.
        agents = MesosApi(
            mesos_urls,
            name=f"mesos {name}".strip(),
            credentials=mesos_credentials,
            timeouts=timeouts or FILE_TIMEOUTS,
            ca_bundle=ca_bundle,
        )
        self._sandboxes = Sandboxes(agents)

    def ping(self) -> str:
        info = self._marathon.info()
        if not info.get("leader"):
            raise Unavailable("there is no leader now", remote=self._marathon.name, operation="ping")
        return info["version"]

    def apply(self, workload: Workload, *, force: bool = False) -> Submission:
        definition = app_definition(workload)
        useless = self._useless_instances(workload.id) if stops_first(workload) else 0
        if not useless:
            return _submission(self._marathon.put_app(workload.id, definition, force=force))
        # To stop first, Marathon ends as many as are healthy. Of those that only wait, or are ill, it ends none, and
        # has no room to start others: such a deployment would stand still for good. (TaskReplaceActor.scala)
        self._marathon.patch_app(workload.id, {"instances": 0}, force=force)
        try:
            return _submission(self._marathon.put_app(workload.id, definition, force=True))
        except Refused:
            self._marathon.patch_app(workload.id, {"instances": useless}, force=True)
            raise

    def _useless_instances(self, workload_id: WorkloadId) -> int:
        """How many instances are wanted of a workload of which none serves; 0 where some do, or there is none."""
        found = self.count(workload_id)
        return found.wanted if found is not None and not found.healthy else 0

    def scale(self, workload_id: WorkloadId, *, instances: int, force: bool = False) -> Submission:
        return _submission(self._marathon.patch_app(workload_id, {"instances": instances}, force=force))

    def restart(self, workload_id: WorkloadId, *, force: bool = False) -> Submission:
        # The capacities fit the number of instances at the last publish. A change of them is itself a
        # restart, by the new ones; see `rollout`.
        app = self._marathon.app(workload_id)
        rollout = labelled_rollout(app.get("labels", {}))
        if rollout is not None:
            strategy = upgrade_strategy(
                rollout,
                instances=app["instances"],
                resident=status.is_resident(app),
                labels=app.get("labels", {}),
            )
            if strategy != app.get("upgradeStrategy"):
                changes = {"upgradeStrategy": strategy}
                return _submission(self._marathon.patch_app(workload_id, changes, force=force))
        return _submission(self._marathon.restart_app(workload_id, force=force))

    def delete(self, workload_id: WorkloadId) -> Submission:
        try:
            return _submission(self._marathon.delete_app(workload_id))
        except NotFound:
            return _NOTHING_TO_DO

    def kill(self, workload_id: WorkloadId, instance_id: InstanceId, *, shrink: bool = False) -> Submission:
        try:
            return _submission(self._marathon.kill_task(workload_id, instance_id, scale=shrink))
        except NotFound:
            return _NOTHING_TO_DO

    def end(self, instance_ids: Collection[InstanceId], *, how: Ending) -> Submission:
        if not instance_ids:
            return _NOTHING_TO_DO
        shrink, wipe = how is Ending.SHRINK, how is Ending.GIVE_UP
        return _submission(self._marathon.kill_tasks(instance_ids, scale=shrink, wipe=wipe))

    def get(self, workload_id: WorkloadId) -> WorkloadStatus | None:
        try:
            return status.workload_status(self._marathon.app(workload_id), with_instances=True)
        except NotFound:
            return None

    def get_some(self, tags: Mapping[WorkloadId, str]) -> Mapping[WorkloadId, WorkloadStatus]:
        found: dict[WorkloadId, WorkloadStatus] = {}
        for values in _asked_together(set(tags.values())) if len(tags) > 1 else ():
            for app in self._marathon.apps_labelled(TAG_LABEL, values, embed=_WHOLE):
                if app["id"] in tags:
                    found[WorkloadId(app["id"])] = status.workload_status(app, with_instances=True)
        for path in tags.keys() - found.keys():
            if (alone := self.get(path)) is not None:
                found[path] = alone
        return found

    def definition(self, workload_id: WorkloadId) -> Mapping[str, Any] | None:
        try:
            app = self._marathon.app(workload_id)
        except NotFound:
            return None
        return {name: value for name, value in app.items() if name not in _NOT_DEFINED}

    def count(self, workload_id: WorkloadId) -> WorkloadStatus | None:
        # Asked for by itself an app comes with every task; the list, which can be told which, without.
        embed = ("apps.counts", "apps.lastTaskFailure")
        with closing(self._marathon.apps(embed=embed, id_part=workload_id)) as apps:
            for app in apps:
                if app["id"] == workload_id:
                    return status.workload_status(app, with_instances=False)
        return None

    def snapshot(self, *, under: str = "") -> Iterator[WorkloadStatus]:
        # Marathon compares with any part of an id, not only with how it begins.
        listed = self._marathon.apps(embed=_WHOLE, id_part=under)
        apps = (app for app in listed if app["id"].startswith(under))
        return (status.workload_status(app, with_instances=True) for app in apps)

    def summaries(self) -> Iterator[WorkloadStatus]:
        apps = self._marathon.apps(embed=("apps.counts", "apps.lastTaskFailure"))
        return (status.workload_status(app, with_instances=False) for app in apps)

    def deployments(self) -> tuple[DeploymentStatus, ...]:
        return tuple(map(status.deployment_status, self._marathon.deployments()))

    def cancel(self, deployment_id: DeploymentId, *, roll_back: bool = True) -> Submission:
        try:
            return _submission(self._marathon.delete_deployment(deployment_id, roll_back=roll_back))
        except NotFound:
            return _NOTHING_TO_DO

    def waiting(self) -> Mapping[WorkloadId, Waiting]:
        with closing(self._marathon.queue()) as items:
            found = (status.waiting(WorkloadId(item["app"]["id"]), item) for item in items if "app" in item)
            return {waiting.workload_id: waiting for waiting in found}

    def health(self, workload_id: WorkloadId) -> tuple[HealthResult, ...]:
        try:
            tasks = self._marathon.tasks(workload_id)
        except NotFound:
            return ()
        results = map(status.health_result, tasks)
        return tuple(result for result in results if result is not None)

    def clear_backoff(self, workload_id: WorkloadId) -> None:
        try:
            self._marathon.reset_delay(workload_id)
        except NotFound:
            return  # nothing of it waits

    def events(self, *, idle_timeout_s: float = 25.0) -> Iterator[EngineEvent]:
        with self._marathon.events(idle_timeout_s=idle_timeout_s, event_types=FOLLOWED) as payloads:
            yield EngineEvent(kind=EventKind.OTHER, at=None, message="the event stream is open")
            yield from map(engine_event, payloads)

    def hosts(self) -> tuple[HostStatus, ...]:
        return tuple(map(status.host_status, self._mesos.agents()))

    def read_log(
        self, instance_id: InstanceId, *, host: str, file: str, offset: int | None, length: int
    ) -> LogChunk:
        return self._sandboxes.read_log(instance_id, host=host, file=file, offset=offset, length=length)

    def list_files(self, instance_id: InstanceId, *, host: str) -> tuple[FileStatus, ...]:
        return self._sandboxes.list_files(instance_id, host=host)

    def read_file(self, instance_id: InstanceId, *, host: str, file: str, offset: int, length: int) -> bytes:
        return self._sandboxes.read_file(instance_id, host=host, file=file, offset=offset, length=length)


def _asked_together(tags: Collection[str]) -> Iterator[list[str]]:
    """Tags in lots that an address has room for."""
    lot: list[str] = []
    for tag in tags:
        if lot and sum(map(len, lot)) + len(lot) + len(tag) > _QUERY_BYTES:
            yield lot
            lot = []
        lot.append(tag)
    if lot:
        yield lot


def _submission(result: DeploymentResult | None) -> Submission:
    if result is None:
        return _NOTHING_TO_DO
    return Submission(
        deployment_id=DeploymentId(result["deploymentId"]),
        engine_version=datetime.fromisoformat(result["version"]),
    )
