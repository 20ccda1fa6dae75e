"""The client against a whole Falcon: what Ocean asks of the portal."""

from __future__ import annotations

import uuid

import pytest

from clients.errors import Conflict, NotFound, Refused, Unauthorized
from clients.falcon import FalconLogin, FalconPortal, FalconToken, FalconTransport
from clients.falcon.wire import Action, Strategy
from sandbox.falcon.testing import PASSWORD, TOKEN, FalconProcess

ACCESS: dict[str, FalconToken | FalconLogin] = {
    "token": FalconToken(TOKEN),
    "login": FalconLogin("root", PASSWORD),
}
STRATEGY = Strategy("qps", "all(#1)", ">", 72.5, tags="app=shop", note="Ocean")


@pytest.fixture(params=sorted(ACCESS))
def portal(request: pytest.FixtureRequest, falcon: FalconProcess) -> FalconPortal:
    return FalconPortal(FalconTransport(falcon.url, ACCESS[request.param]))


@pytest.fixture
def name() -> str:
    return f"ocean.{uuid.uuid4().hex[:8]}"


def test_strangers_are_not_let_in(falcon: FalconProcess) -> None:
    for access in (FalconToken("wrong"), FalconLogin("root", "wrong")):
        with pytest.raises(Unauthorized):
            FalconPortal(FalconTransport(falcon.url, access)).ping()


def test_a_group_follows_its_hosts(portal: FalconPortal, name: str) -> None:
    portal.ping()
    group = portal.create_group(name)
    portal.change_group_hosts(group.id, add=["a", "b"])
    portal.change_group_hosts(group.id, add=["c"], remove=["a"])

    assert portal.groups(prefix=name) == [group]
    assert portal.group_hosts(group.id) == {"b", "c"}
    with pytest.raises(Conflict):
        portal.create_group(name)
    portal.delete_group(group.id)
    portal.delete_group(group.id)
    with pytest.raises(NotFound):
        portal.group_hosts(group.id)


def test_a_template_with_strategy_action_and_binding(portal: FalconPortal, name: str) -> None:
    group, template = portal.create_group(name), portal.create_template(name)
    portal.create_strategy(template, STRATEGY)
    portal.create_action(template, Action(url="http://ocean/cb?sig=x", callback=1))
    portal.bind_template(group.id, template)
    with pytest.raises(Conflict):
        portal.bind_template(group.id, template)

    found = portal.template(template)
    ((strategy_id, strategy),) = found.strategies.items()
    assert (found.name, strategy, found.action) == (
        name,
        STRATEGY,
        Action(url="http://ocean/cb?sig=x", callback=1),
    )
    assert portal.templates(prefix=name) == {name: template}
    assert portal.group_templates(group.id) == {template}

    portal.update_strategy(strategy_id, Strategy("qps", "all(#3)", "<=", -1))
    portal.update_action(found.action_id, Action(uic="sre"))
    changed = portal.template(template)
    assert changed.strategies == {strategy_id: Strategy("qps", "all(#3)", "<=", -1)}
    assert (changed.action_id, changed.action) == (found.action_id, Action(uic="sre"))

    portal.unbind_template(group.id, template)
    portal.delete_strategy(strategy_id)
    assert portal.template(template).strategies == {}
    portal.delete_template(template)
    portal.delete_template(template)
    with pytest.raises(NotFound):
        portal.template(template)


def test_what_falcon_refuses_is_said_in_its_words(portal: FalconPortal, name: str) -> None:
    template = portal.create_template(name)

    with pytest.raises(Refused, match="failed on the 'required' tag"):
        portal.create_strategy(template, Strategy("qps", "all(#1)", ">", 1, max_step=0))


def test_teams_of_people(portal: FalconPortal, name: str) -> None:
    portal.create_user(name, password="x", email="a@example.com")
    user = next(user for user in portal.users() if user.name == name)
    portal.create_team(name, resume="r", user_ids=[user.id])

    team = next(team for team in portal.teams() if team.name == name)
    assert (team.resume, team.users) == ("r", (user,))
    portal.update_team(team, user_ids=[])
    assert next(team.users for team in portal.teams() if team.name == name) == ()
