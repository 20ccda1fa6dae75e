"""What scheduled scaling registers when Django starts: its tasks, and its kind of drift."""

from __future__ import annotations

from importlib import import_module

from apps.core.drift import register_drift_kind
from apps.elastic.schedules.drifts import CHRONOS_DRIFT

import_module("apps.elastic.schedules.tasks")
register_drift_kind(CHRONOS_DRIFT)
