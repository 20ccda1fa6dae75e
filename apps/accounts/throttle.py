"""Slows down who guesses passwords: after a few failures an account is closed to that address for a while, after many
the address to every account. Counted in the cache; while that is away nobody is locked out."""

from __future__ import annotations

import hashlib
import logging

import redis
from django.core.cache import cache

log = logging.getLogger(__name__)

WINDOW_S = 300
ACCOUNT_ATTEMPTS = 5
ADDRESS_ATTEMPTS = 100


def attempt(*, username: str, address: str) -> bool:
    """Count an attempt to sign in, before the password is looked at. False: too many, refuse it."""
    try:
        counts = [_count(key) for key in _keys(username, address)]
    except redis.RedisError as exc:
        log.warning("login_throttle_unavailable", extra={"error": str(exc)})
        return True
    allowed = counts[0] <= ACCOUNT_ATTEMPTS and counts[1] <= ADDRESS_ATTEMPTS
    if not allowed:
        log.warning("login_throttled", extra={"address": address, "username": username})
    return allowed


def succeeded(*, username: str, address: str) -> None:
    """Forget an account's attempts: the password was right."""
    try:
        cache.delete(_keys(username, address)[0])
    except redis.RedisError as exc:
        log.warning("login_throttle_unavailable", extra={"error": str(exc)})


def _count(key: str) -> int:
    cache.add(key, 0, timeout=WINDOW_S)
    try:
        return cache.incr(key)
    except ValueError:  # it expired between the two lines
        cache.set(key, 1, timeout=WINDOW_S)
        return 1


def _keys(username: str, address: str) -> tuple[str, str]:
    account = hashlib.sha256(f"{username.lower()}\n{address}".encode()).hexdigest()
    return f"login:account:{account}", f"login:address:{address}"
