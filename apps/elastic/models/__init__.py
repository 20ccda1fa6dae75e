"""Scaling by metric: policies, what was decided, what the control loop remembers. By time: schedules and their runs."""

from apps.elastic.models.decision import BLIND, ScalingDecision, ScalingState
from apps.elastic.models.falcon import FalconEntry
from apps.elastic.models.policy import ScalingPause, ScalingPolicy
from apps.elastic.models.schedule import (
    ChronosLook,
    ScalingSchedule,
    ScheduleBound,
    ScheduleKind,
    ScheduleRun,
)

__all__ = [
    "BLIND",
    "ChronosLook",
    "FalconEntry",
    "ScalingDecision",
    "ScalingPause",
    "ScalingPolicy",
    "ScalingSchedule",
    "ScalingState",
    "ScheduleBound",
    "ScheduleKind",
    "ScheduleRun",
]
