"""What a form showed, as a short text that it sends back: with it a save can tell what the person changed from what
somebody else saved meanwhile, and what was sent twice from what is new."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(value: Any) -> str:
    """The same for equal values of JSON's own types, whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
