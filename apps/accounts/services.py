"""Writing accounts: tokens, members, product lines."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import ApiToken, Membership, ProductLine, Role, User
from apps.accounts.rights import Right, require, require_sre
from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput

TOKEN_PREFIX = "ocean_"  # noqa: S105 - the part that is the same for all
LAST_USED_STEP = timedelta(minutes=1)
"""`last_used_at` moves at most this often, so that reading the API does not write for every call."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token's row and the key itself, which is shown once and never stored."""

    row: ApiToken
    key: str


def token_digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def token_create(*, user: User, name: str, expires_at: datetime | None = None) -> NewToken:
    """Make a new key for the person's own use."""
    key = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user, name=name, prefix=key[:12], digest=token_digest(key), expires_at=expires_at
    )
    audit(by=user, action="token.create", object=str(row))
    return NewToken(row=row, key=key)


@transaction.atomic
def token_rotate(*, token: ApiToken, by: User) -> NewToken:
    """Replace a key by a new one of the same name; the old one stops working at once."""
    new = token_create(user=token.user, name=token.name, expires_at=token.expires_at)
    token_revoke(token=token, by=by)
    return new


@transaction.atomic
def token_revoke(*, token: ApiToken, by: User) -> None:
    audit(by=by, action="token.revoke", object=str(token))
    token.delete()


def token_authenticate(key: str) -> ApiToken | None:
    """The live token with this key, of an active person; notes that it was used."""
    now = timezone.now()
    token = ApiToken.objects.select_related("user").filter(digest=token_digest(key)).first()
    if token is None or not token.user.is_active or (token.expires_at and token.expires_at <= now):
        return None
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def product_line_create(*, cop: str, owt: str, pdl: str, title: str = "", by: User | None) -> ProductLine:
    """Add a product line to the service tree. `by` is an SRE (None: the set-up itself)."""
    if by is not None:
        require_sre(by)
    line = ProductLine(cop=cop, owt=owt, pdl=pdl, title=title)
    try:
        line.full_clean(exclude=["tag"])
    except ValidationError as exc:
        raise InvalidInput(
            *(
                FieldError(field=field, code=error.code or "invalid", detail=" ".join(error.messages))
                for field, errors in exc.error_dict.items()
                for error in errors
            )
        ) from exc
    if ProductLine.objects.filter(cop=cop, owt=owt, pdl=pdl).exists():
        raise InvalidInput(
            FieldError("pdl", "unique", _("There is already a product line %(line)s.") % {"line": line})
        )
    line.save()
    audit(by=by, action="product_line.create", object=str(line), product_line=line)
    return line


@transaction.atomic
def member_set(*, product_line: ProductLine, user: User, role: Role, by: User | None) -> Membership:
    """Give a person a role on a product line, or change it. `by` needs MANAGE there (None: the set-up itself).

    Raises InvalidInput where the last owner would become less: somebody must be able to let others in."""
    if by is not None:
        require(by, Right.MANAGE, product_line)
    if role != Role.OWNER:
        _refuse_last_owner(product_line, user, field="role")
    membership, _created = Membership.objects.update_or_create(
        product_line=product_line, user=user, defaults={"role": role}
    )
    audit(
        by=by,
        action="member.set",
        object=f"{user} @ {product_line}",
        product_line=product_line,
        role=role.value,
    )
    return membership


@transaction.atomic
def member_remove(*, membership: Membership, by: User) -> None:
    """End a membership. Raises InvalidInput for the last owner: somebody must be able to let others in."""
    line = membership.product_line
    require(by, Right.MANAGE, line)
    _refuse_last_owner(line, membership.user, field="user")
    audit(by=by, action="member.remove", object=f"{membership.user} @ {line}", product_line=line)
    membership.delete()


def _refuse_last_owner(line: ProductLine, user: User, *, field: str) -> None:
    """Raises InvalidInput if the person is the product line's only owner. Holds the owners' rows, so that two who
    step down at once do not both pass."""
    owners = Membership.objects.select_for_update().filter(product_line=line, role=Role.OWNER)
    if [owner.user_id for owner in owners] == [user.pk]:
        text = _("%(user)s is the last owner. Name another owner first.") % {"user": user}
        raise InvalidInput(FieldError(field, "last_owner", text))
