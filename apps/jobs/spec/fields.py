"""What a job's spec may hold, with ranges and defaults. API and form validate with these same serializers.

Units are in the names. Sources: docs/api.md for the names; Marathon's app definition for what it accepts.
"""

from __future__ import annotations

import math
import re
from functools import partial
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.core.serializers import Strict
from apps.jobs.spec.files import FileFields, check_files
from apps.jobs.spec.hooks import HooksFields, check_hooks
from apps.jobs.spec.strategy import MAX_INSTANCES, StrategyFields, check_strategy_fits

validate_port_name = RegexValidator(
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z",
    _("Use lower-case letters, digits and inner hyphens."),
    code="invalid_name",
)
validate_env_name = RegexValidator(
    r"^[A-Za-z_][A-Za-z0-9_]*\Z",
    _("Use letters, digits and underscores, not starting with a digit."),
    code="invalid_name",
)
validate_volume_name = RegexValidator(
    r"^(?!\.{1,2}$)[^\s/]+\Z", _("Use a folder name without slashes, such as data."), code="invalid_path"
)

validate_image_name = RegexValidator(r"^\S+$", _("An image's name holds no spaces."), code="invalid_name")

OPERATORS_WITH_VALUE = {"LIKE", "UNLIKE", "MAX_PER", "IS"}
OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS")


class NumberField(serializers.FloatField):
    """A finite number: `nan` passes every comparison, and neither the database nor a scheduler takes it."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class PortFields(Strict):
    name = serializers.CharField(max_length=63, validators=[validate_port_name])
    container_port = serializers.IntegerField(min_value=0, max_value=65535, default=0)
    protocol = serializers.ChoiceField(choices=["tcp", "udp", "udp,tcp"], default="tcp")


class HealthCheckFields(Strict):
    type = serializers.ChoiceField(choices=["http", "tcp", "command"])
    port = serializers.CharField(max_length=63, allow_null=True, default=None)
    path = serializers.CharField(max_length=1024, default="/")
    command = serializers.CharField(max_length=4096, allow_null=True, default=None)
    grace_s = serializers.IntegerField(min_value=0, max_value=86_400, default=30)
    interval_s = serializers.IntegerField(min_value=1, max_value=3_600, default=10)
    timeout_s = serializers.IntegerField(min_value=1, max_value=3_600, default=5)
    failures = serializers.IntegerField(min_value=1, max_value=100, default=3)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["type"] == "command":
            if not attrs["command"]:
                raise _field("command", "required", _("A command check needs its command."))
            attrs |= {"port": None, "path": "/"}
        elif not attrs["path"].startswith("/"):
            raise _field("path", "invalid_path", _("A path starts with /."))
        else:
            attrs["command"] = None
        return attrs


class ConstraintFields(Strict):
    field = serializers.CharField(max_length=120)
    operator = serializers.CharField(max_length=16)
    value = serializers.CharField(max_length=500, allow_null=True, allow_blank=True, default=None)

    def validate_operator(self, value: str) -> str:
        if value.upper() not in OPERATORS:
            raise serializers.ValidationError(
                _("Use one of %(operators)s.") % {"operators": ", ".join(OPERATORS)}, code="invalid_choice"
            )
        return value.upper()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        operator, value = attrs["operator"], attrs["value"] or None
        attrs["value"] = value
        if operator == "UNIQUE" and value:
            raise _field("value", "invalid", _("UNIQUE takes no value."))
        if operator in OPERATORS_WITH_VALUE and not value:
            raise _field("value", "required", _("%(operator)s needs a value.") % {"operator": operator})
        if operator in {"MAX_PER", "GROUP_BY"} and value and not value.isdigit():
            raise _field("value", "invalid", _("%(operator)s takes a whole number.") % {"operator": operator})
        if operator in {"LIKE", "UNLIKE"}:
            try:
                re.compile(value or "")
            except (re.error, OverflowError, RecursionError) as exc:
                raise _field(
                    "value", "invalid", _("This is not a regular expression: %(error)s.") % {"error": exc}
                ) from exc
        return attrs


class VolumeFields(Strict):
    path = serializers.CharField(max_length=120, validators=[validate_volume_name])
    size_mib = serializers.IntegerField(min_value=1, max_value=64 * 1024 * 1024)
    persistent = serializers.BooleanField(default=True)

    def validate_persistent(self, value: bool) -> bool:
        if not value:
            raise serializers.ValidationError(
                _(
                    "A volume that need not persist is the instance's own folder: leave it out and ask for disk."
                ),
                code="invalid",
            )
        return value


class FetchFields(Strict):
    uri = serializers.CharField(max_length=1024)
    extract = serializers.BooleanField(default=True)
    executable = serializers.BooleanField(default=False)
    cache = serializers.BooleanField(default=False)


class BackoffFields(Strict):
    first_s = serializers.IntegerField(min_value=0, max_value=86_400, default=1)
    factor = NumberField(min_value=1, max_value=100, default=1.15)
    max_s = serializers.IntegerField(min_value=0, max_value=86_400, default=300)


class EnvField(serializers.DictField):
    """`{"NAME": "text" | {"secret": "name"}}`; numbers and booleans are taken as their text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        errors: dict[str, list[serializers.ErrorDetail]] = {}
        result: dict[str, Any] = {}
        for name, value in data.items():
            try:
                validate_env_name(str(name))
                result[str(name)] = self._value(value)
            except serializers.ValidationError as exc:
                errors[str(name)] = exc.detail  # type: ignore[assignment]
            except Exception as exc:  # noqa: BLE001 - Django's own ValidationError, from the validator
                errors[str(name)] = [
                    serializers.ErrorDetail(
                        "; ".join(getattr(exc, "messages", [str(exc)])), code="invalid_name"
                    )
                ]
        if errors:
            raise serializers.ValidationError(errors)
        return result

    def _value(self, value: Any) -> str | dict[str, str]:
        if isinstance(value, dict):
            if set(value) != {"secret"} or not isinstance(value["secret"], str):
                raise serializers.ValidationError(
                    _('Write {"secret": "its-name"} or a text.'), code="invalid"
                )
            return {"secret": value["secret"]}
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float) and "\0" not in str(value):
            return str(value)
        raise serializers.ValidationError(_('Write {"secret": "its-name"} or a text.'), code="invalid")


