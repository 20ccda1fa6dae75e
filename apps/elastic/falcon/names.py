"""Under which names Ocean keeps its things in a Falcon, so that it never touches anybody else's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """`prefix`: of this Ocean, where several share a Falcon."""

    prefix: str
    cluster: str

    @property
    def of_jobs(self) -> str:
        """What the names of all jobs of the cluster begin with, groups and templates alike."""
        return f"{self.prefix}:{self.cluster}:job."

    def job(self, tag: str) -> str:
        return f"{self.prefix}:{self.cluster}:{tag}"

    @property
    def hosts(self) -> str:
        """The group of all of the cluster's hosts."""
        return f"{self.prefix}:{self.cluster}:hosts"

    @property
    def host_template(self) -> str:
        return f"{self.prefix}:default:host"

    @property
    def container_template(self) -> str:
        """The parent of every job's template."""
        return f"{self.prefix}:default:container"

    def team(self, group: str) -> str:
        return f"{self.prefix}_{group}"
