"""`?label=` of the app list: `key`, `key==v`, `key!=v`, `key in (a,b)`, `key notin (a,b)`, joined by commas.

Every form needs the label to be present, the negative ones too. Source: api/v2/LabelSelector.scala.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Selector = Callable[[Mapping[str, str]], bool]

_TERM = r"(?:[-A-Za-z0-9_.]|\\.)+"
_SELECTOR = re.compile(
    rf"\s*(?P<key>{_TERM})\s*"
    rf"(?:(?P<operator>==|!=)\s*(?P<value>{_TERM})|(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?\s*(?:,|$)"
)


def parse_selectors(text: str) -> Selector:
    """A test for a label map. Raises ValueError when the text is not a selector list."""
    tests: list[Selector] = []
    position = 0
    while position < len(text):
        found = _SELECTOR.match(text, position)
        if found is None:
            raise ValueError(f"Can not parse label selector {text}")
        tests.append(_test(found))
        position = found.end()
    return lambda labels: all(test(labels) for test in tests)


def _test(found: re.Match[str]) -> Selector:
    key = _unescaped(found["key"])
    if found["operator"] is not None:
        values, wanted = {_unescaped(found["value"])}, found["operator"] == "=="
    elif found["set"] is not None:
        values = {_unescaped(value.strip()) for value in found["values"].split(",")}
        wanted = found["set"] == "in"
    else:
        return lambda labels: key in labels
    return lambda labels: key in labels and (labels[key] in values) == wanted


def _unescaped(term: str) -> str:
    return re.sub(r"\\(.)", r"\1", term)
