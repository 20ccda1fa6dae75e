"""The lists of a spec as rows: ports, environment, files, checks …

Each row form knows how it becomes an item of the spec (`item`) and back (`row_of`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from rest_framework import serializers

from apps.jobs.forms.fields import ChoiceField, FlagField, NumberField, PlainForm, TextField, filled
from apps.jobs.spec.fields import (
    OPERATORS,
    HealthCheckFields,
)


class RowForm(PlainForm):
    """A row. `kept` tells one that somebody added, or that was there, from the spare one for browsers without
    scripts, which counts only when something is filled in."""

    fresh: ClassVar[Mapping[str, Any]] = {}
    """What a new row starts with, where that is not the field's own initial value."""
    switch: ClassVar[str] = ""
    """The field that says which of the others are shown (those with `shown_for` and its value)."""

    kept = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def is_used(self) -> bool:
        """Whether the row was sent, holds something, and was not ticked for removal."""
        if self.add_prefix("kept") not in self.data or not self.has_changed():
            return False
        return not getattr(self, "cleaned_data", {}).get("DELETE")

    def values(self) -> dict[str, Any]:
        own = {**self.cleaned_data}
        return filled({name: value for name, value in own.items() if name not in {"kept", "DELETE"}})

    def item(self) -> Any:
        """The row as an item of the spec."""
        return self.values()

    @classmethod
    def row_of(cls, item: Any) -> dict[str, Any]:
        """An item of the spec as the row's initial values."""
        return dict(item)

    def field_at_fault(self, code: str) -> str:
        """The field for an error of the row as a whole."""
        return next(name for name in self.fields if name not in {"kept", "DELETE"})


class NamedRowForm(RowForm):
    """A row of a mapping; `item` is a (name, value) pair."""

    def field_at_fault(self, code: str) -> str:
        return "name" if code in {"invalid_name", "reserved", "unique"} else "value"

    def item(self) -> tuple[str, Any]:
        return self.cleaned_data["name"], self.cleaned_data["value"]

    @classmethod
    def row_of(cls, item: Any) -> dict[str, Any]:
        name, value = item
        return {"name": name, "value": value}


