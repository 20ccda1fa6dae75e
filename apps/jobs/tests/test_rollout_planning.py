"""Each situation of a publish, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.jobs.rollout.planning import next_steps, only_drains
from apps.jobs.rollout.values import (
    Before,
    Copy,
    EndAgain,
    EndOld,
    Finish,
    Found,
    Goal,
    GrowMain,
    Hold,
    LetGo,
    Lost,
    Manner,
    Paused,
    PutBackMain,
    RemoveMain,
    RemoveSide,
    ReplaceMain,
    Returned,
    RollBack,
    Slot,
    StartSide,
    Step,
    Switch,
    Wait,
    Wanted,
)
from engines.base import DeploymentId, InstanceId

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWN = DeploymentId("own")
OTHER = DeploymentId("other")


def wanted(manner: Manner = Manner.ROLLING, instances: int = 4, **changes: Any) -> Wanted:
    aside = {Manner.CANARY: 1, Manner.BLUE_GREEN: instances}.get(manner, 0)
    values = {"before": Before(1, instances), "aside": aside, "deployment": OWN, **changes}
    return Wanted(instances=instances, manner=manner, **values)


def copies(state: str) -> tuple[Copy, ...]:
    """`N` new and well, `n` new and not yet, `s` new and slow, `O` old and well, `o` old and ill, `e` ending."""
    return tuple(
        Copy(
            id=InstanceId(f"{letter}{index}"),
            host=f"node{index}",
            new=letter in "Nns",
            well=letter in "NO",
            staged_at=NOW - timedelta(minutes=1 if letter == "s" else 0),
            ending=letter == "e",
            ending_since=NOW if letter == "e" else None,
        )
        for index, letter in enumerate(state)
    )


def slot(state: str, *, ours: bool = True, size: int | None = None, version: int = 2, by: str = "") -> Slot:
    """A workload with these copies; `by`: the deployment that holds it."""
    return Slot(
        ours=ours,
        version=version if ours else 1,
        wanted=len(state.replace("e", "")) if size is None else size,
        copies=copies(state),
        deployments=(DeploymentId(by),) if by else (),
    )


def old(state: str, **options: Any) -> Slot:
    return slot(state, ours=False, **options)


def plan(asked: Wanted, main: Slot | None, side: Slot | None = None, serving: Any = "") -> list[Step]:
    return next_steps(asked, Found(main, side, serving), NOW)


def ended(step: Step) -> list[str]:
    assert isinstance(step, EndOld | EndAgain)
    return [copy.id for copy in step.copies]


class TestRolling:
    ASKED = wanted(asked_main=True)

    def test_it_begins_by_asking_for_the_definition(self) -> None:
        assert plan(wanted(), old("OOOO")) == [ReplaceMain(4)]
        assert plan(wanted(Manner.START, before=Before(None, 0)), None) == [ReplaceMain(4)]

    def test_over_another_publish_it_insists(self) -> None:
        assert plan(wanted(takes_over=True), old("OONn", by="other")) == [ReplaceMain(4, force=True)]

    @pytest.mark.parametrize("state", ["NOOOn", "NNNNO", "NNNNe", "NNNN"])
    def test_while_the_scheduler_replaces_them_it_waits(self, state: str) -> None:
        assert plan(self.ASKED, slot(state, size=4, by="own")) == [Wait()]

    def test_to_stop_all_first_the_ill_ones_are_ended_by_us(self) -> None:
        asked = wanted(Manner.RECREATE, asked_main=True, max_unavailable=4, max_surge=0)
        [step] = plan(asked, slot("oooo", by="own"))
        assert ended(step) == ["o0", "o1", "o2", "o3"]
        assert plan(asked, slot("Oooo", by="own")) == [Wait()]
        assert plan(asked, slot("ooee", by="own")) == [Wait()]

    def test_it_is_over_when_all_are_new_and_well_and_none_else_is_left(self) -> None:
        assert plan(self.ASKED, slot("NNNN")) == [Finish()]
        assert plan(self.ASKED, slot("NNNNe", size=4)) == [Wait()]
        assert plan(self.ASKED, slot("NNNn")) == [Wait()]

    def test_whoever_called_it_off_came_too_late(self) -> None:
        assert plan(replace(self.ASKED, goal=Goal.BACK), slot("NNNN")) == [Finish()]

    def test_what_somebody_else_changed_on_the_scheduler_is_left_to_them(self) -> None:
        assert plan(self.ASKED, old("OOOO")) == [Lost()]
        assert plan(self.ASKED, None) == [Lost()]

    def test_what_another_publish_left_beside_goes_when_all_of_it_serves(self) -> None:
        taken = replace(self.ASKED, takes_over=True)
        assert plan(taken, slot("NNNn"), old("O")) == [Wait()]
        assert plan(taken, slot("NNNN"), old("O"), "side") == [Switch("")]
        assert plan(taken, slot("NNNN"), old("O")) == [RemoveSide()]


class TestBatches:
    """After a pause the scheduler's own deployment is gone."""

    ASKED = wanted(asked_main=True)

    def test_one_more_then_one_old_less_and_so_on(self) -> None:
        assert plan(self.ASKED, slot("NOOO")) == [GrowMain(5)]
        assert plan(self.ASKED, slot("NnOOO")) == [Wait()]
        assert plan(self.ASKED, slot("NOOO", size=5)) == [Wait()]
        [step] = plan(self.ASKED, slot("NNOOO"))
        assert (step, ended(step)) == (EndOld(step.copies, shrink=True), ["O2"])  # type: ignore[union-attr]
        assert plan(self.ASKED, slot("NNOOe", size=4)) == [GrowMain(5)]

    def test_the_last_batch_is_no_larger_than_what_is_left(self) -> None:
        asked = replace(self.ASKED, max_surge=3)
        assert plan(asked, slot("NOOO")) == [GrowMain(7)]
        assert plan(asked, slot("NNNO")) == [GrowMain(5)]

    def test_without_extra_ones_some_go_first(self) -> None:
        asked = replace(self.ASKED, max_surge=0, max_unavailable=2)
        [step] = plan(asked, slot("NOOO"))
        assert (step, ended(step)) == (EndOld(step.copies, shrink=False), ["O1", "O2"])  # type: ignore[union-attr]
        assert plan(asked, slot("NOee", size=4)) == [Wait()]
        assert plan(asked, slot("NOnn")) == [Wait()]

    def test_never_fewer_are_well_than_may_be(self) -> None:
        asked = replace(self.ASKED, max_surge=0, max_unavailable=1)
        [step] = plan(asked, slot("NOOo"))
        assert ended(step) == ["o3"], "one that serves nobody may always go, and no other"
        assert plan(replace(asked, instances=5), slot("NOO", size=5)) == [Wait()]

    def test_where_data_is_none_is_extra(self) -> None:
        asked = replace(self.ASKED, in_place=True, max_surge=1, max_unavailable=1)
        [step] = plan(asked, slot("NOOO"))
        assert (step, ended(step)) == (EndOld(step.copies, shrink=False), ["O1"])  # type: ignore[union-attr]

    def test_extra_ones_of_a_batch_that_is_over_go(self) -> None:
        assert plan(self.ASKED, slot("NNNNN")) == [GrowMain(4)]


