from dataclasses import replace

import pytest

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
    FoundGroup,
    SetAction,
    UpdateStrategy,
    UpdateTeam,
    WantedGroup,
    WantedTeam,
    WantedTemplate,
    group_steps,
    orphan_steps,
    team_steps,
    template_steps,
)
from apps.elastic.falcon.rules import NOTE, waking
from apps.elastic.tests.factories import CPU
from clients.falcon.wire import Action, Strategy, Team, Template, User

HIGH = Strategy("cpu.busy", "all(#1)", ">", 80)
LOW = Strategy("cpu.busy", "all(#1)", "<", 60)
CALL = Action(url="http://ocean/cb", callback=1)
WANTED = WantedTemplate(frozenset({HIGH, LOW}), CALL, parent="default")
THERE = Template(7, "job", 1, 5, CALL, {11: HIGH, 12: LOW})


def found(template: Template | None = None, group: FoundGroup | None = None) -> Found:
    return Found(
        template_ids={"default": 1} | ({"job": template.id} if template else {}),
        templates={"job": template} if template else {},
        groups={"job": group} if group else {},
    )


def test_a_new_job_gets_a_template_with_all_that_belongs_to_it() -> None:
    assert list(template_steps("job", WANTED, found())) == [
        CreateTemplate("job", "default"),
        CreateStrategy("job", LOW),
        CreateStrategy("job", HIGH),
        SetAction("job", 0, CALL),
    ]


def test_what_is_as_wanted_needs_nothing() -> None:
    assert list(template_steps("job", WANTED, found(THERE))) == []


def test_another_threshold_is_an_edit_so_that_incidents_go_on() -> None:
    higher = replace(HIGH, threshold=90)

    assert list(
        template_steps("job", replace(WANTED, strategies=frozenset({higher, LOW})), found(THERE))
    ) == [UpdateStrategy("job", 11, higher)]


def test_what_somebody_changed_is_put_back() -> None:
    strange = Strategy("load.1min", "all(#3)", ">", 5)
    edited = replace(THERE, strategies={11: HIGH, 13: strange}, action=replace(CALL, callback=0))

    assert list(template_steps("job", WANTED, found(edited))) == [
        CreateStrategy("job", LOW),
        DeleteStrategy("job", 13),
        SetAction("job", 5, CALL),
    ]


def test_a_template_without_an_action_gets_one() -> None:
    halfway = replace(THERE, action_id=0, action=Action())

    assert list(template_steps("job", WANTED, found(halfway))) == [SetAction("job", 0, CALL)]


def test_a_group_follows_the_instances() -> None:
    wanted = WantedGroup(frozenset({"a", "b"}), "job")

    assert list(group_steps("job", wanted, found())) == [
        CreateGroup("job"),
        ChangeHosts("job", frozenset({"a", "b"}), frozenset()),
        BindTemplate("job", "job"),
    ]
    group = FoundGroup(3, frozenset({"b", "c"}), frozenset({7}))
    assert list(group_steps("job", wanted, found(THERE, group))) == [
        ChangeHosts("job", frozenset({"a"}), frozenset({"c"}))
    ]
    unbound = FoundGroup(3, wanted.hosts, frozenset({99}))
    assert list(group_steps("job", wanted, found(THERE, unbound))) == [BindTemplate("job", "job")]


def test_what_belongs_to_nothing_any_more_is_removed() -> None:
    steps = orphan_steps(
        template_ids={"a": 1, "b": 2}, group_ids={"a": 3, "b": 4}, templates={"a"}, groups={"a"}
    )

    assert list(steps) == [DeleteTemplate("b", 2), DeleteGroup("b", 4)]


def test_teams_follow_notification_groups_and_nobody_is_removed() -> None:
    wanted = {"sre": WantedTeam("SREs", {"ann": "a@x", "bob": "b@x"}), "dba": WantedTeam("", {"ann": "a@x"})}
    known = Team(4, "dba", "", (User(2, "bob"),))
    foreign = Team(5, "other", "", ())

    assert list(team_steps(wanted, teams=[known, foreign], users=["bob", "carl"])) == [
        CreateUser("ann", "a@x"),
        UpdateTeam(known, frozenset({"ann"})),
        CreateTeam("sre", "SREs", frozenset({"ann", "bob"})),
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            CPU,
            {("cpu.busy", ">", 80.0), ("cpu.busy", "<", 60.0)},
        ),
        ({"metric": "latency", "mode": "threshold", "out": {"samples": 1, "above": 250}}, {("latency", ">", 250.0)}),
        ({"metric": "qps", "mode": "target", "target": 65}, {("qps", ">", 71.5)}),
        ({"metric": "memory", "mode": "target", "target": 70}, {("mem.memused.percent", ">", 77.0)}),
    ],
)  # fmt: skip
def test_a_policy_wakes_its_loop_where_it_has_something_to_do(
    entry: dict[str, object], expected: set[tuple[str, str, float]]
) -> None:
    strategies = waking([entry])

    assert {(found.metric, found.operator, found.threshold) for found in strategies} == expected
    assert {(found.function, found.priority, found.note) for found in strategies} == {("all(#1)", 0, NOTE)}
