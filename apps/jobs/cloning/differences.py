"""What would be different for a spec somewhere else: what does not exist there, is too small, or is only worth knowing.
Pure: a spec and the facts in, findings out, in the active language.

`error`: it could not run there as it is. `warning`: it could, but somebody should look. `info`: good to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.jobs.spec.workload import secret_uses

Severity = Literal["error", "warning", "info"]
_WORST_FIRST = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding about a field (a path in the spec, or `name`, `cluster`). `code` is for programs."""

    field: str
    code: str
    severity: Severity
    what: str
    hint: str = ""
    here: str = ""
    there: str = ""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host in service: what Mesos says of it. Memory and disk in MiB."""

    hostname: str
    attributes: Mapping[str, str]
    resources: Mapping[str, float]
    used: Mapping[str, float]

    def free(self, resource: str) -> float:
        return self.resources.get(resource, 0.0) - self.used.get(resource, 0.0)

    def value(self, field: str) -> str | None:
        return self.hostname if field == "hostname" else self.attributes.get(field)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job would go: the facts that its spec is judged by. `jobs`: of the tags that its dependencies would have
    there, those of which there is a job. `taken`: there is a job with its own tag. `secrets`: of the product line."""

    cluster: str
    enabled: bool
    same_cluster: bool
    hosts: Sequence[HostFacts]
    secrets: frozenset[str]
    product_line: str
    same_line: bool
    jobs: frozenset[str]
    tag: str
    taken: bool
    dependents: Sequence[str] = ()


def differences(spec: Mapping[str, Any], place: Place, *, instances: int) -> list[Difference]:
    """The worst first, else in the order of the fields. `depends_on` holds the tags that they would have there."""
    found = [
        *_place(place),
        *_secrets(spec, place),
        *_dependencies(spec, place),
        *(() if place.same_cluster else _hosts(spec, place, instances=instances)),
        *_dependents(place),
    ]
    return sorted(found, key=lambda one: _WORST_FIRST[one.severity])


def _place(place: Place) -> Iterator[Difference]:
    if place.taken:
        yield Difference(
            "name",
            "unique",
            "error",
            _("There is already a job %(tag)s.") % {"tag": place.tag},
            _("Give it another name or service, or delete the one there."),
            there=place.tag,
        )
    if not place.enabled:
        yield Difference(
            "cluster",
            "disabled",
            "error",
            _("The cluster %(cluster)s is switched off.") % {"cluster": place.cluster},
            _("Choose another cluster, or ask an SRE to switch it on."),
        )


def _secrets(spec: Mapping[str, Any], place: Place) -> Iterator[Difference]:
    for path, name in secret_uses(spec):
        if name not in place.secrets:
            text = _("%(line)s has no secret '%(secret)s'. Add it on the product line's page first.")
            yield Difference(
                f"spec.{path}",
                "unknown_secret",
                "error",
                text % {"line": place.product_line, "secret": name},
                _("Secrets stay in their product line: their values are not copied."),
                here=name,
            )
        elif not place.same_line:
            yield Difference(
                f"spec.{path}",
                "other_secret",
                "warning",
                _("The secret '%(secret)s' of %(line)s may hold another value.")
                % {"line": place.product_line, "secret": name},
                here=name,
                there=name,
            )


def _dependencies(spec: Mapping[str, Any], place: Place) -> Iterator[Difference]:
    for index, tag in enumerate(spec["depends_on"]):
        if tag not in place.jobs:
            yield Difference(
                f"spec.depends_on[{index}]",
                "unknown_job",
                "error",
                _("There is no other job %(tag)s on %(cluster)s.") % {"tag": tag, "cluster": place.cluster},
                _("Clone that one first, or save a version that does not depend on it."),
                there=tag,
            )
        elif not place.same_cluster:
            yield Difference(
                f"spec.depends_on[{index}]",
                "other_job",
                "info",
                _("It depends on %(tag)s there.") % {"tag": tag},
                there=tag,
            )


def _dependents(place: Place) -> Iterator[Difference]:
    if place.dependents:
        count = len(place.dependents)
        text = ngettext(
            "%(count)s job depends on it and stays where it is: %(tags)s.",
            "%(count)s jobs depend on it and stay where they are: %(tags)s.",
            count,
        )
        yield Difference(
            "depends_on",
            "dependents",
            "warning",
            text % {"count": count, "tags": ", ".join(place.dependents[:5])},
            _("Migrate them too, or save versions of them that do not depend on it."),
        )


