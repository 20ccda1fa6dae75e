"""Looking at a cluster's scheduler at once, rather than when the watcher's turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.accounts.rights import require_sre
from apps.core.audit import audit
from apps.core.operations.dispatch import send

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.core.models import Cluster

LOOK_TASK = "jobs.look_at_cluster"


@transaction.atomic
def cluster_look_again(*, cluster: Cluster, by: User) -> None:
    """Ask a worker for a full snapshot of the cluster now. It is what the watcher does by itself every few seconds or
    minutes, and harmless beside it: the newest truth wins."""
    require_sre(by)
    audit(by=by, action="cluster.look", object=cluster.name)
    transaction.on_commit(lambda: send(LOOK_TASK, cluster.pk, queue="background"), robust=True)
