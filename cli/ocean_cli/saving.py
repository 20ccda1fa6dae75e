"""Doing what a plan says, over the API: versions are saved, jobs published and scaled, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ocean_cli.documents import Document, refused
from ocean_cli.errors import BadInput, CliError
from ocean_cli.following import refuse_failed, wait_for
from ocean_cli.names import path_of
from ocean_cli.output import Output
from ocean_cli.plans import Plan, Step, plan_apply
from ocean_cli.words import change

if TYPE_CHECKING:
    from ocean_cli.http import Api

JSON = dict[str, Any]
_MADE_BY = ("template", "parameters")
_WORDS = {
    "create": ("+", "create", "green"),
    "change": ("~", "change", "yellow"),
    "publish": ("~", "publish", "yellow"),
    "scale": ("~", "scale", "yellow"),
    "delete": ("-", "delete", "red"),
    "unchanged": ("=", "unchanged", "dim"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to publish: the body of the call, and whether the last stage is waited for too."""

    publish: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    note: str = ""
    wait: bool = True
    deadline_s: float | None = None


def plan_of(
    api: Api,
    documents: Sequence[Document],
    *,
    publish: bool = True,
    keep_instances: bool = False,
    prune: Sequence[Mapping[str, Any]] = (),
) -> Plan:
    """The console compares, we decide. Raises BadInput with `file:line: field: words` for every refused field."""
    rows: list[JSON] = []
    for start in range(0, len(documents), 100):
        rows += _compared(api, documents[start : start + 100])
    return plan_apply(documents, rows, publish=publish, keep_instances=keep_instances, prune=prune)


def _compared(api: Api, documents: Sequence[Document]) -> list[JSON]:
    body = {"jobs": [document.content for document in documents]}
    try:
        # It writes nothing, so that it may be asked again.
        answer = api.call("POST", "jobs/plan/", body=body, repeatable=True)
    except BadInput as exc:
        if exc.fields:
            raise BadInput(
                refused(list(documents), exc.fields), status=exc.status, problem=exc.problem
            ) from exc
        raise
    return list(answer["jobs"])


def plan_show(out: Output, plan: Plan) -> None:
    """The plan as people read it: what changes field by field, the rest in one line."""
    for step in plan.steps:
        if step.action == "unchanged":
            continue
        sign, word, style = _WORDS[step.action]
        out.line(f"{sign} {word} {_named(step)}{_beside(step)}", style=style)
        for row in step.changes:
            out.line(f"    {change(dict(row))}")
    same = sum(step.action == "unchanged" for step in plan.steps)
    if same:
        out.line(f"= {same} unchanged", style="dim")


def _named(step: Step) -> str:
    return step.document.name if step.document else step.tag


def _beside(step: Step) -> str:
    parts = []
    if step.publish and step.action != "publish":
        parts.append("publish")
    if step.action == "publish" and step.found:
        parts.append(f"version {step.found['version']}")
    if step.instances is not None and step.found:
        parts.append(f"{step.found['instances']['wanted']} → {step.instances} instances")
    return f" ({', '.join(parts)})" if parts else ""


def plan_do(api: Api, out: Output, plan: Plan, options: Options) -> list[JSON]:
    """Do it. A stage begins when the one before has ended well. Returns the operations; raises CliError with the first
    stage in which one fails: what was done stays, and doing the same again goes on from there."""
    done: list[JSON] = []
    ends_at = None if options.deadline_s is None else time.monotonic() + options.deadline_s
    stages = [stage for stage in (*plan.stages, plan.prune) if any(step.does_something for step in stage)]
    for index, stage in enumerate(stages):
        is_last = index + 1 == len(stages)
        operations = _begin(api, stage, options)
        if options.wait or not is_last or any(step.scales_after for step in stage):
            try:
                operations = _ended(api, out, stage, operations, options, ends_at)
            except CliError as exc:
                if not is_last:
                    exc.hint = (
                        f"{exc.hint} What comes after it was not begun: do the same again to go on.".strip()
                    )
                raise
        done += operations
    return done


def _begin(api: Api, stage: Sequence[Step], options: Options) -> list[JSON]:
    started: list[JSON] = []
    try:
        for step in stage:
            if step.saves:
                save(api, step, note=options.note)
            if operation := _ask(api, step, options):
                started.append(operation)
    except CliError as exc:
        if started:
            numbers = " ".join(str(row["id"]) for row in started)
            exc.hint = f"{exc.hint} Others have begun: `ocean wait {numbers}` follows them.".strip()
        raise
    return started


def _ended(
    api: Api,
    out: Output,
    stage: Sequence[Step],
    operations: list[JSON],
    options: Options,
    ends_at: float | None,
) -> list[JSON]:
    if not operations:
        return []
    ended = wait_for(api, out, operations, deadline_s=_left(ends_at))
    refuse_failed(ended)
    later = [
        api.post(f"{path_of(step.tag)}scale/", _with_reason({"instances": step.instances}, options))
        for step in stage
        if step.scales_after
    ]
    if later:
        more = wait_for(api, out, later, deadline_s=_left(ends_at))
        refuse_failed(more)
        ended += more
    return ended


def _left(ends_at: float | None) -> float | None:
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())


def save(api: Api, step: Step, *, note: str = "") -> JSON:
    """Create the job, or save its next version. Raises Conflict when somebody saved since the plan was made."""
    if step.document is None:
        raise CliError(f"{step.tag} is written nowhere.")
    note = note or str(step.document.content.get("note", ""))
    if step.found is None:
        body = {**step.document.content, "note": note} if note else step.document.content
        return dict(api.post("jobs/", body))
    made_by = {key: step.document.content[key] for key in _MADE_BY if key in step.document.content}
    patch = {**made_by, "spec": step.spec, "version": step.found["version"], "note": note}
    return dict(api.patch(path_of(step.tag), patch))


def _ask(api: Api, step: Step, options: Options) -> JSON | None:
    path = path_of(step.tag)
    if step.action == "delete":
        return dict(api.delete(path))
    if step.publish:
        return dict(api.post(f"{path}publish/", _with_reason(dict(options.publish), options)))
    if step.instances is not None:
        return dict(api.post(f"{path}scale/", _with_reason({"instances": step.instances}, options)))
    return None


def _with_reason(body: JSON, options: Options) -> JSON:
    return {**body, "reason": options.reason} if options.reason else body
