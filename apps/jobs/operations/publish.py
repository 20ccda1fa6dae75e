"""Publishing a version, and publishing an earlier one again (rollback): look, plan, do the first thing, write it down.

`apps.jobs.rollout` plans, `rollout_steps` does, `publish_words` says. What lasts is on the scheduler (definitions carry
the operation's mark) or on the operation's row: in `memory` what was asked and since when, in columns what people said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apps.core.models import Operation
from apps.core.operations.kinds import Again, Cancelled, Control, Done, Failed, Outcome
from apps.jobs.mirror.apply import problems_store
from apps.jobs.mirror.side import side_of
from apps.jobs.models import Job, JobVersion
from apps.jobs.operations import publish_words as words
from apps.jobs.operations.base import (
    CANCELLED_EARLY,
    GONE,
    LOOK_AGAIN_S,
    NEVER_TAKEN,
    NOT_IN_TIME,
    PUTTING_BACK,
    ROLL_BACK_WITHIN,
    OnJob,
    Work,
)
from apps.jobs.operations.dependencies import waits_for_dependencies
from apps.jobs.operations.rollout_steps import Doing, main_taken
from apps.jobs.rollout.crashes import CRASHES, keeps_crashing
from apps.jobs.rollout.planning import next_steps, only_drains, only_on_trial
from apps.jobs.rollout.progress import measure
from apps.jobs.rollout.reading import Trial, drain_time, is_of, read_found, read_wanted
from apps.jobs.rollout.values import Finish, Found, Goal, Hold, Lost, Paused, Returned, Step, Wanted
from apps.jobs.services.actions import (
    PUBLISH,
    ROLLBACK,
    publish_intend,
    publish_plan,
    version_asked_for,
)
from apps.jobs.services.drafts import SecretMissing
from apps.jobs.spec.files import FilesTooLarge
from apps.jobs.spec.strategy import complete_strategy
from engines.base import InstanceState, WorkloadStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

HOLD_LOOK_S = 15.0
"""A hold is looked at so often, beside the mirror's rings."""
TRIAL_LOOK_S = 5.0
"""Instances on trial are looked at so often, or when their time is over: each may end meanwhile."""


class Publish(OnJob):
    """Replace what runs by a version, by its strategy. Done when every instance is of it and well, and none of before
    remains; at the deadline, which counts anew for each part that can take long, what ran before is put back.

    Source: Marathon REST, PUT /v2/apps/{id} and DELETE /v2/deployments/{id} (a deployment never times out itself).
    """

    def __init__(self, name: str, label: StrOrPromise) -> None:
        self.name, self.label = name, label

    def step(self, operation: Operation) -> Outcome:
        return self._advance(operation, late=False)

    def deadline_passed(self, operation: Operation) -> Outcome:
        return self._advance(operation, late=operation.paused_at is None)

    def controls(self, operation: Operation) -> tuple[Control, ...]:
        if operation.cancel_requested_at or "reason" in operation.memory:
            return ()
        if operation.paused_at:
            return ("cancel", "resume", "undo")
        go_on: tuple[Control, ...] = ("go-on",) if is_holding(operation) else ()
        return ("cancel", "pause", *go_on, "undo")

    def hand_over(self, operation: Operation, *, successor: Operation) -> None:
        """What the next one goes back to is what this one would have: it ended in the middle, if it was handed over."""
        job = Job.objects.get(pk=operation.target_id)
        version = JobVersion.objects.get(job=job, number=successor.parameters["version"])
        plan = publish_plan(job, version=version, before=version_asked_for(job, besides=version))
        if operation.memory.get("handed_over"):
            plan["previous"] = operation.parameters["previous"]
        else:
            successor.parameters.pop("takes_over")
        successor.parameters |= plan
        successor.save(update_fields=["parameters"])
        publish_intend(job, successor)

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:
        """Where it failed after the scheduler took it and did not see it replaced, its definition is the scheduler's
        still, and stays the one that was asked for last."""
        memory = operation.memory
        if memory.get("handed_over"):
            return
        if isinstance(outcome, Done):
            job.running_version, job.serving, job.problems = operation.parameters["version"], "", []
        elif memory.get("replaced") or not memory.get("main"):
            previous = operation.parameters["previous"]
            job.target_version, job.wanted = previous["version"], previous["wanted"]

    def _advance(self, operation: Operation, *, late: bool) -> Outcome:
        work = self._work(operation)
        work.memory.pop("handed_over", None)
        if successor := work.successor:
            work.memory["handed_over"] = True
            version = successor.parameters["version"]
            return Cancelled(words.HANDED_OVER, {"version": version}, hands_over=True)
        if operation.cancel_requested_at and not work.may_have_asked and "takes_over" not in work.parameters:
            return Cancelled(CANCELLED_EARLY)
        begins = not (operation.cancel_requested_at or late or work.memory.get("asked"))
        held = waits_for_dependencies(work) if begins else None
        return held or _Turn(work, late=late).outcome()


