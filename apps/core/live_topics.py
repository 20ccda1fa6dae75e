"""Who may listen to which live topic. Each app registers the topics that it announces, when Django starts.

A topic is a name (`operations`) or a name and a row (`job:12`). Messages say only that something changed, so hearing
of a list (`jobs`) tells nobody what is in it; a row's topic is open to those who may see the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.accounts.models import User

Visible = Callable[["User", int], bool]
MAX_TOPICS = 50
"""Of one page. What comes after is dropped: the page still refreshes on the others."""

_lists: set[str] = set()
_rows: dict[str, Visible] = {}


def register_list(name: str) -> None:
    """A topic that everyone who is signed in may listen to."""
    _lists.add(name)


def register_rows(name: str, visible: Visible) -> None:
    """Topics `name:<id>`; `visible` says whether the person may see the row with that id."""
    _rows[name] = visible


def allowed(user: User, topics: Iterable[str]) -> frozenset[str]:
    """Those of `topics` that exist and that the person may listen to. Asks the database once for each row."""
    wanted = list(dict.fromkeys(topics))[:MAX_TOPICS]
    return frozenset(topic for topic in wanted if _is_allowed(user, topic))


def _is_allowed(user: User, topic: str) -> bool:
    name, colon, row = topic.partition(":")
    if not colon:
        return name in _lists
    visible = _rows.get(name)
    return visible is not None and row.isdecimal() and len(row) < 19 and visible(user, int(row))
