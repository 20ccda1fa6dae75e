"""What drf-spectacular cannot read from the views: how every call answers when it fails."""

from __future__ import annotations

from typing import Any

from drf_spectacular.plumbing import get_lib_doc_excludes

from apps.core.api.base import ApiView
from apps.core.api.problems import CONTENT_TYPE
from apps.core.serializers import Strict


def undocumented_bases() -> list[type]:
    """Classes whose docstrings are for us: what has none of its own gets no description rather than theirs."""
    return [*get_lib_doc_excludes(), Strict, ApiView]  # type: ignore[no-untyped-call]


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Programs branch on `type` and on `errors[].code`; the texts are for people.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "example": "urn:ocean:problem:target-busy"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string", "example": "spec.health_checks[0].path"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "operation": {"type": "integer", "description": "409 target-busy: the operation that holds it."},
        "version": {"type": "integer", "description": "409 stale-version: the latest version."},
        "request_id": {"type": "string"},
    },
}


def describe_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook: each call's `default` response is a problem."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components.setdefault("responses", {})["Problem"] = {
        "description": "It failed.",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in result["paths"].values():
        for call in path.values():
            call["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    return result
