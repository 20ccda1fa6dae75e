"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

from itertools import count
from typing import Any

from apps.accounts.models import Membership, ProductLine, Role, User
from apps.accounts.services import token_create

_numbers = count(1)


def make_user(**overrides: Any) -> User:
    """A person without any right. `password` is hashed; without one nobody can log in with a password."""
    password = overrides.pop("password", None)
    user = User(**{"username": f"person-{next(_numbers)}", **overrides})
    user.set_password(password)
    user.save()
    return user


def make_sre(**overrides: Any) -> User:
    return make_user(is_sre=True, is_staff=True, is_superuser=True, **overrides)


def make_product_line(**overrides: Any) -> ProductLine:
    values = {"cop": "xiaomi", "owt": "inf", "pdl": f"line-{next(_numbers)}", **overrides}
    line = ProductLine.objects.create(**values)
    line.refresh_from_db()  # the tag is the database's
    return line


def make_member(
    product_line: ProductLine | None = None, *, role: Role = Role.DEVELOPER, **overrides: Any
) -> User:
    """A new person with a role on the product line (a new one, unless given)."""
    user = make_user(**overrides)
    Membership.objects.create(product_line=product_line or make_product_line(), user=user, role=role)
    return user


def make_token(user: User) -> str:
    """A live API token of the person's: the key itself."""
    return token_create(user=user, name="test").key