def _defaults(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    return {
        name: field.default
        for name, field in serializer.fields.items()
        if field.default is not serializers.empty and field.default is not None
    }


class PortRow(RowForm):
    fresh = {"container_port": "0"}

    name = TextField(label=pgettext_lazy("port", "Name"), attrs={"placeholder": "http"})
    container_port = NumberField(
        label=_("Container port"), help_text=_("0: the same as the port that the host gives.")
    )
    protocol = ChoiceField(
        label=_("Protocol"), choices=[(name, name) for name in ("tcp", "udp", "udp,tcp")], initial="tcp"
    )


class EnvRow(NamedRowForm):
    switch = "kind"

    name = TextField(label=pgettext_lazy("variable", "Name"), attrs={"class": "font-monospace"})
    kind = ChoiceField(
        label=_("Kind"), choices=[("text", _("text")), ("secret", _("secret"))], initial="text"
    )
    value = TextField(
        label=_("Value"), rows=1, strip=False, shown_for="text", attrs={"class": "font-monospace"}
    )
    secret = TextField(
        label=_("Name of the secret"),
        shown_for="secret",
        attrs={"list": "secret-options", "class": "font-monospace"},
        help_text=_(
            "One of the product line's secrets; its value is written into the environment at the start."
        ),
    )

    def item(self) -> tuple[str, Any]:
        values = self.cleaned_data
        return values["name"], {"secret": values["secret"]} if self._is_secret else values["value"]

    @classmethod
    def row_of(cls, item: Any) -> dict[str, Any]:
        name, value = item
        if isinstance(value, Mapping):
            return {"name": name, "kind": "secret", "secret": value.get("secret", "")}
        return {"name": name, "kind": "text", "value": value}

    def field_at_fault(self, code: str) -> str:
        field = super().field_at_fault(code)
        return "secret" if field == "value" and self._is_secret else field

    @property
    def _is_secret(self) -> bool:
        return bool(self.cleaned_data["kind"] == "secret")


class LabelRow(NamedRowForm):
    name = TextField(label=pgettext_lazy("label", "Name"), attrs={"class": "font-monospace"})
    value = TextField(label=_("Value"), rows=1, attrs={"class": "font-monospace"})


class FileRow(RowForm):
    path = TextField(
        label=_("Path"),
        attrs={"placeholder": "conf/app.conf", "class": "font-monospace"},
        help_text=_("Inside the instance's folder; written before the command starts."),
    )
    mode = TextField(
        label=_("Mode"),
        attrs={"placeholder": "0644", "class": "font-monospace"},
        help_text=_("Octal: 0600 for the instance alone, 0755 for a script."),
    )
    content = TextField(
        label=_("Content"),
        rows=5,
        strip=False,
        attrs={"class": "font-monospace"},
        help_text=_("${secret:name} is replaced by the value of that secret at the publish."),
    )

    def field_at_fault(self, code: str) -> str:
        return "content" if code == "unknown_secret" else super().field_at_fault(code)


class HealthCheckRow(RowForm):
    fresh = {"type": "http", **_defaults(HealthCheckFields())}
    switch = "type"

    type = ChoiceField(
        label=pgettext_lazy("health check", "Type"),
        choices=[("", "–"), ("http", "HTTP"), ("tcp", "TCP"), ("command", _("command"))],
    )
    port = TextField(
        label=_("Port"),
        shown_for="http tcp",
        attrs={"list": "port-options"},
        help_text=_("The name of one of the job's ports; the first one when left empty."),
    )
    path = TextField(label=_("Path"), shown_for="http", attrs={"placeholder": "/", "class": "font-monospace"})
    command = TextField(
        label=_("Command"),
        rows=1,
        shown_for="command",
        attrs={"class": "font-monospace"},
        help_text=_("Healthy when it exits with 0."),
    )
    grace_s = NumberField(
        label=_("Grace"),
        unit=_("s"),
        help_text=_("Failures this soon after the start do not count."),
    )
    interval_s = NumberField(label=_("Interval"), unit=_("s"))
    timeout_s = NumberField(label=_("Time-out"), unit=_("s"))
    failures = NumberField(
        label=_("Failures"),
        unit=_("in a row"),
        help_text=_("After this many, the instance is ended and replaced."),
    )

    def item(self) -> dict[str, Any]:
        """Without what the check's type has no use for, so that a field that is not shown cannot fail."""
        unused = {"command": {"port", "path"}, "http": {"command"}, "tcp": {"command", "path"}}
        values = self.values()
        return {k: v for k, v in values.items() if k not in unused.get(values.get("type", ""), set())}


class ConstraintRow(RowForm):
    fresh = {"operator": "UNIQUE"}

    field = TextField(
        label=_("Attribute"),
        attrs={"list": "attribute-options", "placeholder": "hostname"},
        help_text=_("hostname, rack, or another attribute of the hosts."),
    )
    operator = ChoiceField(
        label=_("Rule"),
        choices=[
            ("UNIQUE", _("UNIQUE: a different one for every instance")),
            ("CLUSTER", _("CLUSTER: the same one for all")),
            ("GROUP_BY", _("GROUP_BY: spread evenly over them")),
            ("MAX_PER", _("MAX_PER: at most this many for each")),
            ("LIKE", _("LIKE: matches the expression")),
            ("UNLIKE", _("UNLIKE: does not match the expression")),
            ("IS", _("IS: exactly this one")),
        ],
        initial=OPERATORS[0],
    )
    value = TextField(label=_("Value"), attrs={"class": "font-monospace"})


class VolumeRow(RowForm):
    path = TextField(
        label=_("Folder"),
        attrs={"placeholder": "data", "class": "font-monospace"},
        help_text=_("Inside the instance's folder; it stays when the instance is replaced."),
    )
    size_mib = NumberField(label=_("Size"), unit="MiB")


class FetchRow(RowForm):
    uri = TextField(label=_("Address"), attrs={"placeholder": "https://…", "class": "font-monospace"})
    extract = FlagField(label=_("unpack"), initial=True)
    executable = FlagField(label=_("make executable"))
    cache = FlagField(label=_("keep in the host's cache"))


class DependencyRow(RowForm):
    tag = TextField(
        label=_("Job"),
        attrs={"list": "dependency-options", "class": "font-monospace"},
        help_text=_("The whole tag of a job on the same cluster; it is started first."),
    )

    def item(self) -> str:
        return str(self.cleaned_data["tag"])

    @classmethod
    def row_of(cls, item: Any) -> dict[str, Any]:
        return {"tag": item}
