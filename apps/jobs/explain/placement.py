"""Instances that wait for a host, because the constraints leave none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_noop

from apps.jobs.explain.facts import Facts, HostFacts
from apps.jobs.explain.fit import (
    HOST_FIELDS,
    ONE_EACH,
    Rule,
    allows,
    eligible,
    is_large_enough,
    meets,
    open_hosts,
    rules,
    value_on,
)
from apps.jobs.explain.problem import Change, Problem, line
from apps.jobs.explain.words import closest, listed

NO_ATTRIBUTE = gettext_noop(
    "No host of %(cluster)s has the attribute %(field)s, which the constraint %(rule)s asks for."
)
THEIR_ATTRIBUTES = gettext_noop("Its hosts have: %(known)s.")
NO_ATTRIBUTES_AT_ALL = gettext_noop("Its hosts have no attributes.")
MEANT = gettext_noop("Perhaps %(meant)s was meant.")
DROP = gettext_noop("Leave the constraint %(rule)s out, or use another cluster.")
NO_VALUE = gettext_noop("No host of %(cluster)s meets the constraint %(rule)s.")
THEIR_VALUES = gettext_noop("The hosts' %(field)s is %(known)s.")
NOT_TOGETHER = gettext_noop("No host of %(cluster)s meets all constraints at once: %(rules)s.")
NOT_TOGETHER_WHY = gettext_noop("Without %(rule)s there would be %(count)s: %(names)s.")
TOO_MANY = gettext_noop(
    "The constraint %(rule)s lets at most %(most)s instances run in %(cluster)s; %(wanted)s are wanted."
)
TOO_MANY_WHY = gettext_noop("There are %(values)s values of %(field)s with a host in service: %(known)s.")
TOO_MANY_HINT = gettext_noop("Ask for %(most)s instances, or loosen the constraint.")
TAKEN = gettext_noop("The constraint %(rule)s leaves no host for one more instance of this job.")
TAKEN_WHY = gettext_noop("The job's instances are already on %(names)s.")
TAKEN_BY_OLD = gettext_noop(
    "Instances of the earlier version are still there, and the publish starts a new one "
    "before it ends an old one."
)
TAKEN_HINT = gettext_noop("Ask for fewer instances, or loosen the constraint.")
TAKEN_BY_OLD_HINT = gettext_noop(
    "Let the strategy end one instance before it starts the next (at most 1 missing)."
)
_NAME = gettext_noop("host name")


def unknown_attribute(facts: Facts) -> Problem | None:
    """A constraint on an attribute that no host has."""
    hosts = facts.usable_hosts
    for rule in rules(facts.spec):
        if (
            not hosts
            or rule.operator == "UNLIKE"
            or any(value_on(host, rule.field) is not None for host in hosts)
        ):
            continue
        known = sorted({name for host in hosts for name in host.attributes})
        meant = closest(rule.field, [*known, "hostname"])
        values = {
            "cluster": facts.cluster,
            "field": rule.field,
            "rule": str(rule),
            "known": listed(known),
            "meant": meant,
        }
        change = Change(f"{_at(rule)}.field", rule.field, meant) if meant else _without(facts, rule)
        why = THEIR_ATTRIBUTES if known else NO_ATTRIBUTES_AT_ALL
        return Problem(
            "error", "attribute_unknown", NO_ATTRIBUTE, why, MEANT if meant else DROP, values, change
        )
    return None


def unknown_value(facts: Facts) -> Problem | None:
    """A constraint that no host's value meets."""
    hosts = facts.usable_hosts
    for rule in rules(facts.spec):
        if not hosts or any(meets(rule, host) for host in hosts):
            continue
        known = _values(hosts, rule)
        meant = closest(rule.value, known) if rule.operator != "UNLIKE" else None
        values = {
            "cluster": facts.cluster,
            "rule": str(rule),
            "field": _field_name(rule),
            "known": listed(known),
            "meant": meant,
        }
        change = Change(f"{_at(rule)}.value", rule.value, meant) if meant else _without(facts, rule)
        hint = MEANT if meant else DROP
        named = tuple(known) if rule.field in HOST_FIELDS else ()
        return Problem("error", "constraint_unmet", NO_VALUE, THEIR_VALUES, hint, values, change, named)
    return None


