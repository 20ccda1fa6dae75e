"""A job's spec in Ocean's own words: its fields, their rules, differences, and the workload it becomes.

`fields` says what a spec may hold, `validation` checks and completes one, `diff` compares two,
`workload` turns one into what an engine runs.
"""

from apps.jobs.spec.diff import Change, spec_diff, spec_in_order
from apps.jobs.spec.validation import spec_merge, spec_validate

__all__ = ["Change", "spec_diff", "spec_in_order", "spec_merge", "spec_validate"]