class TestPause:
    PAUSED = wanted(asked_main=True, goal=Goal.PAUSE)

    def test_the_schedulers_deployment_is_cut_and_nothing_more_happens(self) -> None:
        assert plan(self.PAUSED, slot("NOOOn", size=4, by="own")) == [LetGo(OWN)]
        assert plan(self.PAUSED, slot("NOOOn", size=4)) == [Paused()]

    def test_what_runs_beside_stays(self) -> None:
        asked = wanted(Manner.CANARY, goal=Goal.PAUSE)
        assert plan(asked, old("OOOO"), slot("n", by="other")) == [Paused()]


class TestBack:
    BACK = wanted(asked_main=True, goal=Goal.BACK)

    def test_while_its_deployment_runs_the_scheduler_rolls_it_back(self) -> None:
        assert plan(self.BACK, slot("NOOOn", size=4, by="own")) == [RollBack(OWN)]
        assert plan(self.BACK, old("OOOO", by="other")) == [Wait()]
        assert plan(self.BACK, old("OOOO")) == [Returned()]

    @pytest.mark.parametrize("by", ["", "other"])
    def test_when_that_has_ended_the_version_of_before_is_asked_for_again(self, by: str) -> None:
        assert plan(self.BACK, slot("NNOO", by=by)) == [PutBackMain(4)]

    def test_where_nothing_ran_before_nothing_is_left(self) -> None:
        asked = replace(self.BACK, before=Before(None, 0))
        assert plan(asked, slot("n", by="own")) == [RollBack(OWN)]
        assert plan(asked, slot("n", by="other")) == [RemoveMain()]
        assert plan(replace(asked, asked_main_to_go=True), slot("e", by="other")) == [Wait()]
        assert plan(asked, None) == [Returned()]

    def test_after_a_take_over_it_goes_back_to_before_both(self) -> None:
        asked = replace(self.BACK, takes_over=True)
        assert plan(asked, slot("NOOO", by="own")) == [PutBackMain(4)]
        assert plan(asked, slot("OOOO", ours=False)) == [Returned()]
        first = replace(slot("OOOO", ours=False), version=7)
        assert plan(asked, first) == [PutBackMain(4)]
        assert plan(replace(asked, before=Before(None, 0)), first) == [RemoveMain()]


