"""Service ports: numbers for load balancers, unique in the cluster, taken from 10000–20000 where an app asks for 0.

Source: Marathon's core/group/impl/AssignDynamicServiceLogic.scala; `local_port_min` / `local_port_max`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import cached_property

from sandbox.definitions.app import App, Json
from sandbox.definitions.parse import ports_of

LOCAL_PORTS = range(10000, 20001)


class ServicePorts:
    """Assigns ports for one change. `present`: the apps that stay; `wanted`: the definitions that come.

    They are looked through only when a new number is needed: most writes need none."""

    def __init__(self, present: Iterable[App], wanted: Iterable[Json]) -> None:
        self._present = present
        self._wanted = wanted

    def assign(self, definition: Json, before: App | None) -> Json:
        """The definition with a number for every port. Over an update an app keeps those it was given, in
        their order."""
        requests = ports_of(definition)
        if all(port.service_port for port in requests):
            return definition
        fixed = {port.service_port for port in requests}
        earlier = (port.service_port for port in before.ports) if before else ()
        numbers = itertools.chain((port for port in earlier if port not in fixed), self._fresh())
        assigned = [port.service_port or next(numbers) for port in requests]
        if "portDefinitions" in definition:
            ports = [{**p, "port": n} for p, n in zip(definition["portDefinitions"], assigned, strict=True)]
            return {**definition, "portDefinitions": ports}
        mappings = definition["container"]["portMappings"]
        mappings = [{**m, "servicePort": n} for m, n in zip(mappings, assigned, strict=True)]
        return {**definition, "container": {**definition["container"], "portMappings": mappings}}

    def _fresh(self) -> Iterator[int]:
        """Free ones, each given once; 0 for ever when the range is used up, as nobody needs them to run."""
        for port in LOCAL_PORTS:
            if port not in self._taken:
                self._taken.add(port)
                yield port
        yield from itertools.repeat(0)

    @cached_property
    def _taken(self) -> set[int]:
        taken = {port.service_port for app in self._present for port in app.ports}
        return taken | {port.service_port for definition in self._wanted for port in ports_of(definition)}
