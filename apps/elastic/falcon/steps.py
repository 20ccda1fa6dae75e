"""Doing one step at a Falcon."""

from __future__ import annotations

import secrets
from contextlib import suppress

from apps.elastic.falcon.planning import (
    BindTemplate,
    ChangeHosts,
    CreateGroup,
    CreateStrategy,
    CreateTeam,
    CreateTemplate,
    CreateUser,
    DeleteGroup,
    DeleteStrategy,
    DeleteTemplate,
    Found,
    SetAction,
    Step,
    UpdateStrategy,
    UpdateTeam,
)
from clients.errors import Conflict
from clients.falcon import FalconPortal


class Doing:
    """Does steps in their order, and remembers the ids of what it made. Raises the errors of `clients.errors`."""

    def __init__(self, portal: FalconPortal, found: Found) -> None:
        self._portal = portal
        self._templates = dict(found.template_ids)
        self._groups = {name: group.id for name, group in found.groups.items()}

    def do(self, step: Step) -> None:  # noqa: C901 - one case for each kind of step, each a call
        portal = self._portal
        match step:
            case CreateTemplate(name, parent):
                parent_id = self._templates[parent] if parent is not None else 0
                self._templates[name] = portal.create_template(name, parent_id=parent_id)
            case DeleteTemplate(_, template_id):
                portal.delete_template(template_id)
            case CreateStrategy(template, strategy):
                portal.create_strategy(self._templates[template], strategy)
            case UpdateStrategy(_, strategy_id, strategy):
                portal.update_strategy(strategy_id, strategy)
            case DeleteStrategy(_, strategy_id):
                portal.delete_strategy(strategy_id)
            case SetAction(template, 0, action):
                portal.create_action(self._templates[template], action)
            case SetAction(_, action_id, action):
                portal.update_action(action_id, action)
            case CreateGroup(name):
                self._groups[name] = portal.create_group(name).id
            case DeleteGroup(_, group_id):
                portal.delete_group(group_id)
            case ChangeHosts(group, add, remove):
                portal.change_group_hosts(self._groups[group], add=add, remove=remove)
            case BindTemplate(group, template):
                with suppress(Conflict):  # a worker that was killed had done it
                    portal.bind_template(self._groups[group], self._templates[template])
            case CreateUser(name, mail):
                # Nobody signs in with it: the team needs somebody to write to.
                portal.create_user(name, password=secrets.token_urlsafe(24), email=mail)
            case CreateTeam(name, resume, people):
                portal.create_team(name, resume=resume, user_ids=self._user_ids(people))
            case UpdateTeam(team, people):
                portal.update_team(team, user_ids=self._user_ids(people))

    def _user_ids(self, people: frozenset[str]) -> list[int]:
        return [user.id for user in self._portal.users() if user.name in people]