class TestCanary:
    ASKED = wanted(Manner.CANARY, instances=10)
    GOING = replace(ASKED, asked_main=True, went_on=True)
    BACK = replace(ASKED, goal=Goal.BACK)

    def test_one_comes_up_beside_all_of_the_old_ones(self) -> None:
        assert plan(self.ASKED, old("O" * 10)) == [StartSide(1)]
        assert plan(self.ASKED, old("O" * 10), slot("n")) == [Wait()]
        assert plan(self.ASKED, old("O" * 10), slot("", size=1)) == [Wait()]

    def test_when_it_is_well_one_old_one_goes_and_it_holds(self) -> None:
        assert plan(self.ASKED, old("O" * 10), slot("N")) == [GrowMain(9)]
        assert plan(self.ASKED, old("O" * 9 + "e", size=9, by="other"), slot("N")) == [Wait()]
        assert plan(self.ASKED, old("O" * 9), slot("N")) == [Hold(None)]

    def test_a_hold_ends_by_a_word_or_by_time(self) -> None:
        hold = timedelta(seconds=60)
        timed = replace(self.ASKED, hold=hold)
        assert plan(timed, old("O" * 9), slot("N")) == [Hold(NOW + hold)]
        assert plan(replace(timed, held_since=NOW - hold), old("O" * 9), slot("N")) == [ReplaceMain(9)]
        assert plan(replace(self.ASKED, went_on=True), old("O" * 9), slot("N")) == [ReplaceMain(9)]

    def test_a_canary_that_falls_ill_holds_no_longer(self) -> None:
        asked = replace(self.ASKED, held_since=NOW, went_on=True)
        assert plan(asked, old("O" * 9), slot("n")) == [Wait()]

    def test_then_the_rest_is_replaced_grows_whole_and_the_canary_goes_last(self) -> None:
        assert plan(self.GOING, slot("N" * 5 + "O" * 4, by="own"), slot("N")) == [Wait()]
        assert plan(self.GOING, slot("N" * 9), slot("N")) == [GrowMain(10)]
        assert plan(self.GOING, slot("N" * 9 + "n"), slot("N")) == [Wait()]
        assert plan(self.GOING, slot("N" * 10), slot("N")) == [RemoveSide()]
        gone = replace(self.GOING, asked_side_to_go=True)
        assert plan(gone, slot("N" * 10), slot("e", size=0, by="other")) == [Wait()]
        assert plan(gone, slot("N" * 10)) == [Finish()]

    def test_undone_it_goes_at_once_and_no_old_one_is_touched(self) -> None:
        assert plan(self.BACK, old("O" * 10), slot("n")) == [RemoveSide()]
        assert plan(self.BACK, old("O" * 9), slot("n")) == [RemoveSide(), GrowMain(10)]
        gone = replace(self.BACK, asked_side_to_go=True)
        assert plan(gone, old("O" * 9), slot("e", size=0, by="other")) == [GrowMain(10)]
        assert plan(gone, old("O" * 9, size=10, by="other")) == [Wait()]
        assert plan(gone, old("O" * 10)) == [Returned()]

    def test_undone_late_it_serves_on_until_the_old_ones_are_back(self) -> None:
        back = replace(self.GOING, goal=Goal.BACK)
        assert plan(back, slot("N" * 5 + "O" * 4, by="own"), slot("N")) == [RollBack(OWN)]
        assert plan(back, old("O" * 9, by="other"), slot("N")) == [Wait()]
        assert plan(back, old("O" * 9), slot("N")) == [GrowMain(10)]
        assert plan(back, slot("N" * 9 + "n"), slot("N")) == [PutBackMain(10)]

    def test_undone_while_it_is_well_it_serves_until_the_old_ones_are_back(self) -> None:
        assert plan(self.BACK, old("O" * 9), slot("N")) == [GrowMain(10)]
        coming = old("O" * 9 + "o", by="other")
        assert plan(self.BACK, coming, slot("N")) == [Wait()]
        assert plan(replace(self.BACK, back_since=NOW), coming, slot("N")) == [Wait()]
        assert plan(self.BACK, old("O" * 10), slot("N")) == [RemoveSide()]

    def test_but_not_for_ever_as_it_may_stand_where_they_have_to(self) -> None:
        back = replace(self.BACK, back_since=NOW - timedelta(minutes=1))
        assert plan(back, old("O" * 9, size=10, by="other"), slot("N")) == [RemoveSide()]

    def test_what_took_over_from_it_gives_its_place_back_too(self) -> None:
        rolling = wanted(instances=10, takes_over=True, goal=Goal.BACK)
        assert plan(rolling, old("O" * 9), slot("N")) == [GrowMain(10)]
        assert plan(rolling, old("O" * 9)) == [GrowMain(10)]
        assert plan(rolling, old("O" * 11)) == [GrowMain(10)]
        assert plan(rolling, old("O" * 10)) == [Returned()]

    def test_of_one_instance_the_old_one_stays(self) -> None:
        one = wanted(Manner.CANARY, instances=1)
        assert plan(one, old("O"), slot("N")) == [Hold(None)]
        assert plan(replace(one, went_on=True), old("O"), slot("N")) == [ReplaceMain(1)]

    def test_over_another_publish_the_mix_of_that_serves_beside_it(self) -> None:
        asked = replace(self.ASKED, takes_over=True)
        assert plan(asked, old("O" * 11, size=10, by="other"), old("O")) == [LetGo(OTHER)]
        assert plan(asked, old("O" * 10), old("O")) == [StartSide(1)]


