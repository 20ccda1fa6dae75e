"""Which callbacks count: those by a policy's own key, and by the one that its Falcon still has.

The door in front of Django (`callback`) knows only that Ocean once signed a URL. Here, behind the queue, one that was
revoked wakes nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from apps.elastic.falcon.signing import Ring
from apps.elastic.models import ScalingPolicy

log = logging.getLogger(__name__)


def jobs_rung_for(rings: Collection[Ring]) -> set[int]:
    """The jobs for which somebody rang by a key that counts. One query, none where nobody rang."""
    if not rings:
        return set()
    jobs = {ring.job_id for ring in rings}
    known = ScalingPolicy.objects.filter(job__in=jobs).values_list(
        "job", "callback_key", "falcon__callback_key"
    )
    valid = {(job_id, key) for job_id, *keys in known for key in keys}
    found = {ring.job_id for ring in rings if ring in valid}
    if found != jobs:
        log.info("callback_outdated", extra={"jobs": sorted(jobs - found)[:20]})
    return found
