"""A job written down: where it belongs and what it should be, as one document of YAML (or JSON, which is YAML).

    product_line: pdl.ocean_owt.inf_cop.xiaomi
    service: weather-api
    cluster: staging
    name: weather-api
    spec: {…}

`note` may stand beside them. The same document is taken by `PUT jobs/{tag}/yaml/`, the form's YAML view and the
command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput
from apps.jobs.models import Job
from apps.jobs.spec import spec_in_order
from apps.jobs.spec.yaml_text import Document, YamlError, read_yaml, write_yaml

PLACE = ("product_line", "service", "cluster", "name")
MAX_NOTE = 300
FIELDS = (*PLACE, "spec", "note")


@dataclass(frozen=True, slots=True)
class JobDocument:
    """`fields` as written, not checked beyond their names; `source` knows their lines."""

    fields: dict[str, Any]
    source: Document

    @property
    def spec(self) -> Any:
        return self.fields.get("spec", {})

    @property
    def note(self) -> str:
        return str(self.fields.get("note") or "")[:MAX_NOTE]

    def located(self, errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
        """The errors with the lines of their fields, in the order of the lines."""
        found = [replace(error, line=self.source.line_of(error.field)) for error in errors]
        return tuple(sorted(found, key=lambda error: error.line or 0))

    def is_group(self, path: str) -> bool:
        """Whether a mapping or a list is written at a field."""
        return path in self.source.groups

    def errors_of_place(self, job: Job) -> list[FieldError]:
        """What the document says of where the job stands, and is not so: that never changes."""
        wanted = place_of(job)
        text = _("This job's is %(value)s, which never changes. To have the job elsewhere, make another one.")
        return [
            FieldError(name, "fixed", text % {"value": wanted[name]})
            for name in PLACE
            if name in self.fields and self.fields[name] != wanted[name]
        ]


def read_document(text: str) -> JobDocument:
    """The document in a text. Raises InvalidInput, each error with its line, for what is no document of a job."""
    try:
        source = read_yaml(text)
    except YamlError as exc:
        raise InvalidInput(FieldError("", "malformed", str(exc), line=exc.line)) from exc
    if not isinstance(source.data, dict):
        text = _("Write the job's fields here: %(known)s.") % {"known": ", ".join(FIELDS)}
        raise InvalidInput(FieldError("", "invalid", text, line=1))
    document = JobDocument(source.data, source)
    unknown = [name for name in source.data if name not in FIELDS]
    if unknown:
        text = _("There is no such field. Known here: %(known)s.") % {"known": ", ".join(FIELDS)}
        raise InvalidInput(*document.located(FieldError(name, "unknown_field", text) for name in unknown))
    return document


def write_document(place: Mapping[str, Any], spec: Mapping[str, Any], *, note: str = "") -> str:
    fields: dict[str, Any] = {name: place.get(name) or "" for name in PLACE}
    fields["spec"] = spec_in_order(spec)
    if note:
        fields["note"] = note
    return write_yaml(fields)


def job_document(job: Job, spec: Mapping[str, Any], *, note: str = "") -> str:
    return write_document(place_of(job), spec, note=note)


def place_of(job: Job) -> dict[str, str]:
    return {
        "product_line": str(job.product_line),
        "service": job.service,
        "cluster": job.cluster.name,
        "name": job.name,
    }