class TestBlueGreen:
    ASKED = wanted(Manner.BLUE_GREEN)
    BACK = replace(ASKED, goal=Goal.BACK)

    def test_all_new_ones_come_up_beside_while_the_old_side_serves(self) -> None:
        assert plan(self.ASKED, old("OOOO")) == [Switch("main")]
        assert plan(self.ASKED, old("OOOO"), None, "main") == [StartSide(4)]
        assert plan(self.ASKED, old("OOOO"), slot("NNNn"), "main") == [Wait()]

    def test_then_it_switches_and_keeps_the_old_ones_until_confirmed(self) -> None:
        assert plan(self.ASKED, old("OOOO"), slot("NNNN"), "main") == [Switch("side")]
        assert plan(self.ASKED, old("OOOO"), slot("NNNN"), "side") == [Hold(None)]

    def test_confirmed_the_own_workload_is_replaced_at_once_and_takes_over_again(self) -> None:
        going = replace(self.ASKED, went_on=True)
        assert plan(going, old("OOOO"), slot("NNNN"), "side") == [ReplaceMain(4, at_once=True)]
        assert plan(going, slot("NNNN"), slot("NNNN"), "side") == [Switch("")]
        assert plan(going, slot("NNNN"), slot("NNNN")) == [RemoveSide()]

    def test_undone_it_switches_back_first(self) -> None:
        assert plan(self.BACK, old("OOOO"), slot("NNNN"), "side") == [Switch("main")]
        assert plan(self.BACK, old("OOOO"), slot("NNNN"), "main") == [RemoveSide()]
        assert plan(self.BACK, old("OOOO"), None, "main") == [Switch("")]
        assert plan(self.BACK, old("OOOO")) == [Returned()]

    def test_undone_late_the_new_side_serves_until_the_old_version_is_back(self) -> None:
        back = replace(self.BACK, asked_main=True)
        assert plan(back, slot("nnnn", by="own"), slot("NNNN"), "side") == [RollBack(OWN)]
        assert plan(back, old("OOoo", by="other"), slot("NNNN"), "side") == [Wait()]
        assert plan(back, old("OOOO"), slot("NNNN"), "side") == [Switch("main")]


class TestSlowAndLingering:
    ASKED = wanted(asked_main=True, slow_tolerated=1)

    def test_a_slow_one_that_may_be_does_not_hold_up_the_others(self) -> None:
        assert plan(self.ASKED, slot("sOOOO", size=4, by="own")) == [LetGo(OWN)]
        assert plan(self.ASKED, slot("sOOO")) == [GrowMain(5)]
        [step] = plan(self.ASKED, slot("sNNNO"))
        assert ended(step) == ["O4"]

    def test_it_is_finished_without_it_and_says_so(self) -> None:
        [step] = plan(self.ASKED, slot("NNNs"))
        assert isinstance(step, Finish)
        assert [copy.host for copy in step.slow] == ["node3"]

    @pytest.mark.parametrize("state", ["NNss", "NNNn"])
    def test_more_than_may_be_or_not_yet_slow_is_waited_for(self, state: str) -> None:
        assert plan(self.ASKED, slot(state)) == [Wait()]

    def test_one_that_does_not_end_is_asked_again(self) -> None:
        main = slot("NNNNe", size=4)
        lingers = replace(main.copies[4], ending_since=NOW - timedelta(seconds=16))
        steps = plan(self.ASKED, replace(main, copies=(*main.copies[:4], lingers)))
        assert ended(steps[0]) == ["e4"]
        assert steps[1:] == [Wait()]

    def test_a_version_that_is_all_there_is_not_undone_for_old_ones_that_still_end(self) -> None:
        assert only_drains(self.ASKED, Found(slot("NNNNe", size=4)), NOW)
        assert not only_drains(self.ASKED, Found(slot("NNNNO", size=4)), NOW)
        assert not only_drains(self.ASKED, Found(slot("NNnn")), NOW)
