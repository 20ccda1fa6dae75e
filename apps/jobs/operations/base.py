"""The shared shape of a job's operations: look at what is true, ask once, follow until it is seen to be true.

Every step can be repeated: the worker may be killed at any line, and a write whose answer was lost may have
happened. So each `ask` first looks whether its effect is already there, recognised by the operation's label or by
what it wrote down before it asked.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Again, Cancelled, Done, End, Failed, Outcome
from apps.core.operations.services import operation_note
from apps.jobs.explain import summarise
from apps.jobs.masking import job_engines
from apps.jobs.mirror.apply import mirror_apply, mirror_missing, sides_missing, states_refresh
from apps.jobs.mirror.confirm import Look, mirror_confirm
from apps.jobs.mirror.why import job_diagnose
from apps.jobs.models import Job, JobEvent, JobVersion
from apps.jobs.operations.looks import SharedLook
from apps.jobs.planning import side_path
from apps.jobs.services.history import Happening, history_write
from apps.jobs.services.releases import releases_wake
from clients.errors import RemoteError, Unreached
from engines.base import DeploymentId, Engine, InstanceId, WorkloadId, WorkloadStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = logging.getLogger(__name__)

_SETTLED = (
    "wanted", "target_version", "running_version", "serving", "moved_to", "deleted_at",
    "running", "healthy", "staging", "state", "state_since", "problems",
)  # fmt: skip
LOOK_AGAIN_S = 2.0
ROLL_BACK_WITHIN = timedelta(minutes=2)

ASKED = gettext_noop("The scheduler took it; deployment %(deployment)s.")
NOTHING_TO_DO = gettext_noop("The scheduler had nothing to do.")
GONE = gettext_noop("The scheduler no longer has this job.")
NEVER_TAKEN = gettext_noop("The scheduler could not be asked in time. It last said: %(fault)s")
NOT_IN_TIME = gettext_noop(
    "Not as wanted after %(seconds)s s: %(count)s of %(wanted)s instances are well. %(why)s"
)
CALLED_OFF = gettext_noop("Cancelled. What had happened by then stays.")
PUTTING_BACK = gettext_noop("Putting back what ran before.")
CANCELLED_EARLY = gettext_noop("Cancelled before anything was asked of the scheduler.")


@dataclass(slots=True)
class Work:
    """One step's things at hand."""

    operation: Operation
    job: Job
    engine: Engine
    seen: tuple[WorkloadStatus | None, datetime] | None = None
    seen_beside: tuple[WorkloadStatus | None, datetime] | None = None
    together: SharedLook | None = None
    specs: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    successor: Operation | None = None

    @property
    def memory(self) -> dict[str, Any]:
        memory: dict[str, Any] = self.operation.memory
        return memory

    @property
    def parameters(self) -> Mapping[str, Any]:
        parameters: Mapping[str, Any] = self.operation.parameters
        return parameters

    def spec(self, number: int) -> Mapping[str, Any]:
        """A version's; read once."""
        if number not in self.specs:
            self.specs[number] = JobVersion.objects.get(job=self.job, number=number).spec
        return self.specs[number]

    @property
    def mark(self) -> str:
        """What tells this operation from every other, also from one that had its number before a database was
        restored: the number and the moment it was asked for."""
        return f"{self.operation.pk}-{self.operation.created_at:%Y%m%dT%H%M%S%f}"

    @property
    def workload_id(self) -> WorkloadId:
        return WorkloadId(self.job.workload_id)

    @property
    def side_id(self) -> WorkloadId:
        return WorkloadId(side_path(self.job.workload_id))

    def look_beside(self) -> WorkloadStatus | None:
        """What the scheduler says now of the workload beside the job's own."""
        asked_at = timezone.now()
        status = self.engine.get(self.side_id)
        self.seen_beside = (status, asked_at)
        return status

    def look(self) -> WorkloadStatus | None:
        """What the scheduler says now; the first look of a step is shared with the steps that are taken beside it."""
        shared = self.together.take(self.workload_id) if self.together else None
        if shared is None:
            asked_at = timezone.now()
            shared = self.engine.get(self.workload_id), asked_at
        self.seen = shared
        return shared[0]

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Ask the scheduler in this block. From then on only a look can tell whether it was, but where nothing left."""
        tried = self.memory.get("tried", False)
        self.memory["tried"] = True
        try:
            yield
        except Unreached:
            self.memory["tried"] = tried
            raise

    @property
    def may_have_asked(self) -> bool:
        """Whether anything may have been asked of the scheduler: it was tried, or a worker died that may have. (What is
        noted in a step is written down at its end.)"""
        return any(self.memory.get(name) for name in ("tried", "asked", "resumed"))

    def taken(self, deployment: DeploymentId | str | None) -> None:
        """Note that the scheduler took it, by this deployment of its (none where it had nothing to do)."""
        self.memory["asked"] = True
        self.operation.deployment_id = deployment or ""

    def let_go(self, status: WorkloadStatus) -> None:
        """End the operation's own deployment as it is, so that it no longer holds the job."""
        deployment = DeploymentId(self.operation.deployment_id)
        if deployment in status.deployments:
            self.engine.cancel(deployment, roll_back=False)

    def say(self, text: str, **values: Any) -> None:
        """Log a line, once for each new wording."""
        said = [text, values]
        if self.memory.get("said") != said:
            self.memory["said"] = said
            operation_note(self.operation, text, **values)

    def diagnose(self, status: WorkloadStatus) -> None:
        """Ask why it is not as wanted, and keep the answer: for the pages, and for the reason of a failure, as at the
        deadline itself the culprit may just be being replaced. What cannot be answered stops nothing."""
        try:
            problems = job_diagnose(self.job, status, engine=self.engine, operation=True)
        except RemoteError as exc:
            log.warning("operation_not_diagnosed", extra={"error": str(exc)})
            return
        if why := summarise(problem for problem in problems if problem.severity != "info"):
            self.memory["why"] = why

    def why(self, status: WorkloadStatus) -> list[dict[str, Any]]:
        """The reason that a failure keeps, as stored sentences: the present one, or the last that was seen."""
        self.diagnose(status)
        why: list[dict[str, Any]] = self.memory.get("why", [])
        return why


