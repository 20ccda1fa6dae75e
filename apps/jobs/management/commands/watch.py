"""`manage.py watch`: mirror every cluster, one thread and one event stream each."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from apps.core.models import Cluster
from apps.jobs.mirror.watcher import ClusterWatcher

log = logging.getLogger(__name__)
LOOK_FOR_CLUSTERS_EVERY_S = 15.0
SWITCH_EVERY_S = 0.0005
"""How long a thread that computes keeps those waiting that come back from the database: by default it is 5 ms for each
statement, and a batch of events has a dozen."""


class Command(BaseCommand):
    requires_system_checks = ()  # they import every page, and say what `migrate` and CI said before
    help = "Mirror what the schedulers say. Several may run: for each cluster one works, the others stand by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "clusters", nargs="*", help="names of clusters; all that are enabled when none is given"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sys.setswitchinterval(SWITCH_EVERY_S)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        watchers: dict[int, Watch] = {}
        while not stop.is_set():
            try:
                self._match(watchers, names=options["clusters"])
            except DatabaseError as exc:
                log.warning("watch_database_lost", extra={"error": str(exc)})
                connection.close()
                stop.wait(1.0)
                continue
            stop.wait(LOOK_FOR_CLUSTERS_EVERY_S)
        for watch in watchers.values():
            watch.end()

    def _match(self, watchers: dict[int, Watch], *, names: list[str]) -> None:
        """Start a watcher for each new or changed cluster, end those of clusters that were switched off."""
        clusters = Cluster.objects.filter(enabled=True)
        if names:
            clusters = clusters.filter(name__in=names)
        wanted = {cluster.pk: cluster for cluster in clusters}
        for pk in list(watchers):
            if pk not in wanted or watchers[pk].settings != _settings(wanted[pk]):
                watchers.pop(pk).end()
        for pk, cluster in wanted.items():
            if pk not in watchers:
                watchers[pk] = Watch(cluster)


class Watch:
    """A cluster's watcher in its thread."""

    def __init__(self, cluster: Cluster) -> None:
        self.settings = _settings(cluster)
        self._stop = threading.Event()
        watcher = ClusterWatcher(cluster, self._stop)
        self._thread = threading.Thread(target=watcher.run, name=f"watch-{cluster.name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)


def _settings(cluster: Cluster) -> tuple[str, str, str, str]:
    """What a running watcher was started with; another value needs another watcher."""
    return (str(cluster.marathon_urls), str(cluster.mesos_urls), cluster.username, cluster.password)
