"""What every app shares: clusters, operations and their log, the audit trail, heartbeats."""

from __future__ import annotations

from apps.core.models.audit import AuditEntry
from apps.core.models.cluster import Cluster, ClusterWatch, Heartbeat
from apps.core.models.lines import TranslatedLine, render_line
from apps.core.models.operation import MAX_REASON, Operation, OperationLog, OperationQuerySet

__all__ = [
    "MAX_REASON",
    "AuditEntry",
    "Cluster",
    "ClusterWatch",
    "Heartbeat",
    "Operation",
    "OperationLog",
    "OperationQuerySet",
    "TranslatedLine",
    "render_line",
]