class OnJob(ABC):
    """An operation on a job: what all have in common."""

    name: str
    label: StrOrPromise
    queue = "operations"
    deadline = timedelta(hours=1)
    """How long to keep trying a scheduler that is away; a kind's own limit counts from when it took the change."""

    @abstractmethod
    def step(self, operation: Operation) -> Outcome: ...

    @abstractmethod
    def deadline_passed(self, operation: Operation) -> Outcome: ...

    def prepare(self, operations: Sequence[Operation]) -> None:
        prepare_works(operations)

    def keep(self, operations: Sequence[Operation]) -> None:
        """Who reads that an operation has ended finds the job as it left it. (While it is under way the mirror is the
        watcher's, which mostly had it all and rang for this step.)"""
        mirror_keep([operation.prepared for operation in operations if operation.prepared])

    def lock_targets(self, operations: Sequence[Operation]) -> None:
        """The jobs before their operations, as whoever asks for one locks them; in one order, as the mirror does."""
        jobs = Job.objects.filter(pk__in=[operation.target_id for operation in operations])
        list(jobs.select_for_update(no_key=True).order_by("pk").values_list("pk"))

    def all_ended(self, ends: Sequence[End]) -> None:
        jobs = Job.objects.in_bulk([operation.target_id for operation, _outcome in ends])
        lines: list[tuple[Job, Happening]] = []
        for operation, outcome in ends:
            self.settle(operation, jobs[operation.target_id], outcome)
        states_refresh(list(jobs.values()), with_fields=_SETTLED)
        for operation, outcome in ends:
            level = JobEvent.Level.INFO if isinstance(outcome, Done) else JobEvent.Level.WARNING
            text, values = _words(outcome)
            if text:
                key = f"operation:{operation.pk}"
                happening = Happening(operation.kind, key, text, values, level=level, operation=operation)
                lines.append((jobs[operation.target_id], happening))
        history_write(lines)
        releases_wake([operation for operation, _outcome in ends])

    def ended(self, operation: Operation, outcome: Outcome) -> None:
        self.all_ended([(operation, outcome)])

    def settle(self, operation: Operation, job: Job, outcome: Outcome) -> None:  # noqa: B027 - most have nothing
        """What the end means for the job's own row, of whose fields the caller writes those in _SETTLED."""

    def _work(self, operation: Operation) -> Work:
        if operation.prepared is None:
            prepare_works([operation])
        work: Work = operation.prepared
        return work


