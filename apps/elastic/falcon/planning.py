"""The difference between what should be in a Falcon and what is there, as steps. Pure.

Everything goes by name; ids are looked up when a step is done. Doing the steps twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from clients.falcon.wire import Action, Strategy, Team, Template


@dataclass(frozen=True, slots=True)
class WantedTemplate:
    """Strategies and what they do; `parent` by name. `action` None: whatever is there stays."""

    strategies: frozenset[Strategy]
    action: Action | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A host group's members, and the template bound to it, by name."""

    hosts: frozenset[str]
    template: str


@dataclass(frozen=True, slots=True)
class WantedTeam:
    """A notification group as a team; `people`: user name to mail address."""

    resume: str
    people: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundGroup:
    id: int
    hosts: frozenset[str]
    template_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of the names in question. `template_ids` also has those whose content was not asked for."""

    template_ids: Mapping[str, int] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    groups: Mapping[str, FoundGroup] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateTemplate:
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class DeleteTemplate:
    name: str
    id: int


@dataclass(frozen=True, slots=True)
class CreateStrategy:
    template: str
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class UpdateStrategy:
    """In place, so that judge goes on with its incidents."""

    template: str
    id: int
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class DeleteStrategy:
    template: str
    id: int


@dataclass(frozen=True, slots=True)
class SetAction:
    """`id` 0: the template has none yet."""

    template: str
    id: int
    action: Action


@dataclass(frozen=True, slots=True)
class CreateGroup:
    name: str


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    name: str
    id: int


@dataclass(frozen=True, slots=True)
class ChangeHosts:
    group: str
    add: frozenset[str]
    remove: frozenset[str]


@dataclass(frozen=True, slots=True)
class BindTemplate:
    group: str
    template: str


@dataclass(frozen=True, slots=True)
class CreateUser:
    name: str
    mail: str


@dataclass(frozen=True, slots=True)
class CreateTeam:
    name: str
    resume: str
    people: frozenset[str]


@dataclass(frozen=True, slots=True)
class UpdateTeam:
    team: Team
    people: frozenset[str]


Step: TypeAlias = (
    CreateTemplate
    | DeleteTemplate
    | CreateStrategy
    | UpdateStrategy
    | DeleteStrategy
    | SetAction
    | CreateGroup
    | DeleteGroup
    | ChangeHosts
    | BindTemplate
    | CreateUser
    | CreateTeam
    | UpdateTeam
)


def template_steps(name: str, wanted: WantedTemplate, found: Found) -> Iterator[Step]:
    """What makes the template be as wanted. The action comes before the binding: an event that judge makes of a
    template without an action is never called back."""
    present = found.templates.get(name)
    if present is None:
        yield CreateTemplate(name, wanted.parent)
    existing = dict(present.strategies) if present is not None else {}
    yield from _strategy_steps(name, wanted.strategies, existing)
    if wanted.action is not None and (present is None or present.action != wanted.action):
        yield SetAction(name, present.action_id if present is not None else 0, wanted.action)


def group_steps(name: str, wanted: WantedGroup, found: Found) -> Iterator[Step]:
    """What makes the group exist, have these members and this template."""
    present = found.groups.get(name)
    if present is None:
        yield CreateGroup(name)
    hosts = present.hosts if present is not None else frozenset()
    if hosts != wanted.hosts:
        yield ChangeHosts(name, wanted.hosts - hosts, hosts - wanted.hosts)
    bound = present.template_ids if present is not None else frozenset()
    if found.template_ids.get(wanted.template) not in bound:
        yield BindTemplate(name, wanted.template)


def orphan_steps(
    *,
    template_ids: Mapping[str, int],
    group_ids: Mapping[str, int],
    templates: Collection[str],
    groups: Collection[str],
) -> Iterator[Step]:
    """What is there under Ocean's names and belongs to nothing any more. Deleting a template unbinds it."""
    for name in sorted(template_ids.keys() - set(templates)):
        yield DeleteTemplate(name, template_ids[name])
    for name in sorted(group_ids.keys() - set(groups)):
        yield DeleteGroup(name, group_ids[name])


def team_steps(
    wanted: Mapping[str, WantedTeam], *, teams: Iterable[Team], users: Collection[str]
) -> Iterator[Step]:
    """Teams with their people. Nobody is removed from Falcon, and foreign teams stay as they are."""
    people = {name: mail for team in wanted.values() for name, mail in team.people.items()}
    for name in sorted(people.keys() - set(users)):
        yield CreateUser(name, people[name])
    present = {team.name: team for team in teams}
    for name, team in sorted(wanted.items()):
        members = frozenset(team.people)
        known = present.get(name)
        if known is None:
            yield CreateTeam(name, team.resume, members)
        elif {user.name for user in known.users} != members:
            yield UpdateTeam(known, members)


def _strategy_steps(
    template: str, wanted: Collection[Strategy], existing: dict[int, Strategy]
) -> Iterator[Step]:
    missing = []
    for strategy in sorted(wanted, key=repr):
        same = next((number for number, other in existing.items() if other == strategy), None)
        if same is None:
            missing.append(strategy)
        else:
            del existing[same]
    for strategy in missing:
        like = next((number for number, other in existing.items() if _is_like(other, strategy)), None)
        if like is None:
            yield CreateStrategy(template, strategy)
        else:
            del existing[like]
            yield UpdateStrategy(template, like, strategy)
    for number in existing:
        yield DeleteStrategy(template, number)


def _is_like(one: Strategy, other: Strategy) -> bool:
    """Whether one may become the other by an edit: the same condition with other numbers."""
    return (one.metric, one.operator, one.tags) == (other.metric, other.operator, other.tags)
