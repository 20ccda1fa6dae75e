"""A product line's secrets: written here, read only when a workload is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import ProductLine, validate_name
from apps.accounts.rights import Right, require
from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput
from apps.jobs.models import Secret

if TYPE_CHECKING:
    from apps.accounts.models import User


@transaction.atomic
def secret_set(*, product_line: ProductLine, name: str, value: str, by: User) -> Secret:
    """Add a secret or replace its value; running instances get it with the next publish."""
    require(by, Right.CHANGE, product_line)
    try:
        validate_name(name)
    except ValidationError as exc:
        raise InvalidInput(FieldError("name", exc.code or "invalid", " ".join(exc.messages))) from exc
    secret, _created = Secret.objects.update_or_create(
        product_line=product_line,
        name=name,
        defaults={"value": value, "updated_at": timezone.now(), "updated_by": by},
    )
    audit(by=by, action="secret.set", object=f"{product_line}: {name}", product_line=product_line)
    return secret


@transaction.atomic
def secret_delete(*, secret: Secret, by: User) -> None:
    """Forget a secret. Versions that name it can no longer be published."""
    require(by, Right.CHANGE, secret.product_line)
    audit(by=by, action="secret.delete", object=str(secret), product_line=secret.product_line)
    secret.delete()
