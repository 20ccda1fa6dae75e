"""Secrets at rest: Fernet, with keys that rotate (`OCEAN_ENCRYPTION_KEYS`: the first encrypts, all decrypt)."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _fernet() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in settings.OCEAN_ENCRYPTION_KEYS])
    except ValueError as exc:
        raise ImproperlyConfigured(
            "OCEAN_ENCRYPTION_KEYS holds something that is no Fernet key (32 bytes, URL-safe base64)."
        ) from exc


def encrypt(text: str) -> str:
    """The text as a token that only this installation's keys open."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text in a token. Raises ImproperlyConfigured when none of the keys opens it."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise ImproperlyConfigured(
            "A stored secret cannot be opened with OCEAN_ENCRYPTION_KEYS: was a key dropped before "
            "everything was encrypted with the next one?"
        ) from exc


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database and plain in Python. It cannot be searched or ordered by."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value
