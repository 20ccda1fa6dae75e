"""Connections that are kept for the next one: the same session where it is good, another where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from ocean_portal.postgresql.base import DatabaseWrapper, idle

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[[], DatabaseWrapper]


@pytest.fixture
def wrapper() -> Iterator[Make]:
    """Makes wrappers as each thread has its own, of a process that keeps two idle connections."""

    def make(keep: int = 2) -> DatabaseWrapper:
        return DatabaseWrapper({**connection.settings_dict, "KEEP_IDLE": keep})

    yield make
    idle.close()


def backend(wrapper: DatabaseWrapper) -> int:
    """The server's process of the wrapper's session."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    return pid


def used(wrapper: DatabaseWrapper) -> int:
    """The same, and closed afterwards, as a request does."""
    pid = backend(wrapper)
    wrapper.close()
    return pid


def test_the_next_one_goes_on_with_the_same_session(wrapper: Make) -> None:
    assert used(wrapper()) == used(wrapper())


def test_two_at_once_have_two(wrapper: Make) -> None:
    first, second = wrapper(), wrapper()
    assert backend(first) != backend(second)
    used(first)
    used(second)


def test_one_that_died_meanwhile_is_replaced(wrapper: Make) -> None:
    died = used(wrapper())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [died])
    assert used(wrapper()) != died


def test_one_in_the_middle_of_something_is_not_kept(wrapper: Make) -> None:
    busy = wrapper()
    busy.set_autocommit(False)
    pid = backend(busy)
    busy.close()
    assert used(wrapper()) != pid
