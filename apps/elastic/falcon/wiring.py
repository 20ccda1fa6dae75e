"""What Falcon's part listens to and registers, when Django starts."""

from __future__ import annotations

from apps.core.drift import register_drift_kind
from apps.elastic.falcon.drifts import FALCON_DRIFT
from apps.elastic.falcon.hints import follow_instances
from apps.jobs.signals import instances_changed

instances_changed.connect(follow_instances, dispatch_uid="elastic.falcon")
register_drift_kind(FALCON_DRIFT)