@dataclass(slots=True)
class _Seen:
    main: WorkloadStatus | None
    side: WorkloadStatus | None


class _Turn:
    """One step of a publish."""

    def __init__(self, work: Work, *, late: bool) -> None:
        self._work = work
        self._memory = work.memory
        self._late = late
        self._now = timezone.now()
        self._version: int = work.parameters["version"]
        self._spec = work.spec(self._version)

    def outcome(self) -> Outcome:
        found = self._found
        if not self._has_begun:
            if self._work.operation.cancel_requested_at:
                return Cancelled(CANCELLED_EARLY)
            if self._late:
                return Failed(NEVER_TAKEN, {"fault": self._memory.get("last_fault", "")})
        step = next_steps(self._wanted, found, self._now)[0]
        if isinstance(step, Finish):
            return self._done(step)
        if self._wanted.goal is not Goal.BACK and (reason := self._reason_to_go_back(step)):
            return self._turn_back(reason)
        if self._wanted.goal is Goal.BACK:
            return self._go_back(step)
        return self._go_on(step)

    # --- what is wanted and found ----------------------------------------------------------------------

    @cached_property
    def _seen(self) -> _Seen:
        """Before anything was asked for there is nothing to find that would change how it begins."""
        if not (self._work.may_have_asked or self._looks_beside):
            return _Seen(None, None)
        main = self._work.look()
        side = self._work.look_beside() if self._looks_beside else None
        return _Seen(main, side)

    @property
    def _looks_beside(self) -> bool:
        """Most publishes have nothing there, and save the question."""
        parameters = self._work.parameters
        return (
            parameters["strategy"]["kind"] in {"canary", "blue-green"}
            or "takes_over" in parameters
            or side_of(self._work.job) is not None
        )

    @cached_property
    def _found(self) -> Found:
        seen, mark = self._seen, self._work.mark
        self._memory["ending"] = self._ending(seen)
        found = read_found(
            self._work.job,
            seen.main,
            seen.side,
            mark=mark,
            ending=self._memory["ending"],
            trial=Trial(self._now, self._min_up),
        )
        if is_of(seen.main, mark) and not self._memory.get("main"):  # an earlier try, whose answer was lost
            assert found.main is not None
            main_taken(self._work, found.main.deployments[0] if found.main.deployments else None)
        if is_of(seen.side, mark) and not self._memory.get("asked"):
            self._work.taken("")
        return found

    @cached_property
    def _wanted(self) -> Wanted:
        return read_wanted(self._work.operation, self._spec)

    def _ending(self, seen: _Seen) -> dict[str, str]:
        """When each instance that ends was first seen to."""
        known: Mapping[str, str] = self._memory.get("ending", {})
        return {
            instance.id: known.get(instance.id, self._now.isoformat())
            for status in (seen.main, seen.side)
            if status is not None
            for instance in status.instances or ()
            if instance.state is InstanceState.KILLING
        }

    @property
    def _has_begun(self) -> bool:
        """A publish that takes over has what another one began."""
        return bool(self._memory.get("asked")) or "takes_over" in self._work.parameters

    # --- on --------------------------------------------------------------------------------------------

    def _go_on(self, step: Step) -> Outcome:
        phase = _phase(step, self._found)
        if self._memory.get("phase") != phase:
            self._enter(phase)
        match step:
            case Hold():
                return self._hold(step)
            case Paused():
                self._memory.pop("held_since", None)  # a hold begins anew
                return self._again(words.paused(measure(self._wanted, self._found)), after_s=HOLD_LOOK_S)
        try:
            acted = self._doing.do(step, now=self._now)
        except (SecretMissing, FilesTooLarge) as exc:
            if not self._has_begun:
                return Failed(*words.cannot_define(exc))
            return self._turn_back(words.line(*words.cannot_define(exc)))
        if acted:
            self._took_it()
            return Again(after_s=1.0, progress=max(1, measure(self._wanted, self._found).percent))
        return self._follow()

    def _enter(self, phase: str) -> None:
        """A hold and a pause have no end by time. What comes after them has the scheduler to ask first."""
        operation = self._work.operation
        waits = phase in {"hold", "paused"}
        if waits:
            operation.deadline_at = None
        elif operation.deadline_at is None:
            operation.deadline_at = self._now + OnJob.deadline
        if phase == "aside":
            self._memory.pop("held_since", None)  # what fell ill is held anew, from when it is well
        if phase == "paused":
            self._memory["paused_in"] = self._memory.get("phase", "begin")
        self._memory["phase"] = phase
        self._memory["limited"] = waits

    def _took_it(self) -> None:
        """The scheduler answered: from now on the strategy's own deadline counts."""
        if self._memory.get("asked") and not self._memory.get("limited"):
            self._memory["limited"] = True
            self._work.operation.deadline_at = self._now + self._deadline

    @property
    def _deadline(self) -> timedelta:
        return timedelta(seconds=self._work.parameters["strategy"]["deadline_s"])

    @property
    def _min_up(self) -> timedelta:
        """How long a new instance that nothing checks must have run to be called well."""
        return timedelta(seconds=complete_strategy(self._work.parameters["strategy"])["min_up_s"])

    def _hold(self, step: Hold) -> Again:
        if "held_since" not in self._memory:
            self._memory["held_since"] = self._now.isoformat()
            problems_store(self._work.job.pk, [])  # all that was started is well
        left = (step.until - self._now).total_seconds() if step.until else HOLD_LOOK_S
        said = words.holding(self._wanted, measure(self._wanted, self._found), until=step.until)
        return self._again(said, after_s=min(HOLD_LOOK_S, max(0.1, left)))

    def _follow(self) -> Again:
        self._took_it()
        seen = self._seen
        progress = measure(self._wanted, self._found)
        said = words.under_way(self._version, progress, aside=self._memory.get("phase") == "aside")
        if self._memory.get("seen") == said.values:
            self._diagnose(seen)
        self._memory["seen"] = dict(said.values)
        on_trial = only_on_trial(self._found)
        trial_s = min(TRIAL_LOOK_S, self._min_up.total_seconds())
        return self._again(said, after_s=trial_s if on_trial else LOOK_AGAIN_S)

    def _again(self, said: words.Said, *, after_s: float) -> Again:
        self._work.say(said.text, **said.values)
        percent = measure(self._wanted, self._found).percent
        return Again(after_s=after_s, progress=percent, message=said.text, values=said.values)

    def _diagnose(self, seen: _Seen) -> None:
        status = seen.side if self._memory.get("phase") == "aside" else seen.main
        if status is not None:
            self._work.diagnose(status)

    def _done(self, step: Finish) -> Done:
        said = words.runs(self._version, self._wanted.instances, step.slow)
        return Done(said.text, said.values)

    @property
    def _doing(self) -> Doing:
        return Doing(
            self._work,
            in_place=self._wanted.in_place,
            drain_s=int(self._wanted.drain.total_seconds()),
        )

    # --- back ------------------------------------------------------------------------------------------

    def _reason_to_go_back(self, step: Step) -> dict[str, Any] | None:
        if self._work.operation.cancel_requested_at:
            return words.line(words.CANCELLED)
        if isinstance(step, Lost):
            self._memory["lost"] = True
            return words.line(words.SUPERSEDED if self._found.main else GONE)
        if keeps_crashing(self._wanted, self._found, self._seen.main):
            assert self._seen.main is not None
            return words.line(words.KEEPS_CRASHING, count=CRASHES, why=self._work.why(self._seen.main))
        if not self._late or self._is_given_more():
            return None
        seen = self._seen
        progress = measure(self._wanted, self._found)
        status = seen.side if seen.side and self._memory.get("phase") == "aside" else seen.main
        return words.line(
            NOT_IN_TIME,
            seconds=self._work.parameters["strategy"]["deadline_s"],
            count=progress.total_well,
            wanted=self._wanted.aside if self._memory.get("phase") == "aside" else progress.wanted,
            why=self._work.why(status) if status else [],
        )

    def _is_given_more(self) -> bool:
        """Late, but all of it is there: only old ones that end, or new ones on trial, are waited for; once."""
        for name, so, more in (
            ("drains", only_drains(self._wanted, self._found, self._now), drain_time(self._spec)),
            ("on_trial", only_on_trial(self._found), 2 * self._min_up),
        ):
            if so and not self._memory.get(name):
                self._memory[name] = True
                self._work.operation.deadline_at = self._now + more
                return True
        return False

    def _turn_back(self, reason: dict[str, Any]) -> Again:
        """The reason is written down before anything is put back, which hides it."""
        self._memory["reason"] = [reason]
        self._work.operation.deadline_at = self._work.operation.deadline_at or self._now
        return Again(after_s=0.0)

    def _go_back(self, step: Step) -> Outcome:
        if isinstance(step, Returned):
            return self._returned()
        if self._took_too_long():
            return self._ends(words.STILL_PUTTING_BACK)
        try:
            self._doing.do(step, now=self._now)
        except SecretMissing as exc:
            values = {"version": self._version, "previous": self._wanted.before.version, "name": exc.name}
            return self._ends(words.NEW_STAYS, **values)
        except FilesTooLarge as exc:
            fault = words.line(*words.cannot_define(exc))
            return self._ends(words.NEW_STAYS_WHOLE, version=self._version, fault=fault)
        return Again(after_s=1.0, message=PUTTING_BACK)

    def _took_too_long(self) -> bool:
        since = datetime.fromisoformat(self._memory.setdefault("back_since", self._now.isoformat()))
        return self._now > since + max(ROLL_BACK_WITHIN, self._deadline) + self._wanted.drain

    def _returned(self) -> Outcome:
        self._memory["replaced"] = True
        before, main = self._wanted.before, self._seen.main
        if self._memory.get("lost") or (main is None and before.version is not None):
            return self._ends("%(why)s" if self._memory.get("lost") else GONE)
        if main is None:
            return self._ends(words.NOTHING_BEFORE)
        version = main.version or before.version
        if version is None:  # a definition that is not Ocean's
            return self._ends("%(why)s")
        return self._ends(words.OLD_SERVES_ON, previous=version)

    def _ends(self, text: str, **values: Any) -> Outcome:
        values = {"why": self._memory["reason"], **values}
        if self._work.operation.cancel_requested_at and not self._memory.get("lost"):
            return Cancelled(text, values)
        return Failed(text, values)


def is_holding(operation: Operation) -> bool:
    """Whether it waits for a person (or for a time that a person can cut short)."""
    return operation.memory.get("phase") == "hold" and operation.went_on_at is None


def _phase(step: Step, found: Found) -> str:
    match step:
        case Hold():
            return "hold"
        case Paused():
            return "paused"
    return "main" if found.main and found.main.ours else "aside" if found.side or found.serving else "begin"


KINDS = (Publish(PUBLISH, _("publish")), Publish(ROLLBACK, _("roll back")))
