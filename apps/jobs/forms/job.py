"""The job form as a whole: a spec in, what was typed out, and each error back at its field."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.core.errors import FieldError, InvalidInput
from apps.jobs.forms.fields import PlainForm
from apps.jobs.forms.hooks import HookForm, PostStartForm, PreStopForm
from apps.jobs.forms.initial import spec_with_defaults
from apps.jobs.forms.parts import FormPart
from apps.jobs.forms.row_set import RowSet
from apps.jobs.forms.rows import (
    ConstraintRow,
    DependencyRow,
    EnvRow,
    FetchRow,
    FileRow,
    HealthCheckRow,
    LabelRow,
    NamedRowForm,
    PortRow,
    RowForm,
    VolumeRow,
)
from apps.jobs.forms.tabs import (
    AdvancedForm,
    BackoffForm,
    NoteForm,
    PlaceForm,
    ResourcesForm,
    StrategyForm,
    WhatForm,
)
from apps.jobs.services.drafts import NewJob
from apps.jobs.spec import spec_validate
from apps.jobs.spec.fields import SpecFields
from apps.jobs.spec.strategy import complete_strategy

_ROWS: dict[str, type[RowForm]] = {
    "ports": PortRow,
    "env": EnvRow,
    "files": FileRow,
    "health_checks": HealthCheckRow,
    "constraints": ConstraintRow,
    "volumes": VolumeRow,
    "fetch": FetchRow,
    "labels": LabelRow,
    "depends_on": DependencyRow,
}
_TABS: dict[str, tuple[str, ...]] = {
    "job": ("place", "what", "ports", "env", "files"),
    "runtime": ("resources", "health_checks", "constraints", "volumes"),
    "advanced": (
        "strategy",
        "advanced",
        "backoff",
        "pre_stop",
        "post_start",
        "fetch",
        "labels",
        "depends_on",
        "note",
    ),
}
_PATH = re.compile(r"spec\.(?P<key>\w+)(?:\[(?P<index>\d+)\])?(?:\.(?P<field>.*))?", re.DOTALL)


class JobForm:
    """The tabs. Bound (`data`) it keeps what was typed; otherwise it shows `spec`.

    `place` is there for a new job only: where a job stands never changes. `parts` are the tabs that other apps keep.
    """

    def __init__(
        self,
        *,
        data: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
        note: str = "",
        place: PlaceForm | None = None,
        parts: Sequence[FormPart] = (),
    ) -> None:
        self.parts = parts
        shown = spec_with_defaults(spec or {})
        self.place_form = place
        self.what = WhatForm(data, initial={**shown, "args": shlex.join(shown["args"])})
        self.resources = ResourcesForm(data, initial=shown)
        self.strategy = StrategyForm(data, initial=complete_strategy(shown["strategy"]), prefix="strategy")
        self.backoff = BackoffForm(data, initial=shown["backoff"], prefix="backoff")
        self.advanced = AdvancedForm(data, initial=shown)
        self.pre_stop = PreStopForm(data, initial=shown["hooks"]["pre_stop"], prefix="pre_stop")
        self.post_start = PostStartForm(data, initial=shown["hooks"]["post_start"], prefix="post_start")
        self.note = NoteForm(data, initial={"note": note})
        self.rows = {
            key: RowSet(row, key=key, items=_items(shown[key]), data=data) for key, row in _ROWS.items()
        }
        self.general_errors: list[str] = []

    # --- what was typed ---------------------------------------------------------------------------------

    def spec(self) -> dict[str, Any]:
        """The spec as typed, not yet checked. Raises InvalidInput for what a spec cannot even say."""
        if errors := self._own_errors():
            raise InvalidInput(*errors)
        return self._spec()

    def new_job(self) -> NewJob:
        """The new job as typed. Raises InvalidInput with every error that can be found at once."""
        assert self.place_form is not None
        errors = [
            FieldError(name, error.code or "invalid", " ".join(error.messages))
            for name, found in self.place_form.errors.as_data().items()
            for error in found
        ]
        own = self._own_errors()
        if (errors or own) and not any(rows.has_errors for rows in self.rows.values()):
            errors += [
                error for error in _errors_of(self._spec()) if error.field not in {e.field for e in own}
            ]
        if errors or own:
            raise InvalidInput(*errors, *own)
        return NewJob(**self.place_form.cleaned_data, spec=self._spec(), note=self.note_text)

    def errors_in_parts(self) -> list[FieldError]:
        """What is wrong there, so that it is said together with what is wrong with the spec."""
        return [error for part in self.parts for error in part.errors()]

    @property
    def note_text(self) -> str:
        return str(self.note.cleaned_data.get("note", "")) if self.note.is_valid() else ""

    def _spec(self) -> dict[str, Any]:
        # What was typed stands in for what could not be read, so that its rules can be looked at all the same.
        unread = {name: [str(self.what[name].value())] for name in self.what.errors}
        plain = {
            **unread,
            **self.what.cleaned_data,
            **self.resources.cleaned_data,
            **self.advanced.cleaned_data,
        }
        # An empty field means 'none' where the spec knows none; elsewhere its rules say what is missing.
        known = SpecFields().fields
        spec = {
            name: None if value == "" and known[name].allow_null else value for name, value in plain.items()
        }
        spec["strategy"] = self.strategy.cleaned_data
        spec["backoff"] = self.backoff.cleaned_data
        spec["hooks"] = {name: hook for name, form in self._hooks().items() if (hook := form.hook())}
        for key, rows in self.rows.items():
            spec[key] = rows.mapping() if issubclass(rows.form, NamedRowForm) else rows.items()
        return spec

    def _own_errors(self) -> list[FieldError]:
        found = [
            FieldError(path, "invalid", str(text))
            for prefix, form in self._plain_forms()
            for name, texts in form.errors.items()
            for text in texts
            for path in [f"{prefix}{name}"]
        ]
        for rows in self.rows.values():
            found += rows.own_errors()
        return found

    def _plain_forms(self) -> list[tuple[str, PlainForm]]:
        """The plain forms, each with the path that its fields have in the spec."""
        return [
            ("spec.", self.what),
            ("spec.", self.resources),
            ("spec.", self.advanced),
            ("spec.strategy.", self.strategy),
            ("spec.backoff.", self.backoff),
            *((f"spec.hooks.{name}.", form) for name, form in self._hooks().items()),
            ("", self.note),
        ]

    def _hooks(self) -> dict[str, HookForm]:
        return {"pre_stop": self.pre_stop, "post_start": self.post_start}

    # --- what is wrong with it --------------------------------------------------------------------------

    def put_errors(self, errors: Iterable[FieldError]) -> None:
        """Put each error (`spec.health_checks[0].path`) at its field; what has none goes above the form."""
        for error in errors:
            if part := next((part for part in self.parts if error.field.startswith(part.id)), None):
                part.place(error)
            elif not self._place_in_rows(error) and not self._place_in_plain(error):
                self.general_errors.append(error.detail)

    def _place_in_rows(self, error: FieldError) -> bool:
        match = _PATH.fullmatch(error.field)
        if match is None or match["key"] not in self.rows:
            return False
        index = int(match["index"]) if match["index"] else None
        self.rows[match["key"]].place(error, index=index, field=match["field"])
        return True

    def _place_in_plain(self, error: FieldError) -> bool:
        path = re.sub(r"\[\d+\]$", "", error.field)
        forms = self._plain_forms()
        if self.place_form is not None:
            forms.append(("", self.place_form))
        for prefix, form in forms:
            name = path.removeprefix(prefix)
            if path.startswith(prefix) and name in form.fields:
                form.say(name, error.detail)
                return True
        return False

    @property
    def has_errors(self) -> bool:
        return bool(self.general_errors) or any(self.errors_by_tab.values())

    @property
    def errors_by_tab(self) -> dict[str, bool]:
        """Which tabs hold an error, by their ids."""
        own = {tab: any(self._part_has_errors(part) for part in parts) for tab, parts in _TABS.items()}
        return own | {part.id: part.has_errors for part in self.parts}

    @property
    def first_tab(self) -> str:
        """The tab to open: the first with an error."""
        return next((tab for tab, wrong in self.errors_by_tab.items() if wrong), "job")

    def _part_has_errors(self, part: str) -> bool:
        if part in self.rows:
            return self.rows[part].has_errors
        form = self.place_form if part == "place" else getattr(self, part)
        return form is not None and form.is_bound and bool(form.errors)


def _items(value: Any) -> list[Any]:
    return list(value.items()) if isinstance(value, Mapping) else list(value)


def _errors_of(spec: Mapping[str, Any]) -> tuple[FieldError, ...]:
    try:
        spec_validate(spec)
    except InvalidInput as exc:
        return exc.errors
    return ()