def _hosts(spec: Mapping[str, Any], place: Place, *, instances: int) -> Iterator[Difference]:
    if not place.hosts:
        yield Difference(
            "cluster",
            "no_hosts",
            "error",
            _("No host of %(cluster)s is in service.") % {"cluster": place.cluster},
            _("Choose another cluster."),
        )
        return
    for index, constraint in enumerate(spec["constraints"]):
        yield from _constraint(f"spec.constraints[{index}]", constraint, place, instances=instances)
    for field, resource in RESOURCES.items():
        yield from _resource(field, resource, spec[field], place)
    yield from _room(spec, place, instances=instances)
    if spec["image"]:
        yield Difference(
            "spec.image",
            "image",
            "info",
            _("The hosts of %(cluster)s must be able to pull %(image)s.")
            % {"cluster": place.cluster, "image": spec["image"]},
        )
    for index, volume in enumerate(spec["volumes"]):
        yield Difference(
            f"spec.volumes[{index}]",
            "volume",
            "warning",
            _("The volume %(path)s begins empty: its data is not moved.") % {"path": volume["path"]},
            _("Copy the data yourself, before traffic goes there."),
            here=volume["path"],
        )


RESOURCES = {"cpus": "cpus", "memory_mib": "mem", "disk_mib": "disk", "gpus": "gpus"}
"""A field of the spec, and what Mesos calls it."""


def _resource(field: str, resource: str, asked: float, place: Place) -> Iterator[Difference]:
    if not asked:
        return
    largest = max(host.resources.get(resource, 0.0) for host in place.hosts)
    free = max(host.free(resource) for host in place.hosts)
    values = {"asked": _number(asked), "cluster": place.cluster}
    if asked > largest:
        yield Difference(
            f"spec.{field}",
            "larger_than_any_host",
            "error",
            _(
                "No host of %(cluster)s has so much: one instance asks for %(asked)s, the largest has %(there)s."
            )
            % {**values, "there": _number(largest)},
            _("Ask for at most %(there)s.") % {"there": _number(largest)},
            here=_number(asked),
            there=_number(largest),
        )
    elif asked > free:
        yield Difference(
            f"spec.{field}",
            "larger_than_free",
            "warning",
            _(
                "No host of %(cluster)s has so much free now: one instance asks for %(asked)s, at most %(there)s is."
            )
            % {**values, "there": _number(free)},
            _("It would wait until there is room."),
            here=_number(asked),
            there=_number(free),
        )


def _room(spec: Mapping[str, Any], place: Place, *, instances: int) -> Iterator[Difference]:
    """How many instances fit into what is free, host by host, constraints aside."""
    if not instances:
        return
    asked = {resource: spec[field] for field, resource in RESOURCES.items() if spec[field]}
    fit = 0
    for host in place.hosts:
        fit += max(
            0, min((int(host.free(name) / amount + 1e-9) for name, amount in asked.items()), default=0)
        )
    if 0 < fit < instances:
        yield Difference(
            "spec.instances",
            "no_room",
            "warning",
            _("%(cluster)s has room for %(fit)s of %(instances)s instances now.")
            % {"cluster": place.cluster, "fit": fit, "instances": instances},
            _("The rest would wait until there is room."),
            here=str(instances),
            there=str(fit),
        )


def _constraint(
    path: str, constraint: Mapping[str, Any], place: Place, *, instances: int
) -> Iterator[Difference]:
    """Source: Marathon's constraints. All but UNLIKE need the attribute; LIKE and UNLIKE match a value as a whole."""
    field, operator, value = constraint["field"], constraint["operator"], constraint["value"]
    here = " ".join(filter(None, (field, operator, value)))
    values = sorted({found for host in place.hosts if (found := host.value(field)) is not None})
    words = {"field": field, "value": value, "cluster": place.cluster}
    if not values and operator != "UNLIKE":
        yield Difference(
            path,
            "no_such_attribute",
            "error",
            _("No host of %(cluster)s has the attribute %(field)s.") % words,
            _("Save a version without this constraint, or with an attribute that exists there."),
            here=here,
        )
        return
    if values and not any(_allows(operator, value, found) for found in values):
        yield Difference(
            path,
            "no_such_value",
            "error",
            _("No host of %(cluster)s has a %(field)s that this constraint allows.") % words,
            _("Save a version whose constraint allows one of those there."),
            here=here,
            there=_few(values),
        )
        return
    room = (
        len(values) if operator == "UNIQUE" else len(values) * int(value) if operator == "MAX_PER" else None
    )
    if room is not None and room < instances:
        yield Difference(
            path,
            "too_few_values",
            "warning",
            _("This constraint lets at most %(room)s of %(instances)s instances run there.")
            % {"room": room, "instances": instances},
            _("The rest would wait."),
            here=here,
            there=_few(values),
        )


def _allows(operator: str, value: str | None, found: str) -> bool:
    if operator in {"LIKE", "UNLIKE"}:
        matches = re.fullmatch(value or "", found) is not None
        return matches == (operator == "LIKE")
    return found == value if operator == "IS" or (operator == "CLUSTER" and value) else True


def _few(values: Sequence[str]) -> str:
    return ", ".join(values[:5]) + (" …" if len(values) > 5 else "")


def _number(amount: float) -> str:
    return f"{max(0.0, amount):g}"
