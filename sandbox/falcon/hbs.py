"""Hbs: what judge has to watch, worked out from the portal's rows. Pure but for the class that keeps the last look.

Sources: falcon-plus modules/hbs/rpc/hbs.go, modules/hbs/db/{strategy,expression,host}.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.falcon.portal.tables import Expression, Strategy, Tables, Template

_MOST_ANCESTORS = 10
_EXPRESSION = re.compile(r"\((.*?)\)")


class HbsCrashError(Exception):
    """Upstream's hbs dies of this row, again at each start until it is paused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A strategy or an expression as judge gets it. `template`: the bound one, None for an expression."""

    id: int
    metric: str
    tags: Mapping[str, str]
    func: str
    operator: str
    threshold: float
    max_step: int
    priority: int
    note: str
    action_id: int
    template: Mapping[str, Any] | None

    @property
    def is_strategy(self) -> bool:
        return self.template is not None

    def shown(self) -> dict[str, Any]:
        """As in an event: other names than the portal's."""
        shared = {
            "id": self.id,
            "metric": self.metric,
            "tags": dict(self.tags),
            "func": self.func,
            "operator": self.operator,
            "rightValue": self.threshold,
            "maxStep": self.max_step,
            "priority": self.priority,
            "note": self.note,
        }
        if self.template is None:
            return {**shared, "actionId": self.action_id}
        return {**shared, "tpl": dict(self.template)}


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything that judge watches: strategies by (endpoint, metric), expressions by metric."""

    strategies: Mapping[tuple[str, str], tuple[Rule, ...]] = field(default_factory=dict)
    expressions: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    metrics: frozenset[str] = frozenset()


def watched(tables: Tables, *, now: datetime) -> Watched:
    """Raises HbsCrashError."""
    clock, epoch = now.strftime("%H:%M"), now.timestamp()
    by_template: dict[int, list[Strategy]] = {}
    for strategy in tables.strategies:
        if _in_window(strategy, clock):
            by_template.setdefault(strategy.tpl_id, []).append(strategy)
    bound: dict[int, set[int]] = {}
    for group in tables.groups:
        templates = {int(number) for number in group.templates}
        for host_id in group.hosts if templates else ():
            bound.setdefault(host_id, set()).update(templates)
    rules_of: dict[frozenset[int], tuple[Rule, ...]] = {}
    found: dict[tuple[str, str], tuple[Rule, ...]] = {}
    for host_id, templates in bound.items():
        host = tables.hosts.get(host_id)
        if host is None or host.maintain_begin <= epoch <= host.maintain_end:
            continue
        key = frozenset(templates)
        if key not in rules_of:
            rules_of[key] = tuple(_inherited(tables, key, by_template))
        for rule in rules_of[key]:
            place = (host.hostname, rule.metric)
            found[place] = (*found.get(place, ()), rule)
    expressions: dict[str, tuple[Rule, ...]] = {}
    for expression in tables.expressions:
        rule_or_none = _expression_rule(expression)
        if rule_or_none is not None:
            metric = rule_or_none.metric
            expressions[metric] = (*expressions.get(metric, ()), rule_or_none)
    return Watched(found, expressions, frozenset({metric for _, metric in found} | set(expressions)))


def _inherited(
    tables: Tables, bound: Iterable[int], by_template: Mapping[int, list[Strategy]]
) -> Iterable[Rule]:
    """A child's strategies replace its parents' of the same metric and tags; all are labelled with the bound template.
    A template that is bound, and a parent of another bound one, is judged once."""
    chains = [chain for number in bound if (chain := _chain(tables, number))]
    for chain in chains:
        youngest = chain[0]
        if any(youngest in other[1:] for other in chains):
            continue
        seen: set[tuple[str, str]] = set()
        for template in chain:
            mine = by_template.get(template.id, [])
            for strategy in mine:
                if (strategy.metric, strategy.tags) not in seen:
                    yield _strategy_rule(strategy, youngest)
            seen |= {(strategy.metric, strategy.tags) for strategy in mine}


def _chain(tables: Tables, number: int) -> list[Template]:
    """The template and its ancestors, youngest first."""
    chain: list[Template] = []
    template = tables.templates.get(number)
    while template is not None and template not in chain and len(chain) <= _MOST_ANCESTORS:
        chain.append(template)
        template = tables.templates.get(template.parent_id)
    return chain


def _strategy_rule(strategy: Strategy, template: Template) -> Rule:
    return Rule(
        id=strategy.id,
        metric=strategy.metric,
        # Not trimmed: `a=1, b=2` asks for a tag " b", which no sample has.
        tags=dict(part.split("=", 1) for part in strategy.tags.split(",") if "=" in part),
        func=strategy.func,
        operator=strategy.op,
        threshold=float(strategy.right_value),
        max_step=strategy.max_step,
        priority=strategy.priority,
        note=strategy.note,
        action_id=template.action_id,
        template={
            "id": template.id,
            "name": template.tpl_name,
            "parentId": template.parent_id,
            "actionId": template.action_id,
            "creator": template.create_user,
        },
    )


def _expression_rule(row: Expression) -> Rule | None:
    """None for one that is not active or says nothing that can be watched. Blanks separate, commas do not."""
    if row.pause or not row.action_id:
        return None
    match = _EXPRESSION.search(row.expression)
    if match is None:
        raise HbsCrashError(f"expression {row.id}: {row.expression!r}")
    tags = {}
    for part in match[1].split():
        key, equals, value = part.partition("=")
        if not equals or "=" in value:
            return None
        tags[key] = value
    metric = tags.pop("metric", "")
    if not metric or not tags:
        return None
    return Rule(
        id=row.id,
        metric=metric,
        tags=tags,
        func=row.func,
        operator=row.op,
        threshold=float(row.right_value),
        max_step=row.max_step,
        priority=row.priority,
        note=row.note,
        action_id=row.action_id,
        template=None,
    )


def _in_window(strategy: Strategy, clock: str) -> bool:
    """Compared as text; a begin after the end is over midnight."""
    begin, end = strategy.run_begin, strategy.run_end
    if not begin or not end:
        return True
    return begin <= clock <= end if begin <= end else clock >= begin or clock <= end
