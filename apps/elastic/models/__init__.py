"""Scaling by metric: policies, what was decided, and what the control loop remembers."""

from apps.elastic.models.decision import ScalingDecision, ScalingState
from apps.elastic.models.policy import ScalingPause, ScalingPolicy

__all__ = ["ScalingDecision", "ScalingPause", "ScalingPolicy", "ScalingState"]
