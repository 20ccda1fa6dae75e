"""Numbers, lists and names as the sentences use them; nothing here depends on the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext_noop

from apps.jobs.explain.problem import line

LISTED = 5
"""Names in one sentence; of more, the first ones and how many others."""
_MANY = gettext_noop("%(names)s and %(others)s more")
_CPUS, _CPU = gettext_noop("%(amount)s CPUs"), gettext_noop("%(amount)s CPU")
_MEMORY, _DISK = gettext_noop("%(amount)s of memory"), gettext_noop("%(amount)s of disk")
_GPUS, _GPU = gettext_noop("%(amount)s GPUs"), gettext_noop("%(amount)s GPU")
_AND = gettext_noop("%(these)s and %(last)s")


def number(value: float) -> str:
    """`4`, `11.5`, `0.125`: never in exponents."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def mib(value: float) -> str:
    """`512 MiB`, `64 GiB`: whole GiB where they are whole."""
    return f"{value / 1024:.0f} GiB" if value >= 1024 and value % 1024 == 0 else f"{value:.0f} MiB"


def amount(resource: str, value: float) -> dict[str, Any]:
    """So much of a resource (Mesos' name), as a part of a sentence."""
    if resource in ("mem", "disk"):
        return line(_MEMORY if resource == "mem" else _DISK, amount=mib(value))
    one, more = (_CPU, _CPUS) if resource == "cpus" else (_GPU, _GPUS)
    return line(one if value == 1 else more, amount=number(value))


def bare(resource: str, value: float) -> str:
    """The same without saying of what."""
    return mib(value) if resource in ("mem", "disk") else number(value)


def all_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """`a`, `a and b`, `a and b and c`."""
    first, *others = parts
    return line(_AND, these=first, last=all_of(others)) if others else first


def listed(names: Iterable[str]) -> Any:
    """`a, b, c`, and how many others there are."""
    found = list(names)
    first = ", ".join(found[:LISTED])
    return line(_MANY, names=first, others=len(found) - LISTED) if len(found) > LISTED else first


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def duration(seconds: float) -> str:
    """`0.3 s`, `45 s`, `12 min`, `3 h`: read alike in every language."""
    if seconds < 10:
        return f"{number(round(seconds, 1))} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
