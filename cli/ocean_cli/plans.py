"""What has to be done so that jobs are as they are written: pure decisions, from what the console found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ocean_cli.documents import Document
from ocean_cli.errors import BadInput

Action = Literal["create", "change", "publish", "scale", "unchanged", "delete"]


@dataclass(frozen=True, slots=True)
class Step:
    """One job. `save`: a version is to be saved (`create` for the first one); `publish`; `instances`: scale to so many
    (None: leave them). `changes` are what a save changes; `found` is the job as it is, None for a new one."""

    tag: str
    action: Action
    document: Document | None
    spec: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]] = ()
    found: Mapping[str, Any] | None = None
    publish: bool = False
    instances: int | None = None
    depends_on: frozenset[str] = frozenset()

    @property
    def saves(self) -> bool:
        return self.action in ("create", "change")

    @property
    def scales_after(self) -> bool:
        """Whether the scaling has to wait for the publish: one operation at a time works on a job."""
        return self.publish and self.instances is not None

    @property
    def does_something(self) -> bool:
        return self.action != "unchanged"

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.tag,
            "action": self.action,
            "changes": list(self.changes),
            "publish": self.publish,
            "instances": self.instances,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of each stage may be done side by side; the next stage depends on them."""

    stages: Sequence[Sequence[Step]]
    prune: Sequence[Step] = field(default=())

    @property
    def steps(self) -> list[Step]:
        return [*(step for stage in self.stages for step in stage), *self.prune]

    @property
    def does_something(self) -> bool:
        return any(step.does_something for step in self.steps)

    def all_published(self) -> Plan:
        """The same, with a publish of those too that run as they are written."""
        return Plan([[_published(step) for step in stage] for stage in self.stages], self.prune)


def plan_apply(
    documents: Sequence[Document],
    rows: Sequence[Mapping[str, Any]],
    *,
    publish: bool = True,
    keep_instances: bool = False,
    prune: Sequence[Mapping[str, Any]] = (),
) -> Plan:
    """The whole plan. `rows` are the console's, in the documents' order; `prune` are the jobs that the selector means,
    of which those without a document go. Raises BadInput for jobs that depend on each other in a circle."""
    steps = [
        _step(document, row, publish=publish, keep_instances=keep_instances)
        for document, row in zip(documents, rows, strict=True)
    ]
    written = {step.tag for step in steps}
    gone = [
        Step(row["tag"], "delete", None, {}, found=row)
        for row in prune
        if row["tag"] not in written and not row["managed_by"]
    ]
    return Plan(stages_of(steps), gone)


def _published(step: Step) -> Step:
    return replace(step, publish=True, action="publish" if step.action == "unchanged" else step.action)


def _step(document: Document, row: Mapping[str, Any], *, publish: bool, keep_instances: bool) -> Step:
    found, spec, changes = row["job"], row["spec"], row["changes"]
    action: Action = "unchanged"
    if found is None:
        action = "create"
    elif changes:
        action = "change"
    runs = publish and (found is None or bool(changes) or found["running_version"] != found["version"])
    instances = None if keep_instances else _instances(document, found, publishes=runs, changes=changes)
    if action == "unchanged" and runs:
        action = "publish"
    elif action == "unchanged" and instances is not None:
        action = "scale"
    return Step(
        tag=row["tag"],
        action=action,
        document=document,
        spec=spec,
        changes=changes,
        found=found,
        publish=runs,
        instances=instances,
        depends_on=frozenset(spec.get("depends_on", [])),
    )


def _instances(
    document: Document,
    found: Mapping[str, Any] | None,
    *,
    publishes: bool,
    changes: Sequence[Mapping[str, Any]],
) -> int | None:
    """How many to scale to: only where the document says a number, and no publish brings it about. (A publish takes its
    version's number when it differs from the one before; otherwise a scaling by hand stays.)"""
    wanted = document.content.get("spec", {}).get("instances")
    if wanted is None or found is None or found["running_version"] is None:
        return None
    if publishes and any(change["field"] == "instances" for change in changes):
        return None
    return wanted if found["instances"]["wanted"] != wanted else None


def stages_of(steps: Sequence[Step]) -> list[list[Step]]:
    """In the order of `depends_on`: what a job needs is in an earlier stage. Raises BadInput for a circle."""
    ahead = {step.tag: step for step in steps}
    stages: list[list[Step]] = []
    while ahead:
        ready = [step for step in ahead.values() if not step.depends_on & ahead.keys()]
        if not ready:
            names = ", ".join(step.document.name if step.document else step.tag for step in ahead.values())
            raise BadInput(f"These jobs depend on each other in a circle: {names}")
        stages.append(ready)
        for step in ready:
            del ahead[step.tag]
    return stages
