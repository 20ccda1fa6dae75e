"""What can go wrong inside Ocean, before any scheduler is asked.

    DomainError            code, message for people, and the field that caused it
    ├── InvalidInput       400: one or more fields (`errors`)
    ├── Forbidden          403: you can see it, but not do this
    ├── StaleVersion       409: somebody saved before you
    ├── TargetBusy         409: another operation works on it (`operation`)
    ├── NotNow             409: an operation that cannot be told this at present
    └── KeyReused          409: an Idempotency-Key that came with another request

Errors know nothing of HTTP; `apps.core.api.problems` maps them to a status. Unknown and invisible things are
Django's `Http404` / `DoesNotExist`, from querysets that are scoped to the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.core.operations.kinds import kind_label

if TYPE_CHECKING:
    from apps.core.models import Operation


class DomainError(Exception):
    """The base. `str(error)` is a sentence for people, in the active language."""

    code = "error"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field's error. `field` is a path: `spec.health_checks[0].path`; `line` (from 1) where it came in a text."""

    field: str
    code: str
    detail: str
    line: int | None = None


class InvalidInput(DomainError):
    code = "invalid"

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__(" ".join(error.detail for error in errors))


class Forbidden(DomainError):
    code = "forbidden"


class StaleVersion(DomainError):
    code = "stale_version"

    def __init__(self, *, given: int, latest: int) -> None:
        self.given, self.latest = given, latest
        super().__init__(
            _(
                "You edited version %(given)s, but version %(latest)s has been saved since. "
                "Look at the difference and save again."
            )
            % {"given": given, "latest": latest}
        )


class TargetBusy(DomainError):
    code = "target_busy"

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        super().__init__(
            _("Operation #%(id)s (%(kind)s) is still working on %(target)s. Wait for it, or cancel it first.")
            % {"id": operation.pk, "kind": kind_label(operation.kind), "target": operation.target}
        )


class NotNow(DomainError):
    code = "not_now"

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        super().__init__(
            _("Operation #%(id)s (%(kind)s) cannot be told this now: look at how far it is.")
            % {"id": operation.pk, "kind": kind_label(operation.kind)}
        )


class KeyReused(DomainError):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            _("This Idempotency-Key came with another request before. Use a new key for a new request.")
        )