class JobKind(OnJob):
    """An operation that asks the scheduler once. Subclasses say how to ask, when it is true, and what to do when time
    is up or somebody calls it off."""

    follow_for = timedelta(minutes=10)
    looks_first = True
    """Whether to look before asking for the first time: not where asking for what is so already is harmless."""

    def step(self, operation: Operation) -> Outcome:
        work = self._work(operation)
        if operation.cancel_requested_at is not None:
            return self._end(work)
        if not work.memory.get("asked"):
            return self._ask(work)
        return self._follow(work, work.look())

    def deadline_passed(self, operation: Operation) -> Outcome:
        return self._end(self._work(operation))

    # --- what a kind says of itself --------------------------------------------------------------------

    @abstractmethod
    def already_asked(self, work: Work, status: WorkloadStatus | None) -> bool:
        """Whether the effect of asking is already there: an earlier try got through."""

    @abstractmethod
    def ask(self, work: Work, status: WorkloadStatus | None) -> DeploymentId | None:
        """Ask the scheduler, once. Returns its deployment, None when it had nothing to do."""

    @abstractmethod
    def come_true(self, work: Work, status: WorkloadStatus | None) -> Done | None:
        """Whether it is as it was asked for. Looked at before anything is put back, too: the deadline may have passed,
        or somebody called it off, while nobody looked."""

    @abstractmethod
    def follow(self, work: Work, status: WorkloadStatus) -> Outcome:
        """It was taken and has not come true yet: how far is it?"""

    @abstractmethod
    def time_is_up(self, work: Work, status: WorkloadStatus) -> Outcome:
        """The deadline passed: put back what should be put back, then fail with the reason."""

    def call_off(self, work: Work, status: WorkloadStatus) -> Outcome:
        """Somebody asked to stop: by default the scheduler's deployment is let go, and what it did stays."""
        work.let_go(status)
        return Cancelled(CALLED_OFF)

    def gone(self, work: Work) -> Outcome:
        """The scheduler does not have the job any more."""
        return Failed(GONE)

    # --- shared steps ----------------------------------------------------------------------------------

    def _ask(self, work: Work) -> Outcome:
        status = work.look() if self.looks_first or work.may_have_asked else None
        if not self._was_taken(work, status):
            with work.trying():
                work.taken(self.ask(work, status))
        work.operation.deadline_at = timezone.now() + self.time_limit(work)
        if work.operation.deployment_id:
            work.say(ASKED, deployment=work.operation.deployment_id)
        else:
            work.say(NOTHING_TO_DO)
        return Again(after_s=1.0, progress=1)  # the mirror rings as soon as the job has settled

    def _was_taken(self, work: Work, status: WorkloadStatus | None) -> bool:
        """Whether the scheduler took it; notes what an earlier try, whose answer was lost, could not."""
        if work.memory.get("asked"):
            return True
        if not self.already_asked(work, status):
            return False
        work.taken(status.deployments[0] if status and status.deployments else "")
        return True

    def _follow(self, work: Work, status: WorkloadStatus | None) -> Outcome:
        if done := self.come_true(work, status):
            return done
        return self.gone(work) if status is None else self.follow(work, status)

    def _end(self, work: Work) -> Outcome:
        """Time is up, or somebody called it off."""
        called_off = work.operation.cancel_requested_at is not None
        if called_off and not work.may_have_asked:
            return Cancelled(CANCELLED_EARLY)
        status = work.look()
        if not self._was_taken(work, status):
            if called_off:
                return Cancelled(CANCELLED_EARLY)
            return Failed(NEVER_TAKEN, {"fault": work.memory.get("last_fault", "")})
        if done := self.come_true(work, status):
            return done
        if status is None:
            return self.gone(work)
        return self.call_off(work, status) if called_off else self.time_is_up(work, status)

    def time_limit(self, work: Work) -> timedelta:
        """How long it may take from when the scheduler took it; instances that end have their time to do so."""
        spec = work.spec(work.job.target_version or work.job.latest_version)
        return self.follow_for + timedelta(seconds=spec["kill_grace_s"])


