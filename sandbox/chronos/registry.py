"""The jobs of one Chronos and what depends on what; every change is on disk before it is answered.

Source: JobGraph.scala, JobScheduler.scala.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.chronos.jobs import Job, JobError, inherit_schedule
from sandbox.store import Store

_KIND = "chronos-job"


class Registry:
    """All jobs by name. A dependent job whose parents are not all there is kept, and left out of every
    listing until they are."""

    def __init__(self, store: Store, cluster: str) -> None:
        self._store = store
        self._cluster = cluster
        self._jobs: dict[str, Job] = dict(store.load(cluster, _KIND))
        self._dependent = {name for name, job in self._jobs.items() if "parents" in job}

    def __iter__(self) -> Iterator[Job]:
        return (job for job in self._jobs.values() if self._complete(job))

    def get(self, name: str) -> Job | None:
        """A job that is listed."""
        job = self._jobs.get(name)
        return job if job is not None and self._complete(job) else None

    def any(self, name: str) -> Job | None:
        """A job whether it is listed or not."""
        return self._jobs.get(name)

    def names(self) -> list[str]:
        """Of all jobs, listed or not."""
        return list(self._jobs)

    def change(self, name: str, **fields: Any) -> None:
        """Chronos itself changes some fields of a job that is there."""
        self._keep({**self._jobs[name], **fields})

    def children(self, name: str) -> list[Job]:
        """The listed jobs that depend on this one."""
        dependent = [self._jobs[child] for child in self._dependent]
        return [job for job in dependent if name in job["parents"] and self._complete(job)]

    def put(self, job: Job) -> None:
        """Create or replace. Raises JobError, with upstream's status for each case."""
        exists = job["name"] in self._jobs
        parents = job.get("parents")
        if parents is not None:
            self._check_parents(job["name"], parents, exists=exists)
        if not exists and job["uris"] and job["fetch"]:
            raise JobError(f"Tried to add both uri (deprecated) and fetch parameters on {job['name']}")
        self._keep(job)
        self._store.flush()

    def delete(self, name: str) -> None:
        """Remove a job; its children take over its parents, or its schedule. Raises KeyError."""
        job = self._jobs.pop(name)
        self._dependent.discard(name)
        self._store.mark(self._cluster, _KIND, name, lambda: None)
        for child in [child for child in self._jobs.values() if name in child.get("parents", ())]:
            others = [parent for parent in child["parents"] if parent != name]
            if others or "parents" in job:
                inherited = [parent for parent in job.get("parents", ()) if parent not in others]
                self._keep({**child, "parents": [*others, *inherited]})
            else:
                self._keep(inherit_schedule(child, job))
        self._store.flush()

    def edges(self) -> Iterator[tuple[str, str]]:
        """(parent, child) of all listed jobs."""
        return ((parent, job["name"]) for job in self for parent in job.get("parents", ()))

    def _check_parents(self, name: str, parents: list[str], *, exists: bool) -> None:
        if not parents:
            raise JobError(f"Job {name} does not have any parents defined!", 400 if exists else 500)
        if exists and any(parent not in self._jobs for parent in parents):
            raise JobError(f"Job {name} does not have all parents defined!")
        if name in self._ancestors(parents):
            raise JobError(f"Adding {name} would create a cycle", 500)

    def _ancestors(self, names: list[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._jobs.get(name, {}).get("parents", ()))
        return found

    def _complete(self, job: Job) -> bool:
        return all(
            parent in self._jobs and self._complete(self._jobs[parent]) for parent in job.get("parents", ())
        )

    def _keep(self, job: Job) -> None:
        name = job["name"]
        self._jobs[name] = job
        (self._dependent.add if "parents" in job else self._dependent.discard)(name)
        self._store.mark(self._cluster, _KIND, name, lambda: self._jobs.get(name))
