"""The demo people of the embedded default (docs/api.md), and the file that keeps their logins."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from django.db import transaction

from apps.accounts.models import ApiToken, Membership, ProductLine, Role, User
from apps.accounts.services import member_set, product_line_create, token_authenticate, token_create

TOKEN_NAME = "demo"  # noqa: S105 - what the token is called, not the token


class Login(TypedDict):
    """What one person needs to come in, by page and by API."""

    password: str
    token: str


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    develops: str = ""
    is_dba: bool = False
    is_sre: bool = False


_LINES = {
    "ocean": {"cop": "xiaomi", "owt": "inf", "pdl": "ocean", "title": "Ocean"},
    "browser": {"cop": "xiaomi", "owt": "miui", "pdl": "browser", "title": "Browser"},
}
_PEOPLE = (
    _Person("dev", develops="ocean"),
    _Person("dev2", develops="browser"),
    _Person("dba", is_dba=True),
    _Person("sre", is_sre=True),
)


def demo_prepare(path: Path) -> dict[str, Login]:
    """Make sure that the demo people, their product lines and logins exist. Idempotent.

    The file at `path` (mode 0600) keeps the logins; where it is lost, or of another database, they are made anew
    and the old ones stop working.
    """
    known = _read(path)
    logins = _people_prepare(known)
    if logins != known:
        _write(path, logins)
    return logins


@transaction.atomic
def _people_prepare(known: dict[str, Login]) -> dict[str, Login]:
    lines = {name: _product_line(**names) for name, names in _LINES.items()}
    logins: dict[str, Login] = {}
    for person in _PEOPLE:
        user, created = User.objects.get_or_create(
            username=person.name,
            defaults={
                "email": f"{person.name}@ocean.example",
                "is_dba": person.is_dba,
                "is_sre": person.is_sre,
                "is_staff": person.is_sre,
                "is_superuser": person.is_sre,
            },
        )
        line = lines.get(person.develops)
        if line and not Membership.objects.filter(user=user, product_line=line).exists():
            member_set(product_line=line, user=user, role=Role.DEVELOPER, by=None)
        login = known.get(person.name)
        logins[person.name] = login if login and not created and _works(login, user) else _renew(user)
    return logins


def _works(login: Login, user: User) -> bool:
    """Whether the file belongs to this database. The token tells; a password may have been changed on purpose,
    and checking its slow hash would cost each start a second."""
    token = token_authenticate(login["token"])
    return token is not None and token.user_id == user.pk


def _renew(user: User) -> Login:
    ApiToken.objects.filter(user=user, name=TOKEN_NAME).delete()
    login = Login(password=secrets.token_urlsafe(12), token=token_create(user=user, name=TOKEN_NAME).key)
    user.set_password(login["password"])
    user.save(update_fields=["password"])
    return login


def _product_line(*, cop: str, owt: str, pdl: str, title: str) -> ProductLine:
    line = ProductLine.objects.filter(cop=cop, owt=owt, pdl=pdl).first()
    return line or product_line_create(cop=cop, owt=owt, pdl=pdl, title=title, by=None)


def _read(path: Path) -> dict[str, Login]:
    """The file's logins; none where it is missing or not as we write it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: Login(password=str(login["password"]), token=str(login["token"]))
            for name, login in content.items()
        }
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def _write(path: Path, logins: dict[str, Login]) -> None:
    """Replace the file at once: no reader meets half of it, and nobody else could ever read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(logins, file, indent=2)
        file.write("\n")
    draft.replace(path)
