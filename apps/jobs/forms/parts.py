"""Tabs of the job form that other apps keep: what they hold is no part of the job's spec, and is saved in the same
transaction as its version, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from django.utils.functional import Promise

from apps.core.errors import FieldError
from apps.jobs.models import Job

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call of the API that does what a form would do. `path` is below `/api/v1/`; `body` None: it has none."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: Mapping[str, Any] | None = None


class FormPart(Protocol):
    """One such tab. The names of all its fields, and the paths of all its errors, begin with its id."""

    id: str
    template: str
    """Rendered with the part as `part`."""

    @property
    def label(self) -> str | Promise: ...

    @property
    def has_errors(self) -> bool: ...

    def errors(self) -> Sequence[FieldError]:
        """What can be said to be wrong without looking at anything else."""

    def save(self, job: Job, *, by: User) -> str:
        """Save what was typed, and say so: a sentence, or '' where nothing was or changed. Raises InvalidInput with
        paths that begin with the part's id."""

    def place(self, error: FieldError) -> None:
        """Put an error at its field."""

    def calls(self, tag: str) -> Sequence[ApiCall]:
        """The calls that save what was typed for the job of this tag; none where nothing would be. Raises InvalidInput
        with paths that begin with the part's id."""


PartMaker = Callable[["User", Job | None, "Mapping[str, str] | None"], FormPart]
"""Makes the tab for a person and a job (None: a new one); with what was typed where the form came back."""

_makers: list[PartMaker] = []


def register_part(maker: PartMaker) -> None:
    """Add a tab to the form, before the last one. Called once, when Django starts."""
    _makers.append(maker)


def parts_of(user: User, job: Job | None, data: Mapping[str, str] | None = None) -> list[FormPart]:
    return [maker(user, job, data) for maker in _makers]
