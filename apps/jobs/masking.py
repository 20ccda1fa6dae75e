"""Keeping the values of secrets out of what is shown and stored: whatever a scheduler or an instance says may repeat
one, so everything that they say of a job passes a mask of its product line's secrets.

A value is masked as it is, as JSON writes it, and each longer line of it by itself (a log comes in lines). What is
shorter than four characters cannot be told from other text and is left.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any, cast

from apps.core.engines import get_engine
from apps.jobs.models import Job, Secret
from apps.jobs.planning import own_path
from apps.jobs.spec.files import FILE_ENV
from clients.errors import RemoteError
from engines.base import (
    Engine,
    EngineEvent,
    HealthResult,
    InstanceFailure,
    InstanceStatus,
    LogChunk,
    Workload,
    WorkloadId,
    WorkloadStatus,
)

MASKED = "••••••"
SHORTEST = 4
SHORTEST_LINE = 8


class Mask:
    """Replaces the values in a text. False where there is nothing to mask."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        # The longest first: one value may be part of another.
        self._values = sorted(set(_spellings(values)), key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASKED)
        return text

    def with_values(self, values: Iterable[str]) -> Mask:
        return Mask([*self._values, *values])


def mask_of(job: Job) -> Mask:
    """The mask of the job's product line: its secrets as they are now."""
    return Mask(secret.value for secret in Secret.objects.filter(product_line=job.product_line_id))


def masks_of(jobs: Iterable[Job]) -> dict[int, Mask]:
    """The masks of the jobs' product lines, by the lines' ids; none for a line without secrets. One query."""
    lines: defaultdict[int, list[str]] = defaultdict(list)
    for secret in Secret.objects.filter(product_line__in={job.product_line_id for job in jobs}):
        lines[secret.product_line_id].append(secret.value)
    return {line: Mask(values) for line, values in lines.items()}


def job_engine(job: Job) -> Engine:
    """The engine of the job's cluster, with masked words in its answers and errors."""
    return masked_engine(get_engine(job.cluster), mask_of(job))


def job_engines(jobs: Iterable[Job]) -> dict[int, Engine]:
    """The same of several, by the jobs' ids; one query."""
    known = list(jobs)
    masks, nothing = masks_of(known), Mask()
    return {
        job.pk: masked_engine(get_engine(job.cluster), masks.get(job.product_line_id, nothing))
        for job in known
    }


def masked_engine(engine: Engine, mask: Mask) -> Engine:
    return cast("Engine", _MaskedEngine(engine, mask)) if mask else engine


def plain_engine(engine: Engine) -> Engine:
    """The engine behind the mask."""
    return engine.plain if isinstance(engine, _MaskedEngine) else engine


def masked_status(status: WorkloadStatus, mask: Mask) -> WorkloadStatus:
    return cast("WorkloadStatus", _masked(status, mask)) if mask else status


def masked_statuses(jobs: Sequence[Job], by_path: Mapping[str, WorkloadStatus]) -> dict[str, WorkloadStatus]:
    """The statuses with masked words, by their paths (a job's own, and the one beside it); one query for all."""
    owners = {job.workload_id: job for job in jobs}
    speaking = [
        (path, job)
        for path, status in by_path.items()
        if (job := owners.get(own_path(path))) and _speaks(status)
    ]
    found = dict(by_path)
    if not speaking:
        return found
    masks = masks_of(job for _path, job in speaking)
    for path, job in speaking:
        if mask := masks.get(job.product_line_id):
            found[path] = masked_status(found[path], mask)
    return found


class _MaskedEngine:
    """Every method of the engine, with its words masked."""

    def __init__(self, engine: Engine, mask: Mask) -> None:
        self.plain, self._mask = engine, mask

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.plain, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return _masked(method(*args, **kwargs), self._mask)
            except RemoteError as exc:
                raise _masked_error(exc, self._mask_for(args)) from None

        return call

    def get_some(self, tags: Mapping[WorkloadId, str]) -> Mapping[WorkloadId, WorkloadStatus]:
        found: Mapping[WorkloadId, WorkloadStatus] = self.__getattr__("get_some")(tags)
        return {path: masked_status(status, self._mask) for path, status in found.items()}

    def _mask_for(self, args: Sequence[Any]) -> Mask:
        """A workload that is refused may be quoted whole: the files in its environment are the secrets' too."""
        environments = [arg.env for arg in args if isinstance(arg, Workload)]
        files = [text for env in environments for name, text in env.items() if name.startswith(FILE_ENV)]
        return self._mask.with_values(files) if files else self._mask


def _masked_error(error: RemoteError, mask: Mask) -> RemoteError:
    for name, value in vars(error).items():
        setattr(error, name, _masked(value, mask))
    error.args = (error.message,)
    return error


@singledispatch
def _masked(value: Any, mask: Mask) -> Any:
    return value


@_masked.register
def _(value: str, mask: Mask) -> str:
    return mask(value)


@_masked.register
def _(value: tuple, mask: Mask) -> tuple[Any, ...]:  # type: ignore[type-arg]
    return tuple(_masked(item, mask) for item in value)


@_masked.register
def _(value: WorkloadStatus, mask: Mask) -> WorkloadStatus:
    return replace(
        value,
        instances=_masked(value.instances, mask),
        last_failure=_masked(value.last_failure, mask),
    )


@_masked.register(InstanceStatus)
@_masked.register(InstanceFailure)
@_masked.register(EngineEvent)
def _(value: Any, mask: Mask) -> Any:
    return replace(value, message=mask(value.message)) if value.message else value


@_masked.register
def _(value: HealthResult, mask: Mask) -> HealthResult:
    return replace(value, last_failure_cause=mask(value.last_failure_cause))


@_masked.register
def _(value: LogChunk, mask: Mask) -> LogChunk:
    return replace(value, text=mask(value.text))


def _speaks(status: WorkloadStatus) -> bool:
    return status.last_failure is not None or any(instance.message for instance in status.instances or ())


def _spellings(values: Iterable[str]) -> Iterable[str]:
    for value in values:
        for text in [value, value.strip(), *_long_lines(value)]:
            if len(text) >= SHORTEST:
                yield text
                yield json.dumps(text)[1:-1]
                yield json.dumps(text, ensure_ascii=False)[1:-1]


def _long_lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines() if len(line.strip()) >= SHORTEST_LINE]
