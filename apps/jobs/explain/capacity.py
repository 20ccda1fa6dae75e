"""Instances that wait for a host, because none is large enough, or none has so much free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from apps.jobs.explain.facts import RESOURCES, Facts, HostFacts
from apps.jobs.explain.fit import eligible, is_large_enough, open_hosts, room, rules, short_of
from apps.jobs.explain.problem import Change, Problem
from apps.jobs.explain.words import all_of, amount, bare, listed

FIELDS = {"cpus": "cpus", "mem": "memory_mib", "disk": "disk_mib", "gpus": "gpus"}
"""What the spec calls them."""
_LEAST = {"cpus": 0.001, "mem": 4, "disk": 0, "gpus": 0}

NO_HOSTS = gettext_noop("%(cluster)s has no host in service.")
NO_HOSTS_WHY = gettext_noop(
    "Of its hosts (%(count)s) are draining: %(draining)s, out of reach: %(lost)s. They are %(names)s."
)
NO_HOSTS_HINT = gettext_noop(
    "Nothing can start there until a host is back: ask an SRE, or use another cluster."
)
TOO_LARGE = gettext_noop(
    "No host of %(cluster)s has %(asked)s: the largest, %(host)s, has %(has)s (%(free)s free now)."
)
TOO_LARGE_HERE = gettext_noop(
    "None of the %(count)s hosts that meet the constraints has %(asked)s: the largest, %(host)s, has %(has)s "
    "(%(free)s free now)."
)
TOO_LARGE_HINT = gettext_noop("Ask for at most %(has)s for each instance.")
NONE_AT_ALL = gettext_noop("No host of %(cluster)s has any of what is asked for: %(asked)s.")
NONE_AT_ALL_HINT = gettext_noop("Leave it out, or use a cluster whose hosts have it.")
ELSEWHERE = gettext_noop("%(other)s has as much, but does not meet the constraints (%(rules)s).")
TOGETHER = gettext_noop("No host of %(cluster)s has %(asked)s together.")
TOGETHER_WHY = gettext_noop("The one that comes closest, %(host)s, has %(has)s.")
TOGETHER_HINT = gettext_noop("Ask for at most %(has)s for each instance.")
FULL = gettext_noop(
    "No host of %(cluster)s has %(asked)s free now: the one that comes closest, %(host)s, "
    "has %(free)s free of %(has)s."
)
FULL_WHY = gettext_noop("Instances that wait for it: %(count)s.")
FULL_HINT = gettext_noop(
    "Ask for at most %(free)s for each instance, or end something that is not needed there."
)
FULL_HINT_MORE = gettext_noop("Ask for less, or end something that is not needed there.")
PARTLY = gettext_noop("There is room for %(fit)s of the %(count)s instances that wait.")
PARTLY_WHY = gettext_noop("Each needs %(asked)s; the hosts of %(cluster)s have no more free.")
PARTLY_HINT = gettext_noop("Ask for %(instances)s instances in all, or for less for each.")


def no_hosts(facts: Facts) -> Problem | None:
    if facts.usable_hosts or not facts.hosts:
        return None
    draining = [host.name for host in facts.hosts if host.state == "draining"]
    names = [host.name for host in facts.hosts]
    values = {
        "cluster": facts.cluster,
        "count": len(names),
        "draining": len(draining),
        "lost": len(names) - len(draining),
        "names": listed(names),
    }
    return Problem("error", "no_hosts", NO_HOSTS, NO_HOSTS_WHY, NO_HOSTS_HINT, values, hosts=tuple(names))


def too_large(facts: Facts) -> Problem | None:
    """One resource of which no host that meets the constraints has as much, even when it is empty."""
    hosts, demand = eligible(facts), facts.demand
    if not hosts:
        return None
    for resource in RESOURCES:
        asked = demand[resource]
        largest = max(hosts, key=lambda host: (host.has(resource), host.free(resource)))
        if asked > largest.has(resource):
            return _too_large(facts, resource, hosts, largest)
    return None


def _too_large(facts: Facts, resource: str, hosts: list[HostFacts], largest: HostFacts) -> Problem:
    asked, has = facts.demand[resource], largest.has(resource)
    values: dict[str, Any] = {"cluster": facts.cluster, "asked": amount(resource, asked)}
    code = f"{FIELDS[resource]}_too_large"
    change = _lower(facts, resource, to=has)
    if has == 0:
        return Problem("error", code, NONE_AT_ALL, hint=NONE_AT_ALL_HINT, values=values, change=change)
    free = largest.free(resource)
    values |= {"host": largest.name, "has": amount(resource, has), "free": bare(resource, free)}
    named = [largest.name]
    why, what = "", TOO_LARGE
    if len(hosts) < len(facts.usable_hosts):
        what, values = TOO_LARGE_HERE, values | {"count": len(hosts)}
        other = next((host for host in facts.usable_hosts if host.has(resource) >= asked), None)
        if other is not None:
            why = ELSEWHERE
            values |= {"other": other.name, "rules": ", ".join(map(str, rules(facts.spec)))}
            named.append(other.name)
    return Problem("error", code, what, why, TOO_LARGE_HINT, values, change=change, hosts=tuple(named))


def too_large_together(facts: Facts) -> Problem | None:
    """Each resource is somewhere, but no host has all that an instance needs."""
    hosts, demand = eligible(facts), facts.demand
    if not hosts or any(is_large_enough(host, demand) for host in hosts):
        return None

    def lacking(host: HostFacts) -> list[str]:
        return [name for name in RESOURCES if host.has(name) < demand[name]]

    near = min(hosts, key=lambda host: (len(lacking(host)), _shortage(host.total, demand)))
    lacks = lacking(near)
    asked = [name for name in RESOURCES if demand[name] > 0 and (name in ("cpus", "mem") or name in lacks)]
    values = {
        "cluster": facts.cluster,
        "host": near.name,
        "asked": all_of([amount(name, demand[name]) for name in asked]),
        "has": all_of([amount(name, near.has(name)) for name in asked]),
    }
    change = _lower(facts, lacks[0], to=near.has(lacks[0]))
    return Problem(
        "error", "too_large_together", TOGETHER, TOGETHER_WHY, TOGETHER_HINT, values, change, (near.name,)
    )


def full(facts: Facts) -> Problem | None:
    """The instance would fit an empty host, but none has so much free now."""
    hosts, demand, waiting = open_hosts(facts), facts.demand, facts.waiting
    large = [host for host in hosts if is_large_enough(host, demand)]
    if not large or waiting is None or any(not short_of(host, demand) for host in hosts):
        return None
    near = min(
        large, key=lambda host: (len(short_of(host, demand)), _shortage_of(short_of(host, demand), demand))
    )
    lacks = list(short_of(near, demand))
    values = {
        "cluster": facts.cluster,
        "host": near.name,
        "count": waiting.count,
        "asked": all_of([amount(name, demand[name]) for name in lacks]),
        "free": all_of([amount(name, near.free(name)) for name in lacks]),
        "has": all_of([amount(name, near.has(name)) for name in lacks]),
    }
    change = _lower(facts, lacks[0], to=near.free(lacks[0])) if len(lacks) == 1 else None
    hint = FULL_HINT if change else FULL_HINT_MORE
    return Problem("error", "hosts_full", FULL, FULL_WHY, hint, values, change, (near.name,))


def room_for_some(facts: Facts) -> Problem | None:
    """Some of the instances that wait fit, not all of them."""
    waiting, status = facts.waiting, facts.status
    if waiting is None or status is None:
        return None
    fit = room(facts, at_most=waiting.count)
    instances = status.wanted - waiting.count + fit
    if not 0 < fit < waiting.count or instances < 1:
        return None
    demand = facts.demand
    values = {
        "cluster": facts.cluster,
        "fit": fit,
        "count": waiting.count,
        "instances": instances,
        "asked": all_of([amount(name, demand[name]) for name in RESOURCES if demand[name] > 0]),
    }
    change = Change("spec.instances", status.wanted, instances)
    return Problem("error", "room_for_some", PARTLY, PARTLY_WHY, PARTLY_HINT, values, change)


def _lower(facts: Facts, resource: str, *, to: float) -> Change | None:
    """Asking for no more than `to`; None where that is less than one may ask for."""
    field = FIELDS[resource]
    before = facts.spec.get(field)
    if resource == "disk":
        to -= facts.demand["disk"] - float(before or 0)  # the volumes' part stays
    value = round(to, 3) if resource == "cpus" else int(to)
    return Change(f"spec.{field}", before, value) if value >= _LEAST[resource] else None


def _shortage(has: Mapping[str, float], demand: Mapping[str, float]) -> float:
    lacks = {name: demand[name] - has.get(name, 0.0) for name in RESOURCES}
    return _shortage_of({name: lack for name, lack in lacks.items() if lack > 0}, demand)


def _shortage_of(lacks: Mapping[str, float], demand: Mapping[str, float]) -> float:
    """How far from fitting, each resource by what is asked of it."""
    return sum(lack / demand[name] for name, lack in lacks.items())
