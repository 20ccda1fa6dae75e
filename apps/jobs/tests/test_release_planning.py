"""The order of a release, and what it does next: every decision, without a database."""

from __future__ import annotations

import pytest

from apps.jobs.models import ReleaseItem
from apps.jobs.releases.moves import Item, Moves, next_moves
from apps.jobs.releases.ordering import Circle, stages, waits_for

State = ReleaseItem.State

CHAIN = {"web": ["api"], "api": ["db"], "db": []}


def test_what_is_depended_on_goes_first() -> None:
    assert stages(waits_for(CHAIN, last_first=False)) == [["db"], ["api"], ["web"]]


def test_stopping_goes_the_other_way() -> None:
    assert stages(waits_for(CHAIN, last_first=True)) == [["web"], ["api"], ["db"]]


def test_what_does_not_depend_on_each_other_goes_together_in_the_given_order() -> None:
    after = waits_for({"b": [], "a": [], "c": ["a", "b"], "d": ["b"]}, last_first=False)
    assert stages(after) == [["b", "a"], ["c", "d"]]


def test_dependencies_outside_the_release_do_not_count() -> None:
    assert waits_for({"web": ["elsewhere"]}, last_first=False) == {"web": frozenset()}


def test_a_circle_is_named_on_its_way_round() -> None:
    after = waits_for({"a": ["b"], "b": ["c"], "c": ["b"], "free": []}, last_first=False)
    with pytest.raises(Circle) as caught:
        stages(after)
    assert caught.value.members == ("b", "c", "b")


def chain(*states: State, goes_back: bool = True) -> list[Item]:
    """Items of which each waits for the one before."""
    return [
        Item(position, frozenset({position - 1} if position else ()), state, goes_back)
        for position, state in enumerate(states)
    ]


def loose(*states: State) -> list[Item]:
    return [Item(position, frozenset(), state) for position, state in enumerate(states)]


def moves(
    items: list[Item],
    *,
    parallel: int = 10,
    undo: bool = True,
    called_off: bool = False,
    paused: bool = False,
) -> Moves:
    return next_moves(items, parallel=parallel, undo=undo, called_off=called_off, paused=paused)


WAITING, RUNNING, DONE, FAILED = State.WAITING, State.RUNNING, State.DONE, State.FAILED


class TestForwards:
    def test_the_first_begins(self) -> None:
        assert moves(chain(WAITING, WAITING, WAITING)) == Moves(start=(0,))

    def test_one_under_way_holds_up_what_waits_for_it(self) -> None:
        assert moves(chain(RUNNING, WAITING)) == Moves()

    def test_one_done_lets_the_next_begin(self) -> None:
        assert moves(chain(DONE, WAITING, WAITING)) == Moves(start=(1,))

    def test_as_many_at_once_as_allowed(self) -> None:
        assert moves(loose(RUNNING, WAITING, WAITING, WAITING), parallel=3) == Moves(start=(1, 2))

    def test_none_begins_while_it_is_paused(self) -> None:
        assert moves(loose(RUNNING, WAITING), paused=True) == Moves()

    def test_all_done_is_over(self) -> None:
        assert moves(chain(DONE, DONE)) == Moves(over=True)

    def test_leaving_goes_on_with_what_does_not_wait_for_the_failed_one(self) -> None:
        items = [
            Item(0, frozenset(), FAILED),
            Item(1, frozenset({0}), WAITING),
            Item(2, frozenset(), WAITING),
        ]
        assert moves(items, undo=False) == Moves(start=(2,), skip=(1,))

    def test_what_waits_for_a_skipped_one_is_skipped_too(self) -> None:
        assert moves(chain(FAILED, State.SKIPPED, WAITING), undo=False) == Moves(skip=(2,))

    def test_leaving_is_over_when_nothing_waits(self) -> None:
        assert moves(chain(DONE, FAILED), undo=False) == Moves(over=True)


class TestBackwards:
    def test_what_is_under_way_is_called_off_and_what_was_not_begun_stays(self) -> None:
        assert moves(loose(FAILED, RUNNING, WAITING, DONE), parallel=5) == Moves(
            skip=(2,), cancel=(1,), undo=(3, 0)
        )

    def test_the_last_goes_back_first(self) -> None:
        items = [
            Item(0, frozenset(), DONE),
            Item(1, frozenset({0}), DONE),
            Item(2, frozenset({1}), FAILED, goes_back=False),
        ]
        assert moves(items) == Moves(undo=(1,))

    def test_the_one_below_waits_until_it_is_back(self) -> None:
        items = [
            Item(0, frozenset(), DONE),
            Item(1, frozenset({0}), State.UNDOING),
            Item(2, frozenset({1}), FAILED, goes_back=False),
        ]
        assert moves(items) == Moves()

    @pytest.mark.parametrize("above", [State.UNDONE, State.STUCK, State.KEPT, State.SKIPPED])
    def test_then_it_goes_back_whatever_became_of_the_one_above(self, above: State) -> None:
        items = [
            Item(0, frozenset(), DONE),
            Item(1, frozenset({0}), above),
            Item(2, frozenset({1}), FAILED, goes_back=False),
        ]
        assert moves(items) == Moves(undo=(0,))

    def test_a_failed_one_that_left_something_behind_goes_back_too(self) -> None:
        assert moves(chain(DONE, FAILED)) == Moves(undo=(1,))

    def test_what_has_nothing_to_go_back_to_stays(self) -> None:
        items = [Item(0, frozenset(), DONE, goes_back=False), Item(1, frozenset(), FAILED, goes_back=False)]
        assert moves(items) == Moves(keep=(0,))

    def test_all_back_is_over(self) -> None:
        items = [
            Item(0, frozenset(), State.UNDONE),
            Item(1, frozenset(), FAILED, goes_back=False),
            Item(2, frozenset(), State.SKIPPED),
        ]
        assert moves(items) == Moves(over=True)

    def test_the_limit_counts_backwards_too(self) -> None:
        items = [*loose(DONE, DONE, State.UNDOING), Item(3, frozenset(), FAILED, goes_back=False)]
        assert moves(items, parallel=2) == Moves(undo=(1,))

    def test_called_off_without_undo_leaves_what_is_done(self) -> None:
        assert moves(loose(DONE, RUNNING, WAITING), undo=False, called_off=True) == Moves(
            skip=(2,), cancel=(1,)
        )
        assert moves(loose(DONE, FAILED, State.SKIPPED), undo=False, called_off=True) == Moves(over=True)

    def test_called_off_with_undo_takes_back_what_is_done(self) -> None:
        assert moves(chain(DONE, DONE), called_off=True) == Moves(undo=(1,))
