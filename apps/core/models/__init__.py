"""What every app shares: clusters, operations and their log, the audit trail, notifications, heartbeats."""

from __future__ import annotations

from apps.core.models.audit import AuditEntry
from apps.core.models.cluster import Cluster, ClusterWatch, Heartbeat
from apps.core.models.drift import Drift
from apps.core.models.lines import TranslatedLine, render_line
from apps.core.models.notification import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationGroup,
    Severity,
)
from apps.core.models.operation import MAX_REASON, Operation, OperationLog, OperationQuerySet

__all__ = [
    "MAX_REASON",
    "AuditEntry",
    "Cluster",
    "ClusterWatch",
    "Drift",
    "Heartbeat",
    "Notification",
    "NotificationChannel",
    "NotificationDelivery",
    "NotificationGroup",
    "Operation",
    "OperationLog",
    "OperationQuerySet",
    "Severity",
    "TranslatedLine",
    "render_line",
]
