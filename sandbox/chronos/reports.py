"""What Chronos reports of its jobs and their runs, in its own shapes. Pure.

Source: JobSummaryWrapper.scala, JobStatWrapper.scala, HistogramSerializer.scala, Exporter.scala.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.chronos.jobs import Job
from sandbox.chronos.runs import Outcome, Run

Json = dict[str, Any]
Edges = Iterable[tuple[str, str]]

PERCENTILES = {
    "99thPercentile": 0.99,
    "98thPercentile": 0.98,
    "95thPercentile": 0.95,
    "75thPercentile": 0.75,
    "median": 0.5,
    "mean": 0.5,  # so upstream has it
}


def last_outcome(job: Job) -> str:
    """From the times that are part of the job, and that a client may write."""
    if not job["lastSuccess"] and not job["lastError"]:
        return "fresh"
    return "success" if job["lastSuccess"] >= job["lastError"] else "failure"


def summary(job: Job, *, state: str) -> Json:
    """One job of `/jobs/summary`; `status` is the last outcome, `state` what it does now."""
    return {
        "name": job["name"],
        "status": last_outcome(job),
        "state": state,
        "schedule": job.get("schedule", ""),
        "parents": job.get("parents", []),
        "disabled": job["disabled"],
    }


def graph_csv(jobs: Iterable[tuple[Job, str]], edges: Edges) -> str:
    """Third column the last outcome, fourth the present state."""
    nodes = [f"node,{job['name']},{last_outcome(job)},{state}" for job, state in jobs]
    links = [f"link,{parent},{child}" for parent, child in edges]
    return "".join(f"{line}\n" for line in (*nodes, *links))


def graph_dot(jobs: Iterable[Job], edges: Edges) -> str:
    nodes = [f'  "{job["name"]}"' for job in jobs]
    links = [f'  "{parent}" -> "{child}"' for parent, child in edges]
    return "\n".join(["digraph G {", *nodes, *links, "}", ""])


def histogram(measures: Sequence[float]) -> Json:
    """`measures` in seconds, rising."""
    found: Json = {name: round(percentile(measures, name), 3) for name in PERCENTILES}
    return {**found, "count": len(measures)}


def percentile(measures: Sequence[float], name: str) -> float:
    """Zero without any measure."""
    if not measures:
        return 0.0
    return measures[min(len(measures) - 1, int(PERCENTILES[name] * len(measures)))]


def task_stat(run: Run, *, now: datetime) -> Json:
    """One line of a job's history."""
    status = "Running" if run.outcome is None else str(run.outcome)
    return {
        "taskId": run.task.id,
        "jobName": run.job,
        "slaveId": run.task.host_id,
        "startTime": _moment(run.started),
        "endTime": "N/A" if run.ended is None else _moment(run.ended),
        "duration": _duration(int(((run.ended or now) - run.started).total_seconds())),
        "status": "Fail" if run.outcome is Outcome.KILLED else status,
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%m/%d/%y %H:%M:%S")


def _duration(seconds: int) -> str:
    """`1h2m3s`, without leading zeros."""
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if hours or minutes else "", f"{seconds % 60}s"]
    return "".join(parts)
