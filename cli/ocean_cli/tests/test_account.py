"""Signing in, the file with the tokens, and which console is talked to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocean_cli.config import Config, Context, config_load, config_path, context_chosen, url_checked
from ocean_cli.errors import Usage
from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import FakeOcean, Reply, page, problem

ME: dict[str, Any] = {
    "username": "dev",
    "name": "Wei Li",
    "is_dba": False,
    "is_sre": True,
    "product_lines": [{"tag": "pdl.ocean_owt.inf_cop.xiaomi", "role": "developer"}],
}


@pytest.fixture
def stranger(ocean: Ocean, fake: FakeOcean, monkeypatch: pytest.MonkeyPatch) -> Ocean:
    """Somebody who has not logged in, at a console that would let them."""
    monkeypatch.delenv("OCEAN_URL")
    monkeypatch.delenv("OCEAN_TOKEN")
    fake.on("POST", "tokens/", Reply({"id": 5, "token": "ocean_made"}, 201))
    fake.on("GET", "users/me/", ME)
    fake.on("GET", "jobs/", page())
    fake.on("DELETE", "users/me/tokens/5/", Reply(status=204))
    return ocean


def stored(home: Path) -> Any:
    return json.loads((home / "config" / "ocean" / "config.json").read_text())


def test_a_password_becomes_a_token_that_only_its_owner_can_read(
    stranger: Ocean, fake: FakeOcean, home: Path
) -> None:
    ended = stranger("login", fake.url, "-u", "dev", "--password-stdin", "--days", "30", stdin="pass word\n")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"You are dev at {fake.url}.\n"
    body = fake.calls("POST", "tokens/")[0].body
    assert (body["username"], body["password"], body["name"][:12]) == ("dev", "pass word", "ocean-cli on")
    path = home / "config" / "ocean" / "config.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "pass word" not in path.read_text()
    stranger("jobs")
    assert fake.asked[-1].headers["Authorization"] == "Token ocean_made"


def test_logging_in_again_needs_no_address_and_revokes_the_token_of_before(
    stranger: Ocean, fake: FakeOcean
) -> None:
    login = ("-u", "dev", "--password-stdin")
    stranger("login", fake.url, *login, stdin="x\n")
    fake.on("POST", "tokens/", Reply({"id": 6, "token": "ocean_newer"}, 201))
    assert stranger("login", *login, stdin="x\n").code == 0
    assert len(fake.calls("DELETE", "users/me/tokens/5/")) == 1


def test_a_token_from_standard_input_is_looked_at_and_kept(
    stranger: Ocean, fake: FakeOcean, home: Path
) -> None:
    assert stranger("login", fake.url, "--token", "-", stdin="ocean_mine\n").code == 0
    assert stored(home)["contexts"]["default"] == {
        "url": fake.url,
        "token": "ocean_mine",
        "username": "dev",
        "token_id": None,
    }
    stranger("logout")
    assert [one for one in fake.asked if one.method == "DELETE"] == []


def test_a_token_that_is_worth_nothing_is_not_kept(stranger: Ocean, fake: FakeOcean, home: Path) -> None:
    fake.on("GET", "users/me/", problem(401, "unauthenticated", "This token is unknown."))
    assert stranger("login", fake.url, "--token", "-", stdin="bad\n").code == 4
    assert not (home / "config").exists()


def test_a_token_on_the_command_line_is_refused(stranger: Ocean, fake: FakeOcean) -> None:
    ended = stranger("login", fake.url, "--token", "ocean_seen_by_all")
    assert (ended.code, "ocean_seen_by_all" in ended.err) == (2, False)


def test_a_wrong_password(stranger: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", "tokens/", problem(401, "unauthenticated", "Please enter a correct name."))
    ended = stranger("login", fake.url, "-u", "dev", "--password-stdin", stdin="x\n")
    assert (ended.code, ended.err) == (4, "Error: Please enter a correct name.\n")


def test_logging_out_revokes_and_forgets(stranger: Ocean, fake: FakeOcean, home: Path) -> None:
    stranger("login", fake.url, "-u", "dev", "--password-stdin", stdin="x\n")
    ended = stranger("logout")
    assert (ended.code, ended.err) == (0, f"The token for {fake.url} is revoked.\n")
    assert stored(home)["contexts"] == {}
    assert stranger("jobs").code == 2


def test_logging_out_while_the_console_is_away_forgets_all_the_same(
    stranger: Ocean, fake: FakeOcean, home: Path
) -> None:
    stranger("login", fake.url, "-u", "dev", "--password-stdin", stdin="x\n")
    fake.on("DELETE", "users/me/tokens/5/", Reply(cut=True))
    ended = stranger("logout", "--retry-for", "0")
    assert (ended.code, "is forgotten here" in ended.err) == (0, True)
    assert stored(home)["contexts"] == {}


def test_whoami(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", "users/me/", ME)
    assert ocean("whoami").out.splitlines() == [
        "User:    dev (Wei Li)",
        f"Console: {fake.url}",
        "Roles:   SRE, developer of pdl.ocean_owt.inf_cop.xiaomi",
    ]
    assert ocean("whoami", "-q").out == "dev\n"
    assert "ocean_secret" not in ocean("whoami", "--json").out


def test_several_consoles_side_by_side(stranger: Ocean, fake: FakeOcean, home: Path) -> None:
    for name in ("prod", "test"):
        stranger("login", fake.url, "--token", "-", "--context", name, stdin=f"ocean_{name}\n")
    assert stored(home)["current"] == "test"
    stranger("jobs", "--context", "prod")
    assert fake.asked[-1].headers["Authorization"] == "Token ocean_prod"
    assert stranger("use", "prod").code == 0
    assert [line.split()[:2] for line in stranger("contexts").out.splitlines()[1:]] == [
        ["*", "prod"],
        ["test", fake.url],
    ]
    assert stranger("jobs", "--context", "none").code == 2


class TestChoosing:
    CONFIG = Config(
        Path("unused"),
        "here",
        {
            "here": Context("https://here", "ocean_here", "dev"),
            "there": Context("https://there", "ocean_there"),
        },
    )

    @pytest.mark.parametrize(
        ("name", "environment", "url", "token"),
        [
            (None, {}, "https://here", "ocean_here"),
            ("there", {}, "https://there", "ocean_there"),
            (None, {"OCEAN_CONTEXT": "there"}, "https://there", "ocean_there"),
            (None, {"OCEAN_TOKEN": "ocean_env"}, "https://here", "ocean_env"),
            (None, {"OCEAN_URL": "https://other/", "OCEAN_TOKEN": "t"}, "https://other", "t"),
            ("there", {"OCEAN_URL": "https://other", "OCEAN_TOKEN": "t"}, "https://there", "ocean_there"),
            (None, {"OCEAN_URL": "https://here/"}, "https://here", "ocean_here"),
            # A token never goes to another console than the one it was made for.
            (None, {"OCEAN_URL": "https://evil"}, "https://evil", ""),
        ],
    )
    def test_the_order(self, name: str | None, environment: dict[str, str], url: str, token: str) -> None:
        found = context_chosen(self.CONFIG, name=name, environment=environment)
        assert (found.url, found.token) == (url, token)

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("ocean.example.org", "https://ocean.example.org"),
            ("localhost:8000", "http://localhost:8000"),
            ("127.0.0.1:8000/", "http://127.0.0.1:8000"),
            ("https://example.org/ocean/", "https://example.org/ocean"),
            ("https://example.org/api/v1/", "https://example.org"),
        ],
    )
    def test_addresses(self, text: str, url: str) -> None:
        assert url_checked(text) == url

    @pytest.mark.parametrize(
        "text", ["", "ftp://x", "https://", "http://x:port", "https://u:p@x", "http://x:0"]
    )
    def test_no_addresses(self, text: str) -> None:
        with pytest.raises(Usage):
            url_checked(text)


def test_a_file_that_others_could_read_is_made_private(home: Path) -> None:
    path = config_path()
    path.parent.mkdir(parents=True)
    path.write_text('{"contexts": {}}')
    path.chmod(0o644)
    config_load()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_broken_file_says_what_to_do(ocean: Ocean, home: Path) -> None:
    path = config_path()
    path.parent.mkdir(parents=True)
    path.write_text("{")
    ended = ocean("jobs")
    assert (ended.code, "log in again" in ended.err) == (1, True)


def test_a_token_does_not_show_in_a_traceback() -> None:
    assert "ocean_here" not in repr(TestChoosing.CONFIG)
