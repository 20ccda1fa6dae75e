"""JSON bodies, with the limits that DRF's own parser does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework import exceptions, parsers

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""An escaped NUL: `\\u0000` after an even number of backslashes."""


class JSONParser(parsers.JSONParser):
    """Refuses what is no JSON, what is too large, and text that PostgreSQL cannot hold."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        # Django keeps its limit only where it reads the body itself.
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        try:
            text = body.decode("utf-8")
            data = json.loads(text, parse_constant=_no_constants)
            json.dumps(data, ensure_ascii=False).encode("utf-8")  # an escape can be half a surrogate pair
        except (ValueError, RecursionError) as exc:
            raise exceptions.ParseError(_("The body is not JSON: %(error)s.") % {"error": exc}) from exc
        if _NUL.search(text):
            raise exceptions.ParseError(_("Text cannot hold the character U+0000."))
        return data


def _no_constants(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
