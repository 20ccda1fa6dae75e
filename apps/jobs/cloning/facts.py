"""Reading what a clone is judged by: the hosts, secrets and jobs of the place that it would go to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.accounts.models import ProductLine
from apps.accounts.rights import scope
from apps.core.models import Cluster
from apps.hosts.capacity import IN_SERVICE
from apps.hosts.models import Host
from apps.jobs.cloning.differences import HostFacts, Place
from apps.jobs.models import Job, Secret, job_tag

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a clone goes, and under which names."""

    product_line: ProductLine
    cluster: Cluster
    service: str
    name: str

    @property
    def tag(self) -> str:
        return job_tag(
            name=self.name,
            service=self.service,
            cluster=self.cluster.name,
            product_line=str(self.product_line),
        )


def moved_spec(spec: Mapping[str, Any], *, source: Cluster, target: Cluster) -> dict[str, Any]:
    """The spec for another cluster: dependencies are jobs of the same name there. A tag names its cluster between
    `_cluster.` and the product line."""
    part, other = f"_cluster.{source.name}_", f"_cluster.{target.name}_"
    return {**spec, "depends_on": [tag.replace(part, other) for tag in spec["depends_on"]]}


def read_place(
    to: Destination, *, job: Job, spec: Mapping[str, Any], by: User, may_reuse: bool = False
) -> Place:
    """The facts about a destination of `job`. `may_reuse`: a job that has the tag already, and does not run, is in
    nobody's way."""
    there = Job.objects.alive().filter(tag=to.tag)
    if may_reuse:
        there = there.exclude(wanted=0, managed_by="")
    others = scope(Job.objects.alive().filter(cluster=to.cluster, tag__in=spec["depends_on"]), by)
    hosts = Host.objects.filter(IN_SERVICE, cluster=to.cluster)
    return Place(
        cluster=to.cluster.name,
        enabled=to.cluster.enabled,
        same_cluster=to.cluster.pk == job.cluster_id,
        hosts=[
            HostFacts(*row)
            for row in hosts.values_list("hostname", "attributes", "resources", "used").order_by("hostname")
        ],
        secrets=frozenset(Secret.objects.filter(product_line=to.product_line).values_list("name", flat=True)),
        product_line=str(to.product_line),
        same_line=to.product_line.pk == job.product_line_id,
        jobs=frozenset(others.exclude(tag=to.tag).values_list("tag", flat=True)),
        tag=to.tag,
        taken=there.exists(),
    )