def follow_again(work: Work, status: WorkloadStatus, *, progress: int, text: str, **values: Any) -> Again:
    """Not there yet: say how far it is, and where nothing moved since the last look, ask why."""
    if work.memory.get("seen") == values:
        work.diagnose(status)
    work.memory["seen"] = values
    work.say(text, **values)
    return Again(after_s=LOOK_AGAIN_S, progress=progress, message=text, values=values)


def prepare_works(operations: Sequence[Operation]) -> None:
    """The things at hand of the next step of each; five statements, however many they are."""
    rows = Job.objects.select_related("cluster", "product_line", "side")
    jobs = rows.in_bulk([operation.target_id for operation in operations])
    engines = job_engines(jobs.values())
    waiting = Operation.objects.next_in_line().filter(after__in=list(operations)).only("after", "parameters")
    successors = {one.after_id: one for one in waiting}
    specs: defaultdict[int, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    known = [operation for operation in operations if operation.target_id in jobs]
    numbers = {one.parameters.get("version") or jobs[one.target_id].target_version or 0 for one in known}
    versions = JobVersion.objects.filter(job__in=jobs, number__in=numbers)
    for job_id, number, spec in versions.values_list("job_id", "number", "spec"):
        specs[job_id][number] = spec
    looks: dict[tuple[int, int], SharedLook] = {}  # of those whose engine masks alike
    for operation in known:
        job = jobs[operation.target_id]
        look = looks.setdefault((job.cluster_id, job.product_line_id), SharedLook(engines[job.pk]))
        operation.prepared = Work(
            operation=operation,
            job=job,
            engine=engines[job.pk],
            specs=specs[job.pk],
            successor=successors.get(operation.pk),
            together=look,
        )
        if operation.prepared.may_have_asked and not job.is_large:
            look.add(operation.prepared.workload_id, tag=job.tag)


def mirror_keep(works: Sequence[Work]) -> None:
    """Give the mirror what these saw last of their jobs, where it has not all of it."""
    seen_last = [(work.job, *work.seen) for work in works if work.seen is not None]
    confirmed = mirror_confirm([Look(job, status, at) for job, status, at in seen_last if status is not None])
    for work in works:
        for seen, missing in ((work.seen, mirror_missing), (work.seen_beside, sides_missing)):
            if seen is None:
                continue
            status, asked_at = seen
            if status is None:
                missing([work.job.pk], at=asked_at)
            elif seen is not work.seen or work.job.pk not in confirmed:
                mirror_apply(work.job.cluster, [status], at=asked_at)


def started_instances(status: WorkloadStatus) -> set[InstanceId]:
    return {instance.id for instance in status.instances or ()}


def _words(outcome: Outcome) -> tuple[str, dict[str, Any]]:
    match outcome:
        case Failed():
            return outcome.reason, dict(outcome.values)
        case Done() | Cancelled():
            return outcome.message, dict(outcome.values)
    return "", {}
