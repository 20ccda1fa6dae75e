"""Instances that wait for a host, by what only the scheduler knows: why it declined the hosts' offers."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from apps.jobs.explain.facts import Facts
from apps.jobs.explain.problem import Problem
from engines.base import DeclineReason

PATIENCE_S = 15
"""A scheduler that has room for all that wait takes so long at most before it deserves a word."""
NO_OFFER = gettext_noop("Instances that wait for a host: %(count)s.")
NO_OFFERS_YET = gettext_noop("No host has made an offer yet.")
NO_OFFERS_HINT = gettext_noop("See on the hosts page whether the cluster's hosts are in service.")
ONLY_OTHER = gettext_noop("The scheduler says: %(reason)s (%(declined)s of %(processed)s offers refused).")
ROOM = gettext_noop(
    "The hosts have room for the %(count)s instances that wait; the scheduler is about to start them."
)
ROOM_WHY = gettext_noop("It starts only so many at once, and a host offers what it has every few seconds.")

UNSEEN = frozenset(
    {
        "UnfulfilledRole",
        "NoCorrespondingReservationFound",
        "AgentMaintenance",
        "InsufficientPorts",
        "DeclinedScarceResources",
    }
)
"""Reasons that the hosts' figures do not show."""
REASONS: dict[str, tuple[str, str]] = {
    "InsufficientCpus": (
        gettext_noop("No offer has enough CPUs free (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Ask for fewer CPUs, fewer instances, or free some capacity."),
    ),
    "InsufficientMemory": (
        gettext_noop("No offer has enough memory free (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Ask for less memory, fewer instances, or free some capacity."),
    ),
    "InsufficientDisk": (
        gettext_noop("No offer has enough disk free (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Ask for less disk, or free some capacity."),
    ),
    "InsufficientGpus": (
        gettext_noop("No offer has enough GPUs free (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Ask for fewer GPUs, or a cluster that has them."),
    ),
    "InsufficientPorts": (
        gettext_noop(
            "No host has so many ports free, %(ports)s for each instance (%(declined)s of "
            "%(processed)s offers refused)."
        ),
        gettext_noop("Ask for fewer ports, fewer instances, or end something that is not needed."),
    ),
    "UnfulfilledConstraint": (
        gettext_noop(
            "No host that is left fits the constraints (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Loosen the constraints, or ask for fewer instances."),
    ),
    "UnfulfilledRole": (
        gettext_noop(
            "The hosts' resources are kept for other roles (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Ask an SRE which role this cluster's hosts are for."),
    ),
    "NoCorrespondingReservationFound": (
        gettext_noop(
            "The host that holds the instance's volume did not offer (%(declined)s of %(processed)s "
            "offers refused)."
        ),
        gettext_noop("See whether that host is in service."),
    ),
    "AgentMaintenance": (
        gettext_noop("Hosts are in maintenance (%(declined)s of %(processed)s offers refused)."),
        gettext_noop("Wait until they are back, or ask an SRE."),
    ),
    "DeclinedScarceResources": (
        gettext_noop(
            "Only hosts with scarce resources (GPUs) are left (%(declined)s of %(processed)s offers refused)."
        ),
        gettext_noop("Free some capacity on ordinary hosts."),
    ),
}


def unseen_reason(facts: Facts) -> Problem | None:
    """A reason that cannot be read from the hosts' figures: the scheduler's word goes first."""
    main = _main(facts)
    return _declined(facts, main) if main is not None and main.reason in UNSEEN else None


def declined(facts: Facts) -> Problem | None:
    """The reason that refused most offers, in words."""
    main = _main(facts)
    return None if main is None else _declined(facts, main)


def about_to_start(facts: Facts) -> Problem | None:
    """Nothing speaks against the instances that wait: they wait their turn."""
    waiting = facts.waiting
    if waiting is None:
        return None
    values = {"count": waiting.count}
    long = waiting.since is None or (facts.now - waiting.since).total_seconds() > PATIENCE_S
    if long or not facts.usable_hosts:
        return Problem("warning", "no_offers", NO_OFFER, NO_OFFERS_YET, NO_OFFERS_HINT, values)
    return Problem("info", "about_to_start", ROOM, ROOM_WHY, values=values)


def _main(facts: Facts) -> DeclineReason | None:
    reasons = facts.waiting.reasons if facts.waiting else ()
    return max((reason for reason in reasons if reason.declined), key=lambda one: one.declined, default=None)


def _declined(facts: Facts, main: DeclineReason) -> Problem:
    why, hint = REASONS.get(main.reason, (ONLY_OTHER, ""))
    values = {
        "count": facts.waiting.count if facts.waiting else 0,
        "ports": len(facts.spec.get("ports", ())),
        "reason": main.reason,
        "declined": main.declined,
        "processed": main.processed,
    }
    return Problem("error", "offers_declined", NO_OFFER, why, hint, values)
