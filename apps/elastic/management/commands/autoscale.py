"""`manage.py autoscale`: the control loop of scaling by metric."""

from __future__ import annotations

import gc
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from apps.elastic.loop.process import ScaleProcess
from apps.elastic.sources import ClusterSources
from apps.elastic.telling import tell


class Command(BaseCommand):
    help = "Scale jobs by their metrics. Several may run: one works, the others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        gc.disable()  # to walk all that is remembered takes longer than a tick: the loop does it in between
        sources = ClusterSources()
        ScaleProcess(stop, source_of=sources, before_tick=sources.refresh, tell=tell).run()
