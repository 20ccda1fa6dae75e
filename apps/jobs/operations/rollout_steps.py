"""Carrying out the steps of a rollout: each is one call of the scheduler, or one row, and a line in the log.

None need be remembered to be done once: definitions carry the operation's mark, numbers are absolute, instances are
named, and whoever plans the next step looks first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from apps.core.live import announce
from apps.core.models import OperationLog
from apps.core.operations.services import operation_note
from apps.jobs.models import Job
from apps.jobs.operations.base import PUTTING_BACK, Work
from apps.jobs.operations.definition import define
from apps.jobs.rollout.values import (
    Copy,
    EndAgain,
    EndOld,
    GrowMain,
    LetGo,
    PutBackMain,
    RemoveMain,
    RemoveSide,
    ReplaceMain,
    RollBack,
    StartSide,
    Step,
    Switch,
)
from apps.jobs.signals import instances_changed
from apps.jobs.spec.workload import make_rollout
from engines.base import DeploymentId, Ending, Submission

SIDE_ASKED = gettext_noop(
    "Instances of version %(version)s asked for beside those that serve: %(count)s; deployment %(deployment)s."
)
MAIN_ASKED = gettext_noop(
    "Asked to replace the old instances by version %(version)s; deployment %(deployment)s."
)
ASKED = gettext_noop("The scheduler took it; deployment %(deployment)s.")
NOTHING_TO_DO = gettext_noop("The scheduler had nothing to do.")
GREW = gettext_noop("Instances asked for in the job's own place: %(count)s.")
CUT = gettext_noop("Ended the scheduler's deployment as it was; what runs stays.")
SIDE_GOES = gettext_noop("Ending what runs beside.")
MAIN_GOES = gettext_noop("Nothing ran before: ending what was started.")
ENDING_OLD = gettext_noop("Ending the next old instances, on: %(hosts)s.")
ENDING_AGAIN = gettext_noop(
    "Still not ended after %(seconds)s s, so told again to go at once; instances on: %(hosts)s."
)
SWITCHED = gettext_noop("Version %(version)s serves from now on.")
SWITCHED_BACK = gettext_noop("The old version serves again.")
TOLD_HOSTS = 20


class Doing:
    """Does steps for one operation. `do` may raise `clients.errors.RemoteError`, SecretMissing, FilesTooLarge."""

    def __init__(self, work: Work, *, in_place: bool, drain_s: int) -> None:
        self._work = work
        self._in_place = in_place
        self._drain_s = drain_s

    def do(self, step: Step, *, now: datetime) -> bool:
        """Whether it was something to do."""
        match step:
            case StartSide():
                self._start_side(step)
            case ReplaceMain():
                self._replace_main(step)
            case PutBackMain():
                self._put_back(step)
            case GrowMain():
                with self._work.trying():
                    self._work.engine.scale(self._work.workload_id, instances=step.instances, force=True)
                self._work.say(GREW, count=step.instances)
            case RollBack():
                self._work.say(PUTTING_BACK)
                self._work.engine.cancel(step.deployment)
            case LetGo():
                self._work.engine.cancel(step.deployment, roll_back=False)
                self._work.say(CUT)
            case RemoveMain():
                self._work.engine.delete(self._work.workload_id)
                self._work.memory["main_to_go"] = True
                self._work.say(MAIN_GOES)
            case RemoveSide():
                self._work.engine.delete(self._work.side_id)
                self._work.memory["side_to_go"] = True
                self._work.say(SIDE_GOES)
            case EndOld():
                self._end_old(step)
            case EndAgain():
                self._end_again(step, now=now)
            case Switch():
                self._switch(step)
            case _:
                return False
        return True

    @property
    def _version(self) -> int:
        version: int = self._work.parameters["version"]
        return version

    def _start_side(self, step: StartSide) -> None:
        work = self._work
        workload = define(
            work.job,
            number=self._version,
            spec=work.spec(self._version),
            instances=step.instances,
            strategy=none_missing(step.instances),
            mark=work.mark,
            path=work.side_id,
        )
        with work.trying():
            submission = work.engine.apply(workload, force=bool(work.parameters.get("takes_over")))
        work.memory["side_to_go"] = False
        work.taken(submission.deployment_id)
        work.say(SIDE_ASKED, count=step.instances, version=self._version, deployment=_name(submission))

    def _replace_main(self, step: ReplaceMain) -> None:
        work = self._work
        usual = work.parameters["strategy"]
        workload = define(
            work.job,
            number=self._version,
            spec=work.spec(self._version),
            instances=step.instances,
            strategy=at_once(step.instances) if step.at_once else usual,
            mark=work.mark,
        )
        if step.at_once:
            rollout = make_rollout(usual, instances=step.instances, in_place=self._in_place)
            workload = replace(workload, usual_rollout=rollout)
        beside = bool(work.memory.get("asked"))
        with work.trying():
            submission = work.engine.apply(workload, force=step.force)
        main_taken(work, submission.deployment_id)
        if beside:
            work.say(MAIN_ASKED, version=self._version, deployment=_name(submission))
        elif submission.deployment_id:
            work.say(ASKED, deployment=submission.deployment_id)
        else:
            work.say(NOTHING_TO_DO)

    def _put_back(self, step: PutBackMain) -> None:
        """The definition of before, whatever is under way; under a mark of its own, which is not the publish's."""
        work = self._work
        previous = work.parameters["previous"]["version"]
        workload = define(
            work.job,
            number=previous,
            spec=work.spec(previous),
            instances=step.instances,
            strategy=None,
            mark=f"{work.mark}-back",
        )
        work.say(PUTTING_BACK)
        work.engine.apply(workload, force=True)

    def _end_old(self, step: EndOld) -> None:
        replaced = Ending.REPLACE if self._in_place else Ending.GIVE_UP
        ids = [copy.id for copy in step.copies]
        self._work.engine.end(ids, how=Ending.SHRINK if step.shrink else replaced)
        self._work.say(ENDING_OLD, hosts=hosts_of(step.copies))

    def _end_again(self, step: EndAgain, *, now: datetime) -> None:
        how = Ending.REPLACE if self._in_place else Ending.GIVE_UP
        self._work.engine.end([copy.id for copy in step.copies], how=how)
        self._work.memory["ending"] |= {copy.id: now.isoformat() for copy in step.copies}
        operation_note(
            self._work.operation,
            ENDING_AGAIN,
            level=OperationLog.Level.WARNING,
            seconds=self._drain_s,
            hosts=hosts_of(step.copies),
        )

    def _switch(self, step: Switch) -> None:
        job = self._work.job
        if step.to == "side":
            self._work.say(SWITCHED, version=self._version)
        elif step.to == "main" and job.serving == "side":
            self._work.say(SWITCHED_BACK)
        Job.objects.filter(pk=job.pk).update(serving=step.to)
        job.serving = step.to
        announce("jobs", f"job:{job.pk}")
        instances_changed.send_robust(sender=Job, job_ids=frozenset({job.pk}))


def main_taken(work: Work, deployment: DeploymentId | None) -> None:
    """The scheduler has the new definition of the job's own workload, by this deployment of its."""
    work.memory["main"] = True
    work.memory["deployment"] = deployment or ""
    work.taken(deployment)


def _name(submission: Submission) -> str:
    return submission.deployment_id or "–"


def hosts_of(copies: Iterable[Copy]) -> str:
    """Where they are, in one line."""
    return ", ".join(sorted({copy.host for copy in copies})[:TOLD_HOSTS])


def at_once(instances: int) -> dict[str, Any]:
    """The strategy of a workload that does not serve while its instances are replaced. One extra is allowed: with none
    Marathon never begins where the old ones are all ill."""
    return {"kind": "rolling", "batch": instances, "max_unavailable": instances, "max_surge": 1}


def none_missing(instances: int) -> dict[str, Any]:
    """The strategy of a workload whose new instances all come up before an old one goes."""
    return {"kind": "rolling", "batch": instances, "max_unavailable": 0, "max_surge": instances}
