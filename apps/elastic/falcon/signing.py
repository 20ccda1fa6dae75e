"""The signature in the URL that Falcon's alarm calls: alarm itself sends none (docs/falcon.md).

The URL says which job it is about, and proves that Ocean wrote it. It is checked a thousand times a second, so there is
one HMAC and no database.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

PATH = "/api/v1/callbacks/falcon/"
JOB, SIGNATURE = "job", "sig"
_PURPOSE = b"ocean.falcon.callback:"
_LENGTH = 32
"""Hexadecimal digits, 128 bits: the whole URL must fit into 255 characters."""


def callback_url(base_url: str, job_id: int, *, secret: str) -> str:
    """`https://ocean/api/v1/callbacks/falcon/?job=12&sig=…`; alarm adds its own with `&`."""
    return f"{base_url.rstrip('/')}{PATH}?{JOB}={job_id}&{SIGNATURE}={signature(job_id, secret=secret)}"


def signature(job_id: int, *, secret: str) -> str:
    key = hashlib.sha256(_PURPOSE + secret.encode()).digest()
    return hmac.new(key, str(job_id).encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def signed_job(job: str, sign: str, *, secrets: Sequence[str]) -> int | None:
    """The job that the URL's `job` and `sig` prove, by the present secret or an earlier one; None for a forgery."""
    if not (job.isascii() and job.isdecimal() and len(job) < 19):
        return None
    job_id = int(job)
    for secret in secrets:
        if hmac.compare_digest(signature(job_id, secret=secret).encode(), sign.encode()):
            return job_id
    return None
