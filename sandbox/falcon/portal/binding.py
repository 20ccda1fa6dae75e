"""Bodies, errors and answers as api (gin 1.1, v0.3) has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from aiohttp import web

from sandbox.falcon.portal.tables import Tables, User

TABLES = web.AppKey("tables", Tables)
DEFAULT_TOKEN = web.AppKey("default_token", str)

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "float64": (int, float),
    "action": dict,
}
_ITEMS: Mapping[str, type] = {"[]string": str, "[]int64": int}


class PortalError(Exception):
    """A refusal. `as_text`: after a failed binding the JSON goes out as text/plain, the header having been sent."""

    def __init__(self, status: int, message: str, *, as_text: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.as_text = as_text


@dataclass(frozen=True, slots=True)
class Field:
    """One key: its Go type, and whether its zero value is refused."""

    type: str
    required: bool = False


def reply(body: Any, *, status: int = 200) -> web.Response:
    """A string becomes a `message`; everything else goes out bare."""
    content = {"message": body} if isinstance(body, str) else _plain(body)
    return web.Response(body=json.dumps(content).encode(), status=status, content_type="application/json")


def error_reply(error: PortalError) -> web.Response:
    return web.Response(
        body=json.dumps({"error": error.message}).encode(),
        status=error.status,
        content_type="text/plain" if error.as_text else "application/json",
    )


async def bind(request: web.Request, name: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The body's fields, absent ones as Go's zero values. Raises PortalError.

    Without `application/json` gin reads a form with Go's own field names, and finds nothing of what was meant."""
    content: Any = {}
    if request.content_type == "application/json":
        try:
            content = json.loads(await request.read())
        except ValueError as error:
            raise _bad_body(f"invalid character: {error}") from error
    if not isinstance(content, dict):
        raise _bad_body(f"json: cannot unmarshal {_go_kind(content)} into Go value of type {name}")
    found = {}
    for key, field in fields.items():
        value = content.get(key)
        if value is not None and not _fits(value, field.type):
            raise _mistyped(value, name, key, field)
        # Go's required refuses the zero value; an empty list is not one.
        if field.required and (value is None or (not value and not isinstance(value, list))):
            place = _go_name(key)
            text = f"Key: '{name}.{place}' Error:Field validation for '{place}' failed on the 'required' tag"
            raise _bad_body(text)
        found[key] = _zero(field.type) if value is None else value
    return found


def bind_nested(content: Mapping[str, Any], name: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """An object inside a body, by the same rules but that nothing is required."""
    for key, field in fields.items():
        if content.get(key) is not None and not _fits(content[key], field.type):
            raise _mistyped(content[key], name, key, field)
    return {
        key: content.get(key) if content.get(key) is not None else _zero(f.type) for key, f in fields.items()
    }


def paged(request: web.Request, rows: list[Any]) -> list[Any]:
    """`page` and `limit`, both or neither."""
    page, limit = (_integer(request.query.get(key, "-1"), key) for key in ("page", "limit"))
    if page == -1 and limit == -1:
        return rows
    if page < 1 or limit < 1:
        raise PortalError(400, "page and limit must be set together")
    return rows[(page - 1) * limit : page * limit]


def path_id(request: web.Request, name: str = "id") -> int:
    return _integer(request.match_info[name], name)


def session_user(request: web.Request) -> User:
    """Who calls. Raises PortalError 401.

    The server's own token passes with any name; handlers then look the name up for its rights."""
    header = request.headers.get("Apitoken", "")
    if not header:
        raise PortalError(401, "token key is not set")
    try:
        token = json.loads(header)
        name, sig = token["name"], token["sig"]
    except (ValueError, KeyError, TypeError) as error:
        raise PortalError(401, f"token key is not valid: {error}") from error
    if not name or not sig:
        raise PortalError(401, "name or sig is empty")
    user = request.app[TABLES].users.first(lambda row: row.name == name)
    default = request.app[DEFAULT_TOKEN]
    if default and sig == default:
        return user or User(0, name, "")
    if user is None:
        raise PortalError(401, "not found this user")
    if not user.sig or user.sig != sig:
        raise PortalError(401, "not found this session")
    return user


def _bad_body(text: str) -> PortalError:
    return PortalError(400, text, as_text=True)


def _mistyped(value: Any, name: str, key: str, field: Field) -> PortalError:
    text = f"json: cannot unmarshal {_go_kind(value)} into Go struct field {name}.{key} of type {field.type}"
    return _bad_body(text)


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, list):
        item = _ITEMS.get(kind)
        return item is not None and all(type(found) is item for found in value)
    return not isinstance(value, bool) and isinstance(value, _TYPES.get(kind, ()))


def _zero(kind: str) -> Any:
    return {"string": "", "int": 0, "float64": 0.0, "action": {}}.get(kind, [])


def _go_kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
    return "object"


def _go_name(key: str) -> str:
    return "".join(part.upper() if part == "id" else part.capitalize() for part in key.split("_"))


def _integer(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise PortalError(400, f"{name}: strconv.Atoi: parsing {text!r}: invalid syntax") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
