"""The engine port on Marathon and Mesos.

`definition` says a workload in Marathon's JSON, `status` and `events` read Marathon's JSON back, `rollout`
does the arithmetic of rolling updates, `logs` finds an instance's files. All but `engine` and `logs` is pure.
"""

from engines.marathon.engine import MarathonEngine

__all__ = ["MarathonEngine"]
