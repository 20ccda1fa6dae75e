"""Short names of jobs: `web`, `shop/web`, `web@staging`, `shop/web@staging`, or the whole tag.

A short name is taken when it means one job; else the candidates are shown, each as it has to be written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from ocean_cli.errors import NotFound, Usage

if TYPE_CHECKING:
    from ocean_cli.http import Api

_TAG = re.compile(r"job\.[^_/]+_service\.[^_/]+_cluster\.[^_/]+_pdl\..+")
_SHORT = re.compile(r"(?:(?P<service>[a-z0-9-]+)/)?(?P<name>[a-z0-9-]+)(?:@(?P<cluster>[a-z0-9-]+))?")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Short:
    """The parts of a short name; None is whichever."""

    name: str
    service: str | None = None
    cluster: str | None = None


def short_of(text: str) -> Short | None:
    """None when it is no short name."""
    found = _SHORT.fullmatch(text)
    return Short(found["name"], found["service"], found["cluster"]) if found else None


def tag_of(text: str) -> str | None:
    """The tag, from itself or from the address of a job's page; None when it is neither."""
    if "://" in text:
        parts = [unquote(part) for part in urlsplit(text).path.split("/")]
        text = next((part for part in parts if part.startswith("job.")), "")
    return text if _TAG.fullmatch(text) else None


def path_of(tag: str) -> str:
    """A job's address under /api/v1/."""
    return f"jobs/{quote(tag, safe='')}/"


def resolve(api: Api, text: str) -> str:
    """The tag of the one job that is meant. Raises Usage with the candidates, NotFound when there is none."""
    if tag := tag_of(text):
        return tag
    short = short_of(text)
    if short is None:
        raise Usage(
            f"'{text}' is no job's name.",
            hint="Write name, service/name, name@cluster, service/name@cluster, or the whole tag.",
        )
    found = list(
        api.pages("jobs/", limit=SHOWN + 1, name=short.name, service=short.service, cluster=short.cluster)
    )
    if len(found) == 1:
        return str(found[0]["tag"])
    if found:
        raise Usage(f"'{text}' may be any of these jobs:\n{_listed(found)}", hint="Name one of them.")
    similar = list(api.pages("jobs/", limit=5, search=short.name))
    hint = f"Did you mean one of these?\n{_listed(similar)}" if similar else "`ocean jobs` lists yours."
    raise NotFound(
        f"There is no job '{text}', or none that you may know of.", status=404, problem={}, hint=hint
    )


def shortest(row: dict[str, Any], among: Sequence[dict[str, Any]]) -> str:
    """How a job has to be written to mean it alone among these."""
    name, service, cluster = row["name"], row["service"], row["cluster"]
    for written, keys in (
        (name, ("name",)),
        (f"{name}@{cluster}", ("name", "cluster")),
        (f"{service}/{name}", ("name", "service")),
        (f"{service}/{name}@{cluster}", ("name", "service", "cluster")),
    ):
        if sum(all(other[key] == row[key] for key in keys) for other in among) == 1:
            return str(written)
    return str(row["tag"])


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    lines = [f"  {shortest(row, rows)}" for row in rows[:SHOWN]]
    return "\n".join([*lines, "  …"] if len(rows) > SHOWN else lines)