def defaults_of(fields: type[Strict]) -> dict[str, Any]:
    """What a group of fields is when it is left out as a whole."""
    serializer = fields(data={})
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class SpecFields(Strict):
    """A whole spec. What is left out gets the default shown here."""

    command = serializers.CharField(max_length=32_768, allow_null=True, default=None, min_length=2)
    image = serializers.CharField(
        max_length=500, allow_null=True, default=None, validators=[validate_image_name]
    )
    args = serializers.ListField(
        child=serializers.CharField(max_length=8_192, allow_blank=True), default=list, max_length=200
    )
    cpus = NumberField(min_value=0.001, max_value=4096, default=0.1)
    memory_mib = serializers.IntegerField(min_value=4, max_value=16 * 1024 * 1024, default=128)
    disk_mib = serializers.IntegerField(min_value=0, max_value=64 * 1024 * 1024, default=0)
    gpus = serializers.IntegerField(min_value=0, max_value=64, default=0)
    disk_io_mib_s = serializers.IntegerField(min_value=1, max_value=1_000_000, allow_null=True, default=None)
    bandwidth_mbit_s = serializers.IntegerField(
        min_value=1, max_value=1_000_000, allow_null=True, default=None
    )
    instances = serializers.IntegerField(min_value=0, max_value=MAX_INSTANCES, default=1)
    ports = PortFields(many=True, default=list)
    env = EnvField(default=dict)
    files = FileFields(many=True, default=list)
    fetch = FetchFields(many=True, default=list)
    labels = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=2_000), default=dict
    )
    health_checks = HealthCheckFields(many=True, default=list)
    constraints = ConstraintFields(many=True, default=list)
    volumes = VolumeFields(many=True, default=list)
    strategy = StrategyFields(default=partial(defaults_of, StrategyFields))
    kill_grace_s = serializers.IntegerField(min_value=0, max_value=86_400, default=10)
    backoff = BackoffFields(default=partial(defaults_of, BackoffFields))
    depends_on = serializers.ListField(
        child=serializers.CharField(max_length=400), default=list, max_length=50
    )
    hooks = HooksFields(default=dict)
    debug = serializers.BooleanField(default=False)

    def validate_debug(self, value: bool) -> bool:
        if value:
            raise serializers.ValidationError(
                _("Debug mode needs the container's init, which this release does not have. Leave it off."),
                code="not_available",
            )
        return value

    def validate_labels(self, value: dict[str, str]) -> dict[str, str]:
        if taken := [key for key in value if key.startswith("OCEAN_")]:
            raise _field(taken[0], "reserved", _("Labels that start with OCEAN_ are Ocean's own."))
        return value

    def validate_ports(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        _unique(value, key="name", text=_("Two ports have this name."))
        return value

    def validate_files(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        _unique(value, key="path", text=_("Two files have this path."))
        check_files(value)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["command"] and not attrs["args"] and not attrs["image"]:
            raise _field("command", "required", _("Say what to run: a command, or an image."))
        if attrs["command"] and attrs["args"]:
            raise _field("args", "invalid", _("Give a command or arguments, not both."))
        if attrs["files"] and not attrs["command"]:
            raise _field(
                "files", "invalid", _("Config files are written before the command starts: give a command.")
            )
        check_hooks(attrs)
        _complete_health_checks(attrs)
        check_strategy_fits(attrs["strategy"], volumes=attrs["volumes"], path="strategy.kind")
        return attrs


def _complete_health_checks(attrs: dict[str, Any]) -> None:
    """A check without a port looks at the first one; a port must be one of the job's."""
    names = [port["name"] for port in attrs["ports"]]
    for index, check in enumerate(attrs["health_checks"]):
        if check["type"] == "command":
            continue
        check["port"] = check["port"] or (names[0] if names else None)
        if check["port"] not in names:
            raise _field(
                f"health_checks[{index}].port",
                "invalid_choice",
                _("Name one of the job's ports: %(ports)s.") % {"ports": ", ".join(names) or "–"},
            )


def _unique(rows: list[dict[str, Any]], *, key: str, text: Any) -> None:
    seen: set[Any] = set()
    for index, row in enumerate(rows):
        if row[key] in seen:
            raise serializers.ValidationError(
                {f"[{index}].{key}": [serializers.ErrorDetail(str(text), code="unique")]}
            )
        seen.add(row[key])


def _field(path: str, code: str, text: Any) -> serializers.ValidationError:
    """An error of one field, its path relative to the serializer that raises it."""
    return serializers.ValidationError({path: [serializers.ErrorDetail(str(text), code=code)]})
