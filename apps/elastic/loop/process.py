"""The loop's process: one works, however many run; it ticks every five seconds and answers the doorbell in between.

A PostgreSQL advisory lock says who works. It belongs to the very connection that the loop writes through: if that
connection is lost, so is the lock, and the next write fails instead of competing with the new holder.
"""

from __future__ import annotations

import gc
import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import DatabaseError, connection
from django.utils import timezone

from apps.core.logs import bound
from apps.core.models import Heartbeat
from apps.elastic.agent import autoscaler
from apps.elastic.falcon.keys import jobs_rung_for
from apps.elastic.loop.doorbell import Doorbell
from apps.elastic.loop.samples import SampleReader, SourceOf
from apps.elastic.loop.tick import Loop, Report, Told

log = logging.getLogger(__name__)

SCALE_LOCK: Final = 7202
"""The first key of `pg_try_advisory_lock(int, int)`; never reused for another use (7201: `manage.py watch`)."""
PERIOD_S = 5.0
AFTER_SAMPLES_S = 0.6
"""Samples are of whole multiples of 5 s: a tick comes when they have."""
STANDBY_EVERY_S = 2.0
BREATH_S = 0.2
COLLECT_EVERY = 24
"""Ticks."""
HEARTBEAT: Final = "scale"
SLOW_S = 1.0


def next_tick(now_s: float) -> float:
    """When the tick after this moment is due."""
    return (math.floor((now_s - AFTER_SAMPLES_S) / PERIOD_S) + 1) * PERIOD_S + AFTER_SAMPLES_S


class ScaleProcess:
    """Runs until `stop` is set. `before_tick` is called before each whole one; it may read the database."""

    def __init__(
        self,
        stop: threading.Event,
        *,
        source_of: SourceOf,
        before_tick: Callable[[], None] = lambda: None,
        tell: Told | None = None,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        self._stop = stop
        self._source_of = source_of
        self._before_tick = before_tick
        self._tell = tell
        self._now = now
        self._stands_by = False
        self._turns = 0

    def run(self) -> None:
        """Wait for the lock, work, and begin again after whatever goes wrong."""
        with bound(process="scale"):
            while not self._stop.is_set():
                try:
                    if not _try_lock():
                        if not self._stands_by:
                            log.info("scale_stands_by")
                        self._stands_by = True
                        self._stop.wait(STANDBY_EVERY_S)
                        continue
                    self._stands_by = False
                    log.info("scale_started")
                    self._work()
                    _unlock()
                except DatabaseError as exc:
                    log.warning("scale_database_lost", extra={"error": str(exc)})
                    self._stop.wait(1.0)
                except Exception:
                    log.exception("scale_crashed")
                    self._stop.wait(1.0)
                finally:
                    connection.close()

    def _work(self) -> None:
        """Tick while holding the lock. What was remembered is read again after each loss of it."""
        with SampleReader(self._source_of) as samples, Doorbell(self._stop) as doorbell:
            loop = Loop(samples, agent=autoscaler(), tell=self._tell)
            due = 0.0
            while not self._stop.is_set():
                now = self._now()
                if now.timestamp() >= due:
                    due = next_tick(now.timestamp())
                    loop.book.stale |= doorbell.changed()
                    self._before_tick()
                    _report(loop.tick(now))
                    Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"at": now})
                    self._go_on(loop, due)
                elif rung := jobs_rung_for(doorbell.wait(due - now.timestamp())):
                    loop.book.stale |= doorbell.changed()
                    _report(loop.tick(self._now(), only=rung))
                    self._go_on(loop, due)
            loop.save(self._now())

    def _go_on(self, loop: Loop, due_s: float) -> None:
        """Act on what is left, until shortly before the next tick."""
        left_s = due_s - self._now().timestamp() - BREATH_S
        loop.go_on(until=time.monotonic() + left_s)
        self._turns += 1
        if self._turns % COLLECT_EVERY == 0 and not gc.isenabled():
            gc.collect()
            gc.freeze()  # what lives by now lives on: the next collection need not look at it


def _report(report: Report) -> None:
    extra = {
        "jobs": report.jobs,
        "acted": report.acted,
        "waiting": report.waiting,
        "away": list(report.away.values()),
        "ms": round(report.took_s * 1000),
    }
    if report.acted or report.waiting or report.away or report.took_s > SLOW_S:
        log.info("scale_tick", extra=extra)
    else:
        log.debug("scale_tick", extra=extra)


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [SCALE_LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])


def _unlock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [SCALE_LOCK])
