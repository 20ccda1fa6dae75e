"""A spec as people read it: the job form's groups, only what is set, values with their units."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import Field
from django.utils.translation import gettext as _

from apps.jobs.forms.fields import ChoiceField, PlainForm
from apps.jobs.forms.hooks import PostStartForm, PreStopForm
from apps.jobs.forms.rows import (
    ConstraintRow,
    DependencyRow,
    FetchRow,
    FileRow,
    HealthCheckRow,
    LabelRow,
    PortRow,
    RowForm,
    VolumeRow,
)
from apps.jobs.forms.tabs import AdvancedForm, BackoffForm, ResourcesForm, StrategyForm, WhatForm
from apps.jobs.spec.strategy import complete_strategy
from apps.jobs.views.changes import as_text


@dataclass(frozen=True, slots=True)
class Fact:
    """One field: `text` as written, `unit` behind it."""

    label: str
    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of fields, and its lists as small tables (`rows` under `columns`)."""

    title: str
    facts: list[Fact]
    columns: list[str]
    rows: list[list[str]]


def spec_sections(spec: Mapping[str, Any]) -> list[Section]:
    """The groups in the order of the form's tabs; a list that is empty is left out."""
    shown = {**spec, "args": shlex.join(spec["args"])}
    sections = [
        Section(_("What runs"), _facts(WhatForm, shown), [], []),
        _rows(_("Ports"), PortRow, spec["ports"]),
        _environment(spec["env"]),
        _rows(_("Config files"), FileRow, spec["files"]),
        Section(_("Resources of one instance"), _facts(ResourcesForm, shown), [], []),
        _rows(_("Health checks"), HealthCheckRow, spec["health_checks"]),
        _rows(_("Constraints"), ConstraintRow, spec["constraints"]),
        _rows(_("Persistent volumes"), VolumeRow, spec["volumes"]),
        Section(_("Publish strategy"), _facts(StrategyForm, complete_strategy(spec["strategy"])), [], []),
        Section(
            _("Ending and starting again"),
            _facts(AdvancedForm, shown) + _facts(BackoffForm, spec["backoff"]),
            [],
            [],
        ),
        _hooks(spec["hooks"]),
        _rows(_("Fetched before the start"), FetchRow, spec["fetch"]),
        _rows(_("Labels"), LabelRow, list(spec["labels"].items())),
        _rows(_("Depends on"), DependencyRow, spec["depends_on"]),
    ]
    return [section for section in sections if section.facts or section.rows]


def _facts(form: type[PlainForm], values: Mapping[str, Any]) -> list[Fact]:
    return [
        Fact(str(field.label), _text(field, values[name]), str(getattr(field, "unit", "")))
        for name, field in form.base_fields.items()
        if values.get(name) not in (None, "")
    ]


def _hooks(hooks: Mapping[str, Any]) -> Section:
    forms: dict[str, type[PlainForm]] = {"pre_stop": PreStopForm, "post_start": PostStartForm}
    facts = [fact for name, form in forms.items() if name in hooks for fact in _facts(form, hooks[name])]
    return Section(_("Hooks"), facts, [], [])


def _environment(env: Mapping[str, Any]) -> Section:
    rows = [[name, as_text(value)] for name, value in env.items()]
    return Section(_("Environment"), [], [_("Name"), _("Value")], rows)


def _rows(title: str, form: type[RowForm], items: list[Any]) -> Section:
    """A list as a table, without the columns that no row has anything in."""
    fields = {name: field for name, field in form.base_fields.items() if not field.widget.is_hidden}
    values = [form.row_of(item) for item in items]
    used = [name for name in fields if any(row.get(name) not in (None, "") for row in values)]
    columns = [_heading(fields[name]) for name in used]
    return Section(
        title, [], columns, [[_text(fields[name], row.get(name)) for name in used] for row in values]
    )


def _text(field: Field, value: Any) -> str:
    """A value as people read it; one of a choice by the choice's own words."""
    return as_text(field.labels.get(value, value) if isinstance(field, ChoiceField) else value)


def _heading(field: Field) -> str:
    unit = getattr(field, "unit", "")
    return f"{field.label} ({unit})" if unit else str(field.label)
