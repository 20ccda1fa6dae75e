"""Reading ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from apps.jobs.mirror.ahead import read_ahead


def test_the_next_one_is_being_taken_while_the_caller_works_on_one() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    found = []
    for item in read_ahead(items()):
        assert second.wait(5)
        found.append(item)
    assert found == [1, 2]


def test_what_goes_wrong_there_goes_wrong_here_after_what_came_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    found = read_ahead(items())
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)
