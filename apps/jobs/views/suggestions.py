"""The change that an explanation suggests, carried by a link from the job's page to its form.

It is signed: a link that fills a form with a command must come from Ocean itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core import signing

from apps.jobs.explain.problem import SPEC
from apps.jobs.spec.paths import spec_changed

_SALT = "jobs.suggestion"
_SHOWN = 200


def suggestion_token(change: Mapping[str, Any] | None) -> str:
    """What `?change=` of the form's address takes; empty where the change is not one of the spec."""
    if not change or not str(change["field"]).startswith(SPEC):
        return ""
    return signing.dumps([change["field"].removeprefix(SPEC), change["from"], change["to"]], salt=_SALT)


def suggested(spec: Mapping[str, Any], token: str) -> dict[str, Any] | None:
    """The spec with the change of a token; None where the token is not ours, or the spec is not as it was."""
    try:
        field, before, to = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError):
        return None
    return spec_changed(spec, field, before=before, to=to)


def change_shown(value: Any) -> str:
    """A value of a change as people read it."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