def not_together(facts: Facts) -> Problem | None:
    """Each constraint has its hosts, but none meets all."""
    wanted, hosts = rules(facts.spec), facts.usable_hosts
    if len(wanted) < 2 or not hosts or eligible(facts):
        return None

    def without(left_out: Rule) -> list[HostFacts]:
        return [host for host in hosts if all(meets(rule, host) for rule in wanted if rule != left_out)]

    culprit = max(wanted, key=lambda rule: len(without(rule)))
    names = [host.name for host in without(culprit)]
    values = {
        "cluster": facts.cluster,
        "rules": ", ".join(map(str, wanted)),
        "rule": str(culprit),
        "count": len(names),
        "names": listed(names),
    }
    why = NOT_TOGETHER_WHY if names else ""
    change = _without(facts, culprit) if names else None
    return Problem(
        "error", "constraints_conflict", NOT_TOGETHER, why, DROP, values, change, hosts=tuple(names)
    )


def too_many_wanted(facts: Facts) -> Problem | None:
    """UNIQUE or MAX_PER, and more instances than they allow on all hosts together."""
    hosts, status = eligible(facts), facts.status
    limits = [
        (rule.per_value * len(_values(hosts, rule)), rule)
        for rule in rules(facts.spec)
        if rule.operator in ONE_EACH
    ]
    if not limits or not hosts or status is None:
        return None
    most, rule = min(limits, key=lambda limit: limit[0])
    if status.wanted <= most:
        return None
    known = _values(hosts, rule)
    values = {
        "cluster": facts.cluster,
        "rule": str(rule),
        "field": _field_name(rule),
        "most": most,
        "wanted": status.wanted,
        "values": len(known),
        "known": listed(known),
    }
    change = Change("spec.instances", status.wanted, most) if most else None
    named = tuple(known) if rule.field in HOST_FIELDS else ()
    return Problem("error", "constraint_limit", TOO_MANY, TOO_MANY_WHY, TOO_MANY_HINT, values, change, named)


def taken(facts: Facts) -> Problem | None:
    """Hosts meet the constraints, but not beside the instances that are there already."""
    fitting = [host for host in eligible(facts) if is_large_enough(host, facts.demand)]
    if not fitting or open_hosts(facts):
        return None
    wanted = rules(facts.spec)
    on = sorted({instance.host for instance in facts.instances if instance.host})
    rule = _blocking(facts, wanted, fitting)
    values: dict[str, Any] = {"rule": str(rule), "names": listed(on)}
    if len(facts.current) < len(facts.instances):
        strategy = facts.spec.get("strategy") or {}
        before = strategy.get("max_unavailable", 0)
        change = None if before else Change("spec.strategy.max_unavailable", before, 1)
        return Problem(
            "error", "constraint_taken", TAKEN, TAKEN_BY_OLD, TAKEN_BY_OLD_HINT, values, change, tuple(on)
        )
    return Problem("error", "constraint_taken", TAKEN, TAKEN_WHY, TAKEN_HINT, values, hosts=tuple(on))


def _blocking(facts: Facts, wanted: tuple[Rule, ...], hosts: Iterable[HostFacts]) -> Rule:
    """The rule that excludes the most hosts with the instances as they are."""
    by_name = {host.name: host for host in facts.hosts}

    def excluded(rule: Rule) -> int:
        used = Counter(
            value
            for instance in facts.instances
            if (host := by_name.get(instance.host)) and (value := value_on(host, rule.field)) is not None
        )
        return sum(not allows(rule, host, used) for host in hosts)

    return max(wanted, key=excluded)


def _values(hosts: Iterable[HostFacts], rule: Rule) -> list[str]:
    return sorted({value for host in hosts if (value := value_on(host, rule.field)) is not None})


def _field_name(rule: Rule) -> Any:
    return line(_NAME) if rule.field in HOST_FIELDS else rule.field


def _at(rule: Rule) -> str:
    return f"spec.constraints[{rule.index}]"


def _without(facts: Facts, rule: Rule) -> Change:
    return Change(_at(rule), dict(facts.spec["constraints"][rule.index]), None)
