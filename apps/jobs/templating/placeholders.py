"""Placeholders in a template's spec: `{{ name }}`, and nothing that could run.

A text that is one placeholder alone becomes the value, with its type; inside a longer text the value is written in.
`{{ '{{' }}` is a literal `{{`. Whatever else stands between `{{` and `}}`, and a name that is no parameter, is an
error at its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput

NAME = r"[a-z][a-z0-9_]{0,62}"
_PLACEHOLDER = re.compile(r"\{\{(?P<inside>[^\n]*?)\}\}|\{\{")
_INSIDE = re.compile(rf"\s*(?:(?P<name>{NAME})|'(?P<literal>[^']*)')\s*\Z")
_WHOLE = re.compile(rf"\{{\{{\s*(?P<name>{NAME})\s*\}}\}}\Z")
_OPEN = "{{"
WRITTEN = "{{ '{{' }}"
"""How two braces themselves are written."""


def fill(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The spec with values in place of its placeholders. Raises InvalidInput with every bad one at its field."""
    errors: list[FieldError] = []
    filled: dict[str, Any] = _filled(dict(spec), values, path="spec", errors=errors)
    if errors:
        raise InvalidInput(*errors)
    return filled


def escape(value: Any) -> Any:
    """A value of a spec as a template writes it: `fill` gives it back as it was."""
    if isinstance(value, str):
        return value.replace(_OPEN, WRITTEN)
    if isinstance(value, dict):
        return {key: escape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escape(item) for item in value]
    return value


def placeholder(name: str) -> str:
    return f"{{{{ {name} }}}}"


def names_in(value: Any) -> Iterator[str]:
    """The parameters that a value's placeholders name."""
    if isinstance(value, str):
        for found in _PLACEHOLDER.finditer(value):
            inside = _INSIDE.match(found["inside"] or "")
            if inside and inside["name"]:
                yield inside["name"]
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from names_in(item)


def _filled(value: Any, values: Mapping[str, Any], *, path: str, errors: list[FieldError]) -> Any:
    if isinstance(value, str):
        return _filled_text(value, values, path=path, errors=errors)
    if isinstance(value, dict):
        return {
            key: _filled(item, values, path=f"{path}.{key}", errors=errors) for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _filled(item, values, path=f"{path}[{place}]", errors=errors) for place, item in enumerate(value)
        ]
    return value


def _filled_text(text: str, values: Mapping[str, Any], *, path: str, errors: list[FieldError]) -> Any:
    whole = _WHOLE.match(text)
    if whole and whole["name"] in values:
        return values[whole["name"]]

    def value_of(found: re.Match[str]) -> str:
        inside = _INSIDE.match(found["inside"] or "")
        if inside is None:
            errors.append(FieldError(path, "malformed_placeholder", _malformed(found[0])))
        elif inside["name"] is None:
            return str(inside["literal"])
        elif inside["name"] not in values:
            errors.append(FieldError(path, "unknown_parameter", _unknown(inside["name"])))
        else:
            return as_text(values[inside["name"]])
        return ""

    return _PLACEHOLDER.sub(value_of, text)


def as_text(value: Any) -> str:
    """A parameter's value inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _malformed(found: str) -> str:
    text = _("'%(found)s' is no placeholder. Write {{ name }}, and {{ '{{' }} for two braces themselves.")
    return text % {"found": found}


def _unknown(name: str) -> str:
    return _("The template has no parameter '%(name)s'.") % {"name": name}
