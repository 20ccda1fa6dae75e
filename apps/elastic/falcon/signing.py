"""The signature in the URL that Falcon's alarm calls: alarm itself sends none (docs/falcon.md).

The URL says which job it is about and by which key, and proves that Ocean wrote it. That is checked a thousand times a
second, so there is one HMAC and no database. Whether the key still counts is the loop's to say (`keys`): it is drawn by
lot for each policy, and another is drawn to make a URL that leaked worthless.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as lots
from collections.abc import Sequence
from typing import NamedTuple

PATH = "/api/v1/callbacks/falcon/"
JOB, KEY, SIGNATURE = "job", "key", "sig"
_PURPOSE = b"ocean.falcon.callback:"
_LENGTH = 32
"""Hexadecimal digits, 128 bits: the whole URL must fit into 255 characters."""
KEY_BYTES = 8


class Ring(NamedTuple):
    """For which job somebody rang, and by which key. Policies from before there were keys have ''."""

    job_id: int
    key: str = ""


def new_key() -> str:
    """Unlike a number that counts up it is another also for a policy that was removed and made anew."""
    return lots.token_hex(KEY_BYTES)


def callback_url(base_url: str, ring: Ring, *, secret: str) -> str:
    """`https://ocean/api/v1/callbacks/falcon/?job=12&key=…&sig=…`; alarm adds its own with `&`."""
    key = f"&{KEY}={ring.key}" if ring.key else ""
    return (
        f"{base_url.rstrip('/')}{PATH}?{JOB}={ring.job_id}{key}&{SIGNATURE}={signature(ring, secret=secret)}"
    )


def signature(ring: Ring, *, secret: str) -> str:
    by = hashlib.sha256(_PURPOSE + secret.encode()).digest()
    text = f"{ring.job_id}:{ring.key}" if ring.key else f"{ring.job_id}"
    return hmac.new(by, text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def signed_ring(job: str, key: str, sign: str, *, secrets: Sequence[str]) -> Ring | None:
    """What the URL's `job`, `key` and `sig` prove, by the present secret or an earlier one; None for a forgery."""
    if not (job.isascii() and job.isdecimal() and len(job) < 19):
        return None
    ring = Ring(int(job), key)
    for secret in secrets:
        if hmac.compare_digest(signature(ring, secret=secret).encode(), sign.encode()):
            return ring
    return None
