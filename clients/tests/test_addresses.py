import pytest

from clients.addresses import Addresses
from clients.errors import NotFound, TimedOut, Unavailable


def test_the_first_that_answers_is_asked_first_the_next_time() -> None:
    addresses = Addresses(["http://a:1", "http://b:1/"])
    asked: list[str] = []

    def ask(url: str) -> str:
        asked.append(url)
        if url == "http://a:1":
            raise Unavailable("down", remote="r", operation="o")
        return "yes"

    assert [addresses.first_answer(ask), addresses.first_answer(ask)] == ["yes", "yes"]
    assert asked == ["http://a:1", "http://b:1", "http://b:1"]


def test_a_refusal_is_an_answer() -> None:
    asked: list[str] = []

    def ask(url: str) -> None:
        asked.append(url)
        raise NotFound("no such app", remote="r", operation="o")

    with pytest.raises(NotFound):
        Addresses(["http://a:1", "http://b:1"]).first_answer(ask)
    assert asked == ["http://a:1"]


def test_the_last_failure_is_raised_when_none_answers() -> None:
    def ask(url: str) -> None:
        raise (TimedOut if "b" in url else Unavailable)("down", remote="r", operation="o")

    with pytest.raises(TimedOut):
        Addresses(["http://a:1", "http://b:1"]).first_answer(ask)


@pytest.mark.parametrize("urls", [[], ["a:8080"], ["ftp://a"], ["http://user:secret@a:8080"]])
def test_a_setting_that_is_no_address_is_refused(urls: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        Addresses(urls)
    assert "secret" not in str(caught.value)
