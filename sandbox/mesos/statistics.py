"""What a task really uses, from /proc: every process of its session.

Field meanings: proc(5); names: Mesos' ResourceStatistics.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.model import Task

PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# What Mesos grants a command executor beside its task.
_EXECUTOR_CPUS = 0.1
_EXECUTOR_MEM_MIB = 32.0


@dataclass(slots=True)
class Usage:
    """CPU seconds since the session began, of ended children too; resident bytes now."""

    user_s: float = 0.0
    system_s: float = 0.0
    rss_bytes: int = 0
    processes: int = 0
    threads: int = 0


def usage_by_session() -> Mapping[int, Usage]:
    """One walk through /proc: the usage of every session, by the pid of its leader. A task's process leads
    its own session, so a child that leaves its process group is counted all the same."""
    found: dict[int, Usage] = defaultdict(Usage)
    for fields in _stats():
        usage = found[int(fields[3])]
        usage.user_s += (int(fields[11]) + int(fields[13])) / _TICKS_PER_S
        usage.system_s += (int(fields[12]) + int(fields[14])) / _TICKS_PER_S
        usage.threads += int(fields[17])
        usage.rss_bytes += int(fields[21]) * _PAGE_BYTES
        usage.processes += 1
    return found


def statistics_json(task: Task, usage: Usage, *, timestamp: float) -> dict[str, Any]:
    """Mesos' `statistics` object. CPU fields are cumulative: a rate needs two samples."""
    granted = task.allocation.totals()
    mem_bytes = round((granted.get("mem", 0.0) + _EXECUTOR_MEM_MIB) * 1024 * 1024)
    return {
        "timestamp": timestamp,
        "cpus_limit": round(granted.get("cpus", 0.0) + _EXECUTOR_CPUS, 3),
        "cpus_user_time_secs": round(usage.user_s, 2),
        "cpus_system_time_secs": round(usage.system_s, 2),
        "mem_limit_bytes": mem_bytes,
        "mem_rss_bytes": usage.rss_bytes,
        "processes": usage.processes,
        "threads": usage.threads,
    }


def _stats() -> Iterator[list[str]]:
    """Each process' /proc/<pid>/stat from its third field on; the second, the name, may hold anything."""
    for entry in os.scandir(PROC):
        if not entry.name.isdecimal():
            continue
        try:
            content = Path(entry.path, "stat").read_text(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        yield content.rpartition(")")[2].split()
