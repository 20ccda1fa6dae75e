"""The audit trail of changes inside the database (those outside it are Operations)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.core.models import AuditEntry

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine, User


def audit(
    *, by: User | None, action: str, object: str, product_line: ProductLine | None = None, **detail: Any
) -> None:
    """Note who did what to which object, in the caller's transaction. Never pass a secret as detail."""
    AuditEntry.objects.create(
        actor=by, action=action, object=object, product_line=product_line, detail=detail
    )
