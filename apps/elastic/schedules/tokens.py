"""The token with which a schedule's Chronos job calls: good for that schedule's own slot and nothing else.

It is made from the installation's key, the schedule and a generation that counts up to revoke it, so that nothing is
stored that could be stolen, and whoever posts the job anew posts the same one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.conf import settings

_PURPOSE = b"ocean: a schedule's call"


def token_of(*, schedule_id: int, generation: int) -> str:
    """The token that is posted to Chronos."""
    return _token(settings.OCEAN_ENCRYPTION_KEYS[0], schedule_id, generation)


def token_is_good(token: str, *, schedule_id: int, generation: int) -> bool:
    """Whether it is this schedule's: made with any of the keys that are still in use."""
    given = token.encode()
    return any(
        hmac.compare_digest(given, _token(key, schedule_id, generation).encode())
        for key in settings.OCEAN_ENCRYPTION_KEYS
    )


def _token(key: str, schedule_id: int, generation: int) -> str:
    secret = hmac.new(key.encode(), _PURPOSE, hashlib.sha256).digest()
    digest = hmac.new(secret, f"{schedule_id}:{generation}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
