"""What proves that Ocean wrote the address that alarm calls."""

from urllib.parse import parse_qs, urlsplit

import pytest

from apps.elastic.falcon.signing import Ring, callback_url, new_key, signed_ring


def parts(url: str) -> tuple[str, str, str]:
    query = parse_qs(urlsplit(url).query)
    return query["job"][0], query.get("key", [""])[0], query["sig"][0]


def test_what_was_signed_is_accepted_also_after_the_secret_was_changed() -> None:
    ring = Ring(12, new_key())
    url = callback_url("https://ocean.example.com/", ring, secret="old")

    assert url.startswith(f"https://ocean.example.com/api/v1/callbacks/falcon/?job=12&key={ring.key}&sig=")
    assert len(url) < 255
    assert signed_ring(*parts(url), secrets=["new", "old"]) == ring


def test_an_address_from_before_there_were_keys_is_what_it_was() -> None:
    url = callback_url("http://o", Ring(12), secret="s")
    assert url == "http://o/api/v1/callbacks/falcon/?job=12&sig=9d5740c6aeb12c4a35c8871c1f7f08ee"
    assert signed_ring(*parts(url), secrets=["s"]) == Ring(12)


def test_no_two_keys_are_the_same() -> None:
    assert len({new_key() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("job", "key", "sign"),
    [
        ("13", "k", None),
        ("12", "l", None),
        ("12", "", None),
        ("1", "2:k", None),
        ("12", "k", "0" * 32),
        ("12", "k", ""),
        ("12", "k", "ü"),
        ("12", "ü", None),
        ("", "k", None),
        ("x", "k", None),
        ("１２", "k", None),
        ("9" * 30, "k", None),
    ],
)
def test_a_forgery_is_not(job: str, key: str, sign: str | None) -> None:
    *_, good = parts(callback_url("http://o", Ring(12, "k"), secret="s"))

    assert signed_ring(job, key, good if sign is None else sign, secrets=["s"]) is None
