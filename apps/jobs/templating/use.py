"""From a template to a job, and from a job to a template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput
from apps.jobs.models import Job, JobOrigin, JobTemplate, JobTemplateVersion, JobVersion
from apps.jobs.services.drafts import may_edit
from apps.jobs.templating.parameters import parameters_validate, sample_values, values_validate
from apps.jobs.templating.placeholders import escape, fill, placeholder
from apps.jobs.templating.services import NewTemplate, template_create

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class Made:
    """A spec as a template's version made it, with the values that it was made with; not yet checked."""

    version: JobTemplateVersion
    values: dict[str, Any]
    spec: dict[str, Any]


def spec_make(version: JobTemplateVersion, given: Any) -> Made:
    """Raises InvalidInput: `parameters.name` for a bad value, `spec.…` for a placeholder."""
    values = values_validate(version.parameters, given)
    return Made(version, values, fill(version.spec, values))


@dataclass(frozen=True, slots=True)
class Turned:
    """A field of a job (`env.LEVEL`, `ports[0].name`, as error messages name it) that becomes a parameter; `shape` is
    the parameter, whose default is the job's own value unless it says otherwise."""

    field: str
    shape: Mapping[str, Any]


@transaction.atomic
def job_save_as_template(
    *, job: Job, new: NewTemplate, turned: Sequence[Turned], by: User, version: int | None = None
) -> JobTemplate:
    """A template with the job's values, some of them turned into parameters. The job follows it from now on, where the
    person may change the job, its product line may know of the template, and it follows no other one. `new.spec` and
    `new.parameters` are made here. Raises InvalidInput, Forbidden."""
    row = JobVersion.objects.filter(job=job, number=version or job.latest_version).first()
    if row is None:
        text = _("There is no version %(number)s; the latest is %(latest)s.")
        text %= {"number": version, "latest": job.latest_version}
        raise InvalidInput(FieldError("version", "unknown_version", text))
    spec, parameters = _turn(row.spec, turned)
    template = template_create(
        new=NewTemplate(
            name=new.name,
            title=new.title,
            title_zh=new.title_zh,
            product_line=new.product_line,
            note=new.note,
            spec=spec,
            parameters=parameters,
        ),
        by=by,
    )
    follows = may_edit(job, by=by) and template.is_for(job.product_line) and row.number == job.latest_version
    if follows and not JobOrigin.objects.filter(job=job).exists():
        first = JobTemplateVersion.objects.get(template=template, number=1)
        JobOrigin.objects.create(job=job, version=first, parameters=_values_of(first, row.spec, turned))
    return template


def _turn(spec: Mapping[str, Any], turned: Sequence[Turned]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The template's spec and parameters."""
    made: dict[str, Any] = escape(deepcopy(dict(spec)))
    errors, parameters = [], []
    for index, each in enumerate(turned):
        try:
            group, key, value = _at(made, each.field)
        except LookupError:
            text = _("The job has no field %(field)s.") % {"field": each.field}
            errors.append(FieldError(f"parameters[{index}].field", "unknown_field", text))
            continue
        if not isinstance(value, str | int | float | bool):
            text = _("Only a text, a number, or yes and no can become a parameter.")
            errors.append(FieldError(f"parameters[{index}].field", "invalid", text))
            continue
        parameters.append(_parameter(each.shape, _at(spec, each.field)[2]))
        group[key] = placeholder(str(each.shape.get("name", "")))
    if errors:
        raise InvalidInput(*errors)
    return made, parameters


def _parameter(shape: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """The parameter, of the value's type and with the value as default where it says nothing of them."""
    kinds = {bool: "boolean", int: "integer", float: "number"}
    found = {"type": kinds.get(type(value), "text"), **shape}
    return found if found.get("required") or "default" in found else {**found, "default": value}


def _values_of(
    version: JobTemplateVersion, spec: Mapping[str, Any], turned: Sequence[Turned]
) -> dict[str, Any]:
    own = {str(each.shape["name"]): _at(spec, each.field)[2] for each in turned}
    return values_validate(
        version.parameters, {**sample_values(parameters_validate(version.parameters)), **own}
    )


def _at(spec: Any, path: str) -> tuple[Any, Any, Any]:
    """The group that holds a field, its key there, and its value. Raises LookupError."""
    if not path:
        raise LookupError(path)
    group: Any = None
    key: Any = None
    value = spec
    # A key may hold dots and brackets itself, such as a label's: the longest that is there counts.
    rest = path
    while rest:
        group, key, rest = _step(value, rest)
        value = group[key]
    return group, key, value


def _step(value: Any, rest: str) -> tuple[Any, Any, str]:
    if isinstance(value, dict):
        name = rest.removeprefix(".")
        for key in sorted(value, key=len, reverse=True):
            if name == key or name.startswith((f"{key}.", f"{key}[")):
                return value, key, name[len(key) :]
    elif isinstance(value, list) and (found := re.match(r"\[(\d+)\]", rest)):
        return value, int(found[1]), rest[found.end() :]
    raise LookupError(rest)
