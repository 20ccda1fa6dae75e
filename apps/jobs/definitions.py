"""What the scheduler has: a job's definition in its own words, with every secret masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core.engines import IMPATIENT, get_engine
from apps.jobs.masking import MASKED, Mask, mask_of, masked_engine
from apps.jobs.models import Job, JobVersion
from apps.jobs.spec.files import secret_file_variables
from engines.base import VERSION_LABEL, WorkloadId


def engine_definition(job: Job) -> dict[str, Any] | None:
    """The definition as the scheduler keeps it, asked for now and for a few seconds at most; None where it has none.

    Masked are the variables that the version's spec fills from secrets (all of them, where the definition is no
    version of Ocean's), and a secret's value wherever else it stands. Raises `clients.errors.RemoteError`.
    """
    mask = mask_of(job)
    engine = masked_engine(get_engine(job.cluster, timeouts=IMPATIENT), mask)
    found = engine.definition(WorkloadId(job.workload_id))
    if found is None:
        return None
    hidden = _secret_variables(job, found)
    shown: dict[str, Any] = _masked(dict(found), mask)
    shown["env"] = {
        name: MASKED if hidden is None or name in hidden else value
        for name, value in shown.get("env", {}).items()
    }
    return shown


def _secret_variables(job: Job, definition: Mapping[str, Any]) -> set[str] | None:
    """The variables that hold secrets; None where nobody knows."""
    number = str(definition.get("labels", {}).get(VERSION_LABEL, ""))
    known = number.isdecimal() and len(number) < 10
    version = JobVersion.objects.filter(job=job, number=int(number)).first() if known else None
    if version is None:
        return None
    named = {name for name, value in version.spec["env"].items() if isinstance(value, dict)}
    return named | secret_file_variables(version.spec["files"])


def _masked(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(key)): _masked(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, mask) for item in value]
    return value
