"""What is known of a job's metrics and sizes over a time: from its cluster's monitoring, and from the decisions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from time import monotonic

from apps.elastic.charting import Mark, Size
from apps.elastic.loop.samples import samples_of
from apps.elastic.models import BLIND, ScalingDecision, ScalingPolicy
from apps.elastic.planning import Sample
from apps.elastic.sources import get_source
from apps.elastic.words import decision_text
from apps.jobs.models import GoneInstance, Instance, Job
from clients.limits import calls_end_by
from engines.metrics.base import Metric, MetricSource, SourceAway

log = logging.getLogger(__name__)

POINTS = 240
"""Of one curve, about."""
DECISIONS = 400
MARKS = 80
ENDPOINTS = 2000
ASK_FOR_S = 20.0
"""A job that had thousands of instances takes many calls; whoever looks at a page does not wait for ever."""
HELD = {*BLIND, "approval", "paused", "publishing", "again"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """Samples of each metric, oldest first, `apart_s` apart; `away`: why the monitoring was not of help, if it was
    not; then the samples are those that decisions were made from."""

    samples: dict[str, list[Sample]]
    apart_s: float
    away: str = ""


def recorded_of(
    job: Job, metrics: Sequence[Metric], *, start: datetime, end: datetime, points: int = POINTS
) -> Recorded:
    """The metrics from `start` to `end`. Asks the cluster's monitoring, ASK_FOR_S at most: for a page's part, not for a
    page."""
    source = get_source(job.cluster)
    if source is None:
        return _decided(job, metrics, start=start, end=end, away="")
    start_s, end_s = int(start.timestamp()), int(end.timestamp())
    try:
        step_s = _step(source, start_s=start_s, end_s=end_s, points=points)
        endpoints = _endpoints(job, since=start)
        with calls_end_by(monotonic() + ASK_FOR_S):
            found: dict[str, list[Sample]] = {
                metric: samples_of(
                    source.history(endpoints, metric, start_s=start_s, end_s=end_s, step_s=step_s)
                )
                for metric in metrics
            }
    except SourceAway as exc:
        log.warning("history_away", extra={"job": job.tag, "error": str(exc)})
        return _decided(job, metrics, start=start, end=end, away=str(exc))
    return Recorded(found, float(step_s))


def _step(source: MetricSource, *, start_s: int, end_s: int, points: int) -> int:
    """A spacing that the monitoring has, of about so many points."""
    finest = max(source.step_s, source.finest_step_s(age_s=float(end_s - start_s)))
    return finest * max(1, round((end_s - start_s) / points / finest))


def _endpoints(job: Job, *, since: datetime) -> list[str]:
    """Every instance that ran in this time."""
    running = Instance.objects.filter(job=job).values_list("task_id", flat=True)
    gone = GoneInstance.objects.filter(job=job, gone_at__gte=since).values_list("task_id", flat=True)
    return list(dict.fromkeys([*running, *gone.order_by("-gone_at")[:ENDPOINTS]]))


def decisions_between(job: Job, *, start: datetime, end: datetime) -> list[ScalingDecision]:
    """The newest of them, oldest first."""
    found = ScalingDecision.objects.filter(job=job, last_at__gte=start, at__lte=end).order_by("-id")
    return list(found[:DECISIONS])[::-1]


def _decided(job: Job, metrics: Sequence[Metric], *, start: datetime, end: datetime, away: str) -> Recorded:
    """The values that decisions were made from."""
    samples: dict[str, list[Sample]] = {metric: [] for metric in metrics}
    for decision in decisions_between(job, start=start, end=end):
        for metric in metrics:
            if (value := decision.inputs.get(metric)) is not None:
                samples[metric].append(Sample(decision.last_at.timestamp(), float(value), decision.healthy))
    for found in samples.values():
        found.sort(key=lambda sample: sample.time_s)
    times = sorted(sample.time_s for found in samples.values() for sample in found)
    apart_s = median([after - before for before, after in pairwise(times)] or [60.0])
    return Recorded(samples, max(60.0, apart_s), away)


def sizes_of(job: Job, decisions: Sequence[ScalingDecision], *, start: datetime, end: datetime) -> list[Size]:
    """The instances wanted and running, as the decisions saw them, and now."""
    sizes: list[Size] = []
    for decision in decisions:
        at = max(decision.at, start).timestamp()
        if not sizes and decision.at <= start:
            sizes.append(Size(start.timestamp(), decision.instances, decision.running))
        sizes.append(Size(at, decision.wanted if decision.acted else decision.instances, decision.running))
        if decision.last_at > decision.at and not decision.acted:
            sizes.append(Size(decision.last_at.timestamp(), decision.instances, decision.running))
    sizes.sort(key=lambda size: size.time_s)
    return [*sizes, Size(end.timestamp(), job.wanted, job.running)]


def marks_of(decisions: Sequence[ScalingDecision]) -> list[Mark]:
    """Those that changed something, would have, or say why nothing could be: the newest of them."""
    marks = []
    for decision in decisions:
        kind = _kind(decision)
        if kind:
            words = decision_text(decision)
            marks.append(Mark(decision.at.timestamp(), decision.wanted, kind, words, decision.pk))
    return marks[-MARKS:]


def _kind(decision: ScalingDecision) -> str:
    if decision.wanted != decision.instances:
        if not decision.acted:
            return "advice"
        return "out" if decision.wanted > decision.instances else "in"
    return "held" if decision.verdict in HELD else ""


def limits_shown(policy: ScalingPolicy) -> dict[str, list[tuple[float, str]]]:
    """The lines that each metric is compared with, by metric: value and sign."""
    shown: dict[str, list[tuple[float, str]]] = {}
    for entry in policy.metrics:
        if entry["mode"] == "target":
            shown[entry["metric"]] = [(entry["target"], "=")]
            continue
        sides = (("out", "above", ">"), ("in", "below", "<"))
        shown[entry["metric"]] = [
            (entry[side][limit], sign) for side, limit, sign in sides if entry.get(side)
        ]
    return shown
