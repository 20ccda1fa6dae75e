"""Reading what every app shares: querysets already scoped to the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from apps.accounts.rights import is_sre, product_lines_visible
from apps.core.models import AuditEntry, Cluster, Drift, Operation

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User


def operations_visible(user: User | AnonymousUser) -> QuerySet[Operation]:
    """A person's own operations and those of their product lines; all for SREs."""
    operations = Operation.objects.select_related("requested_by", "product_line", "cluster")
    if is_sre(user):
        return operations
    return operations.filter(Q(product_line__in=product_lines_visible(user)) | Q(requested_by=user.pk))


def audit_visible(user: User | AnonymousUser) -> QuerySet[AuditEntry]:
    """Changes on a person's product lines; all for SREs."""
    entries = AuditEntry.objects.select_related("actor", "product_line")
    return entries if is_sre(user) else entries.filter(product_line__in=product_lines_visible(user))


def drift_visible(user: User | AnonymousUser) -> QuerySet[Drift]:
    """Everything for SREs, nothing for others."""
    rows = Drift.objects.select_related("cluster")
    return rows if is_sre(user) else rows.none()


def clusters_shown() -> QuerySet[Cluster]:
    """The clusters in use, with how their mirror is doing. Everyone who is signed in may see them."""
    return Cluster.objects.filter(enabled=True).select_related("watch")
