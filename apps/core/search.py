"""Searching everything at once. Each app registers what it can find, when Django starts.

A finder asks the database a fixed number of times, bounded by `SHOWN`, through its own selectors: what a person may
not know of is not found. `Rank` puts what was meant first: a whole name or number before its beginning before its
middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Length

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from apps.accounts.models import User

SHOWN = 6
"""Of each kind."""
MAX_LENGTH = 200
"""Characters of a question."""
MAX_WORDS = 6


class Rank(IntEnum):
    """How well a row answers."""

    EXACT = 0
    PREFIX = 1
    INSIDE = 2


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, without the space around it; never empty."""

    text: str

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def words(self) -> list[str]:
        return self.lower.split()[:MAX_WORDS]

    @property
    def number(self) -> int | None:
        """`123` or `#123`, where it can be a row's number."""
        digits = self.text.removeprefix("#")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found. `state` is a code, `state_label` its word for people; `api` its address in the REST API."""

    kind: str
    title: str
    detail: str
    url: str
    api: str
    rank: Rank
    state: str = ""
    state_label: str = ""


Find = Callable[["User", Question], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Finder:
    """What an app can find: `label` heads its group, groups that answer equally well come by `order`."""

    kind: str
    label: StrOrPromise
    icon: str
    order: int
    find: Find


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind, the best first."""

    finder: Finder
    hits: list[Hit] = field(default_factory=list)

    @property
    def rank(self) -> Rank:
        return min(hit.rank for hit in self.hits)


_finders: dict[str, Finder] = {}


def register(finder: Finder) -> None:
    _finders[finder.kind] = finder


def search(user: User, text: str) -> list[Group]:
    """Everything the person may know of that answers, by kind, the kind with the best answer first."""
    text = " ".join(text.replace("\x00", " ").split())
    if not text or len(text) > MAX_LENGTH:
        return []
    question = Question(text)
    found = [
        Group(finder, sorted(finder.find(user, question), key=lambda hit: hit.rank))
        for finder in _finders.values()
    ]
    answered = [group for group in found if group.hits]
    return sorted(answered, key=lambda group: (group.rank, group.finder.order))


def each_word(question: Question, *lookups: str) -> Q:
    """Each word is in one of these (`name__contains` …)."""
    matches = Q()
    for word in question.words:
        matches &= _any(lookups, word)
    return matches


def best_first(
    rows: QuerySet[Any], question: Question, *, names: Sequence[str], lower: bool = False
) -> QuerySet[Any]:
    """The best `SHOWN` of rows that match, ranked by the columns `names` (`search_rank`), the shortest of the first
    column in front. It reads all that match: for tables of thousands. `lower`: the columns are in lower case always,
    which spares the database to say so of each row."""
    text, either = (question.lower, "") if lower else (question.text, "i")
    ranked = rows.annotate(
        search_rank=Case(
            When(_any([f"{name}__{either}exact" for name in names], text), then=Value(int(Rank.EXACT))),
            When(_any([f"{name}__{either}startswith" for name in names], text), then=Value(int(Rank.PREFIX))),
            default=Value(int(Rank.INSIDE)),
            output_field=IntegerField(),
        )
    )
    best: QuerySet[Any] = ranked.order_by("search_rank", Length(names[0]), names[0], "pk")
    return best[:SHOWN]


def rank_of(row: Any) -> Rank:
    """What `best_first` (or an annotation like its own) says of a row."""
    return Rank(row.search_rank)


def _any(lookups: Sequence[str], value: str) -> Q:
    condition = Q()
    for lookup in lookups:
        condition |= Q(**{lookup: value})
    return condition
