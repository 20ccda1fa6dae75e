"""Growth that was decided and cannot be asked for yet, as something else holds the job: it stays wanted for a while,
within the bounds of the moment. What was not done is no change either, which a cool-down would follow.
"""

from __future__ import annotations

from apps.elastic.planning.changes import change
from apps.elastic.planning.limits import within_bounds
from apps.elastic.planning.memory import Waiting
from apps.elastic.planning.values import Decision, Observation, Policy, Reason

WAITS_FOR_S = 60.0


def put_off(decision: Decision, seen: Observation, *, now_s: float | None = None) -> None:
    """What was decided is not done now: growing stays wanted, shrinking is decided anew. `now_s`: from now on (it only
    waits for its turn, which makes it no older), else from when it was decided first."""
    memory, waiting = decision.memory, decision.memory.waiting
    called_off(decision)
    if decision.wanted <= seen.wanted and decision.verdict.code != "again":
        memory.waiting = None
    elif waiting is None or decision.verdict.code != "again":
        memory.waiting = Waiting(decision.wanted, seen.wanted, now_s or seen.now_s)
    elif now_s is not None:
        memory.waiting = waiting._replace(since_s=now_s)


def called_off(decision: Decision) -> None:
    """What was decided did not come about: nothing has changed."""
    if decision.before is not None:
        decision.before.bring_back(decision.memory)


def still_waiting(policy: Policy, decision: Decision, seen: Observation) -> Decision:
    """The decision, or the growth that waits, where that is still wanted: nothing newer was decided, and the job is as
    it was then. It is bounded anew."""
    memory = decision.memory
    waiting = memory.waiting
    if waiting is None:
        return decision
    is_newer = decision.wanted != seen.wanted or decision.needs_approval or seen.exact is not None
    is_over = waiting.before != seen.wanted or seen.now_s - waiting.since_s > WAITS_FOR_S
    if is_newer or is_over:
        memory.waiting = None
        return decision
    bounded = within_bounds(policy, seen, waiting.wanted)
    wanted = max(bounded.wanted, seen.wanted)
    before = change(memory, seen, wanted) if wanted != seen.wanted else None
    return Decision(
        memory=memory,
        wanted=wanted,
        verdict=Reason("again", {"wish": waiting.wanted}),
        wishes=decision.wishes,
        clamps=tuple(bounded.clamps),
        alarm=decision.alarm,
        before=before,
    )
