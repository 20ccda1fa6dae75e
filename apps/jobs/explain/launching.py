"""Instances that are on a host but not up, and deployments that hold a job."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from apps.jobs.explain.facts import Facts
from apps.jobs.explain.problem import Problem
from apps.jobs.explain.words import duration, listed
from engines.base import InstanceState

LONG_S = 60
"""Staging longer than this deserves a word: a file is fetched, an image pulled, or the host hangs."""
UNREACHABLE = gettext_noop("Instances out of sight, on %(hosts)s: %(count)s.")
UNREACHABLE_WHY = gettext_noop(
    "The scheduler does not hear from these hosts; the instances may still run there."
)
UNREACHABLE_HINT = gettext_noop(
    "Ask an SRE about the hosts; the scheduler replaces the instances after a while."
)
STAGING = gettext_noop(
    "The instance on %(host)s has been getting ready for %(since)s (instances: %(count)s)."
)
STAGING_IMAGE = gettext_noop("The host gets the image %(image)s.")
STAGING_FETCH = gettext_noop("The host fetches %(uris)s.")
STAGING_OTHER = gettext_noop("The host has not started it yet.")
STAGING_HINT = gettext_noop("Wait, or see in the instance's log (stderr) what the host does.")
STARTING = gettext_noop("Instances that are starting: %(count)s.")
UNCHECKED = gettext_noop("Instances that run and whose health check has not passed yet: %(count)s.")
UNCHECKED_WHY = gettext_noop("Failures are not counted in the first %(grace)s s after a start.")
FOREIGN = gettext_noop("A deployment that Ocean did not start holds the job: %(deployment)s.")
FOREIGN_HINT = gettext_noop(
    "See on the scheduler who began it. Ocean shows what comes of it, and publishes after it."
)


def unreachable(facts: Facts) -> Problem | None:
    """Instances on hosts that the scheduler lost sight of."""
    lost = [one for one in facts.instances if one.state == InstanceState.UNREACHABLE]
    if not lost:
        return None
    hosts = sorted({one.host for one in lost if one.host})
    values = {"count": len(lost), "hosts": listed(hosts)}
    return Problem(
        "error", "unreachable", UNREACHABLE, UNREACHABLE_WHY, UNREACHABLE_HINT, values, hosts=tuple(hosts)
    )


def staging_long(facts: Facts) -> Problem | None:
    """A host that takes long to fetch, pull or start."""
    preparing = {InstanceState.STAGING, InstanceState.STARTING}
    staged = [one for one in facts.instances if one.state in preparing and one.staged_at and one.host]
    late = [one for one in staged if one.staged_at and (facts.now - one.staged_at).total_seconds() > LONG_S]
    if not late:
        return None
    oldest = min(late, key=lambda one: one.staged_at or facts.now)
    since = (facts.now - (oldest.staged_at or facts.now)).total_seconds()
    uris = [row["uri"] for row in facts.spec.get("fetch", ())]
    image = facts.spec.get("image")
    values = {
        "host": oldest.host,
        "since": duration(since),
        "count": len(late),
        "image": image,
        "uris": listed(uris),
    }
    why = STAGING_IMAGE if image else STAGING_FETCH if uris else STAGING_OTHER
    return Problem("warning", "staging_long", STAGING, why, STAGING_HINT, values, hosts=(oldest.host,))


def foreign_deployment(facts: Facts) -> Problem | None:
    """The scheduler works on the job though no operation of Ocean's asked it to."""
    status = facts.status
    if status is None or facts.operation or not status.deployments:
        return None
    values = {"deployment": str(status.deployments[0])}
    return Problem("warning", "foreign_deployment", FOREIGN, hint=FOREIGN_HINT, values=values)


def starting(facts: Facts) -> Problem | None:
    """Nothing is wrong yet."""
    status = facts.status
    if status is None or not status.staging:
        return None
    return Problem("info", "starting", STARTING, values={"count": status.staging})


def unchecked(facts: Facts) -> Problem | None:
    """They run, and their checks have said nothing yet."""
    status = facts.status
    if status is None or not status.has_health_checks or not facts.is_short:
        return None
    pending = [one for one in facts.instances if one.state == InstanceState.RUNNING and one.healthy is None]
    checks = facts.spec.get("health_checks", ())
    if not pending or not checks:
        return None
    values = {"count": len(pending), "grace": max(check["grace_s"] for check in checks)}
    return Problem("info", "unchecked", UNCHECKED, UNCHECKED_WHY, values=values)
