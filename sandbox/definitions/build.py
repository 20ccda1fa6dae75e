"""From a client's JSON to a valid canonical definition. Raises InvalidObjectError (422) in Marathon's
words."""

from __future__ import annotations

from typing import Any

from sandbox.definitions.app import Json
from sandbox.definitions.app_schema import APP, APP_UPDATE
from sandbox.definitions.normalise import complete, merge_update, rewrite_old_forms
from sandbox.definitions.schema import InvalidObjectError, Problems, Schema
from sandbox.definitions.validate import check_app, check_resident_change
from sandbox.ids import canonical_path


def read(schema: Schema, body: Any) -> Any:
    """Test a body against a schema."""
    problems = Problems()
    value = schema.read(body, "", problems)
    if problems:
        raise InvalidObjectError("Invalid JSON", problems)
    return value


def new_definition(body: Any, *, default_role: str, base: str = "/") -> Json:
    """A whole app; a relative id is taken below `base`."""
    app = read(APP, body)
    app["id"] = canonical_path(app["id"], base)
    return _finished(app, default_role=default_role)


def update_body(body: Any) -> Json:
    """A partial update, in today's spelling."""
    update: Json = read(APP_UPDATE, body)
    problems = Problems()
    if "version" in update and set(update) - {"id", "version"}:
        problems.add("/version", "The 'version' field may only be combined with the 'id' field.")
    update = rewrite_old_forms(update, problems)
    if problems:
        raise InvalidObjectError("Object is not valid", problems)
    return update


def updated_definition(current: Json, update: Json, *, default_role: str) -> Json:
    """What `current` becomes by a partial update that `update_body` has read."""
    updated = _finished(merge_update(current, update), default_role=default_role)
    _check_change(current, updated)
    return updated


def replaced_definition(current: Json, update: Json, *, default_role: str) -> Json:
    """A whole new definition instead of `current` (partialUpdate=false)."""
    updated = _finished({**update, "id": current["id"]}, default_role=default_role)
    _check_change(current, updated)
    return updated


def _finished(app: Json, *, default_role: str) -> Json:
    problems = Problems()
    definition = complete(rewrite_old_forms(app, problems), default_role=default_role)
    check_app(definition, problems)
    if problems:
        raise InvalidObjectError("Object is not valid", problems)
    return definition


def _check_change(current: Json, updated: Json) -> None:
    problems = Problems()
    check_resident_change(current, updated, problems)
    if problems:
        raise InvalidObjectError("Object is not valid", problems)
