"""What runs after an instance's start and before its stop: the fields, and the shell around the command.

Why the shell is made like this, and what holds on which executor: docs/decisions (hooks in a shell around the
command).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.core.serializers import Strict

_SCRIPT = Path(__file__).with_name("hooks.sh")
MAX_TIMEOUT_S = 3_600


class PreStopFields(Strict):
    """Run before the command is told to stop; a failure or a time-out is logged and stops nothing."""

    command = serializers.CharField(max_length=4_096, min_length=2)
    timeout_s = serializers.IntegerField(min_value=1, max_value=MAX_TIMEOUT_S, default=5)


class PostStartFields(Strict):
    """Run beside the command, right after its start. `required`: its failure ends the instance."""

    command = serializers.CharField(max_length=4_096, min_length=2)
    timeout_s = serializers.IntegerField(min_value=1, max_value=MAX_TIMEOUT_S, default=30)
    required = serializers.BooleanField(default=False)  # type: ignore[assignment] # the metaclass takes it out


class HooksFields(Strict):
    pre_stop = PreStopFields(required=False)
    post_start = PostStartFields(required=False)


def check_hooks(spec: Mapping[str, Any]) -> None:
    """Raises ValidationError where the spec leaves its hooks no room."""
    hooks = spec["hooks"]
    if hooks and not spec["command"]:
        text = _(
            "Hooks are run by a shell around the command. An image's own entry point cannot be wrapped: give its "
            "command."
        )
        raise _error(f"hooks.{next(iter(hooks))}.command", "invalid", text)
    pre_stop = hooks.get("pre_stop")
    if pre_stop and pre_stop["timeout_s"] >= spec["kill_grace_s"]:
        text = _("Give it less than the kill grace (%(grace)s s), after which the instance is ended.")
        raise _error("hooks.pre_stop.timeout_s", "max_value", text % {"grace": spec["kill_grace_s"]})


def hooked_command(command: str, *, hooks: Mapping[str, Any], kill_grace_s: int) -> str:
    """The command inside the shell that runs its hooks; the command itself where it has none."""
    if not hooks:
        return command
    pre_stop, post_start = hooks.get("pre_stop", {}), hooks.get("post_start", {})
    values = {
        "ocean_main": command,
        "ocean_grace_s": kill_grace_s,
        "ocean_pre_stop": pre_stop.get("command", ""),
        "ocean_pre_stop_s": pre_stop.get("timeout_s", 0),
        "ocean_post_start": post_start.get("command", ""),
        "ocean_post_start_s": post_start.get("timeout_s", 0),
        "ocean_post_start_required": "yes" if post_start.get("required") else "",
    }
    given = [f"{name}={shlex.quote(str(value))}" for name, value in values.items()]
    return "\n".join([*given, _script()])


@cache
def _script() -> str:
    """The shell without its comments, which no scheduler needs to keep."""
    lines = _SCRIPT.read_text().splitlines()
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("# "))


def _error(path: str, code: str, text: Any) -> serializers.ValidationError:
    return serializers.ValidationError({path: [serializers.ErrorDetail(str(text), code=code)]})
