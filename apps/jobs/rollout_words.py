"""What a publish will do, in sentences with numbers. Pure: said on the preview before anybody agrees to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.jobs.spec.strategy import instances_aside
from apps.jobs.spec.workload import make_rollout
from engines.base import Rollout


@dataclass(frozen=True, slots=True)
class PlannedRollout:
    """A publish of `version` with `instances`, while `present` instances of `old_version` run (None: nothing does).
    `strategy` is the one that will be used."""

    version: int
    instances: int
    old_version: int | None
    present: int
    strategy: Mapping[str, Any]
    in_place: bool = False  # with persistent volumes

    def sentences(self) -> list[str]:
        """In the active language, in the order in which it happens."""
        if not self.present:
            steps = [self._start()]
        elif self.strategy["kind"] == "recreate":
            steps = [self._recreate()]
        elif self.strategy["kind"] == "canary":
            steps = [*self._canary(), self._replace(), *self._limits()]
        elif self.strategy["kind"] == "blue-green":
            steps = self._blue_green()
        else:
            steps = [self._replace(), *self._limits()]
        if self.present and self.instances != self.present:
            text = _("Instances afterwards: %(after)s; now: %(now)s.")
            steps.append(text % {"after": self.instances, "now": self.present})
        return [*steps, *self._slow(), self._deadline()]

    @property
    def _rollout(self) -> Rollout:
        return make_rollout(self.strategy, instances=self.instances, in_place=self.in_place)

    def _start(self) -> str:
        return ngettext(
            "Starts %(count)s instance of version %(version)s; none runs now.",
            "Starts %(count)s instances of version %(version)s; none runs now.",
            self.instances,
        ) % {"count": self.instances, "version": self.version}

    def _recreate(self) -> str:
        return ngettext(
            "Stops the only instance, then starts %(new)s of version %(version)s: nothing serves in between.",
            "Stops all %(count)s instances, then starts %(new)s of version %(version)s: nothing serves in between.",
            self.present,
        ) % {"count": self.present, "new": self.instances, "version": self.version}

    def _canary(self) -> list[str]:
        first = instances_aside(self.strategy, instances=self.instances)
        text = ngettext(
            "Starts %(first)s of %(count)s instance of version %(version)s first, beside the old ones.",
            "Starts %(first)s of %(count)s instances of version %(version)s first, beside the old ones.",
            self.instances,
        )
        seconds = self.strategy["hold_s"]
        hold = (
            _("When well, as many old ones end, and it waits for you: go on with the rest, or undo.")
            if seconds is None
            else _("When well, as many old ones end; %(seconds)s s later the rest follows, unless you undo.")
            % {"seconds": seconds}
        )
        return [text % {"first": first, "count": self.instances, "version": self.version}, hold]

    def _blue_green(self) -> list[str]:
        beside = ngettext(
            "Starts %(count)s instance of version %(version)s beside the old ones, which serve on.",
            "Starts all %(count)s instances of version %(version)s beside the old ones, which serve on.",
            self.instances,
        )
        switch = _("When all are well, they serve. Old instances that are kept to switch back to: %(old)s.")
        seconds = self.strategy["hold_s"]
        hold = (
            _("Then it waits for you: go on, and the old ones end; or undo, which switches back at once.")
            if seconds is None
            else _("%(seconds)s s later the old ones end, unless you undo, which switches back at once.")
            % {"seconds": seconds}
        )
        return [
            beside % {"count": self.instances, "version": self.version},
            switch % {"old": self.present},
            hold,
        ]

    def _slow(self) -> list[str]:
        count = self.strategy.get("slow_tolerated", 0)
        if not count:
            return []
        text = ngettext(
            "%(count)s instance may still be starting when it is over; that is said.",
            "%(count)s instances may still be starting when it is over; that is said.",
            count,
        )
        return [text % {"count": count}]

    def _replace(self) -> str:
        rollout = self._rollout
        step = max(1, rollout.max_surge + rollout.max_unavailable)
        return ngettext(
            "Replaces %(count)s instance by version %(version)s, at most %(step)s at a time.",
            "Replaces %(count)s instances by version %(version)s, at most %(step)s at a time.",
            self.present,
        ) % {"count": self.present, "version": self.version, "step": step}

    def _limits(self) -> list[str]:
        rollout = self._rollout
        extra = ngettext(
            "At most %(count)s extra instance runs meanwhile.",
            "At most %(count)s extra instances run meanwhile.",
            rollout.max_surge,
        )
        missing = ngettext(
            "At most %(count)s instance is missing at any moment.",
            "At most %(count)s instances are missing at any moment.",
            rollout.max_unavailable,
        )
        return [
            extra % {"count": rollout.max_surge} if rollout.max_surge else _("None runs extra."),
            missing % {"count": rollout.max_unavailable}
            if rollout.max_unavailable
            else _("None is missing at any moment."),
        ]

    def _deadline(self) -> str:
        seconds = self.strategy["deadline_s"]
        if self.old_version is None or not self.present:
            text = _("Not healthy after %(seconds)s s, it is given up, and the reason is kept.")
            return text % {"seconds": seconds}
        if self.old_version == self.version:
            text = _("Not healthy after %(seconds)s s, it is given up; version %(version)s stays.")
            return text % {"seconds": seconds, "version": self.version}
        text = _("Not healthy after %(seconds)s s, it is given up and version %(old)s serves on.")
        return text % {"seconds": seconds, "old": self.old_version}
