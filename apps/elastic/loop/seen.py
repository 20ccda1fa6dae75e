"""One job in one tick: what was seen, what was decided, and the row that tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from apps.elastic import planning
from apps.elastic.loop.acting import Order
from apps.elastic.loop.book import Entry
from apps.elastic.loop.facts import Fact
from apps.elastic.loop.journal import Key
from apps.elastic.models import ScalingDecision

if TYPE_CHECKING:
    from apps.core.models import Operation


@dataclass(slots=True)
class Seen:
    """One job in one tick. `verdict` and `wanted` are the decision's, but for a pause. `waits`: it cannot be asked for
    now."""

    entry: Entry
    fact: Fact
    observation: planning.Observation
    decision: planning.Decision
    verdict: planning.Reason
    wanted: int
    at: datetime
    acts: bool
    waits: bool = False
    made: ScalingDecision | None = None

    @property
    def job_id(self) -> int:
        return self.fact.job_id

    @property
    def key(self) -> Key:
        return (self.verdict.code, self.observation.wanted, self.wanted, self.fact.running)

    @property
    def row(self) -> ScalingDecision:
        """The decision as a row; made when somebody asks for it."""
        if self.made is None:
            self.made = _row(self)
        return self.made

    @property
    def acted(self) -> bool:
        return self.made is not None and self.made.acted

    @property
    def grows_by(self) -> int:
        return max(0, self.wanted - self.observation.wanted)

    @property
    def order(self) -> Order:
        return Order(self.row, had=self.fact.wanted, version=self.entry.version)

    def answered(self, operation: Operation | None) -> None:
        """What came of the order."""
        if operation is None and not self.row.values.get("overtaken"):
            self.put_off()
            return
        if operation is None:
            planning.called_off(self.decision)
        else:
            self.entry.asked(self.decision.wanted, now_s=self.observation.now_s)
        self.entry.memory.waiting = None

    def spoiled(self, error: str) -> None:
        """It could not even be asked for."""
        planning.called_off(self.decision)
        self.entry.memory.waiting = None
        if self.made is not None:
            self.made.acted, self.made.operation = False, None
            self.made.verdict, self.made.values = FAILED, {"error": error}
            self.made.wanted = self.made.instances

    def put_off(self, *, now_s: float | None = None) -> None:
        """It cannot be asked for now; see `planning.put_off`."""
        planning.put_off(self.decision, self.observation, now_s=now_s)
        self.waits = True


FAILED = "failed"
"""The verdict of a job that the loop failed on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is written down of it instead of a decision. `counts`: instances wanted, running, healthy, staging."""

    job_id: int
    at: datetime
    counts: tuple[int, int, int, int]
    error: str

    @property
    def key(self) -> Key:
        wanted, running, *_ = self.counts
        return (FAILED, wanted, wanted, running)

    @property
    def row(self) -> ScalingDecision:
        wanted, running, healthy, _ = self.counts
        return ScalingDecision(
            job_id=self.job_id,
            at=self.at,
            last_at=self.at,
            verdict=FAILED,
            values={"error": self.error},
            instances=wanted,
            wanted=wanted,
            running=running,
            healthy=healthy,
        )


def _row(one: Seen) -> ScalingDecision:
    fact, seen, decision = one.fact, one.observation, one.decision
    person = one.entry.person_floor(now=one.at)
    values = _values(one.verdict, decision.wishes)
    return ScalingDecision(
        job_id=fact.job_id,
        at=one.at,
        last_at=one.at,
        verdict=one.verdict.code,
        values={**values, "waits": True} if one.waits else values,
        instances=seen.wanted,
        wanted=one.wanted,
        running=fact.running,
        healthy=fact.healthy,
        inputs={name: round(samples[-1].value, 3) for name, samples in seen.samples.items() if samples},
        wishes={
            wish.metric: {"wanted": wish.wanted, "code": wish.reason.code, **_rounded(wish.reason.values)}
            for wish in decision.wishes
        },
        clamps=[
            {
                "code": "person"
                if clamp.code == "floor" and clamp.values.get("to") == person
                else clamp.code,
                **_rounded(clamp.values),
            }
            for clamp in decision.clamps
        ],
    )


def _values(verdict: planning.Reason, wishes: Iterable[planning.Wish]) -> dict[str, Any]:
    """With the metric that had the last word."""
    values = _rounded(verdict.values)
    if "metric" not in values:
        of = next((wish.metric for wish in wishes if wish.reason is verdict), None)
        if of is not None:
            values["metric"] = of
    return values


def _rounded(values: Any) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}
