"""A template written down: its parameters and its spec, as one document of YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput
from apps.jobs.spec import spec_in_order
from apps.jobs.spec.yaml_text import Document, YamlError, read_yaml, write_yaml
from apps.jobs.templating.parameters import Parameter, ParameterFields

FIELDS = ("parameters", "spec")


@dataclass(frozen=True, slots=True)
class TemplateDocument:
    """As written, not checked beyond its names; `source` knows the lines."""

    parameters: Any
    spec: Any
    source: Document

    def located(self, errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
        found = [replace(error, line=self.source.line_of(error.field)) for error in errors]
        return tuple(sorted(found, key=lambda error: error.line or 0))


def read_template(text: str) -> TemplateDocument:
    """Raises InvalidInput, each error with its line, for what is no document of a template."""
    try:
        source = read_yaml(text)
    except YamlError as exc:
        raise InvalidInput(FieldError("", "malformed", str(exc), line=exc.line)) from exc
    known = ", ".join(FIELDS)
    if not isinstance(source.data, dict):
        text = _("Write the template's fields here: %(known)s.") % {"known": known}
        raise InvalidInput(FieldError("", "invalid", text, line=1))
    unknown = [
        FieldError(
            name,
            "unknown_field",
            _("There is no such field. Known here: %(known)s.") % {"known": known},
            line=source.line_of(name),
        )
        for name in source.data
        if name not in FIELDS
    ]
    if unknown:
        raise InvalidInput(*unknown)
    return TemplateDocument(source.data.get("parameters") or [], source.data.get("spec") or {}, source)


def write_template(parameters: Sequence[Parameter], spec: Mapping[str, Any]) -> str:
    """What a parameter leaves empty is left out; its fields come in the order of their declaration."""
    order = list(ParameterFields().fields)
    shown = [
        {name: row[name] for name in order if row.get(name) not in (None, "") and not _is_off(row, name)}
        for row in parameters
    ]
    return write_yaml({"parameters": shown, "spec": spec_in_order(spec)})


def _is_off(row: Mapping[str, Any], name: str) -> bool:
    return name == "required" and not row[name]
