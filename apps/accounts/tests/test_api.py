"""Oneself, one's tokens, product lines and their members over the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from apps.accounts import throttle
from apps.accounts.models import ApiToken, Membership, ProductLine, Role
from apps.accounts.services import token_create
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import AuditEntry
from apps.core.tests.client import api_client, field_codes, problem_type

pytestmark = pytest.mark.django_db

ME = "/api/v1/users/me/"
TOKENS = f"{ME}tokens/"
LINES = "/api/v1/product-lines/"
SIGN_IN = "/api/v1/tokens/"
PASSWORD = "right-and-long-enough"


def test_one_sees_oneself_and_ones_roles() -> None:
    line = make_product_line(pdl="ocean")
    user = make_member(line, username="dev", first_name="Wei", last_name="Li", email="dev@example.org")
    assert api_client(user).get(ME).json() == {
        "username": "dev",
        "name": "Wei Li",
        "email": "dev@example.org",
        "is_dba": False,
        "is_sre": False,
        "language": "",
        "time_zone": "",
        "theme": "auto",
        "product_lines": [{"tag": "pdl.ocean_owt.inf_cop.xiaomi", "role": "developer"}],
    }


class TestTokens:
    def test_a_new_tokens_key_is_shown_once_and_works(self) -> None:
        user = make_user()
        client = api_client(user)
        expires = timezone.now() + timedelta(days=1)
        made = client.post(TOKENS, {"name": "ci", "expires": expires.isoformat()})
        assert made.status_code == 201
        key = made.json()["token"]
        assert client.get(TOKENS).json()["results"][0] == {
            name: value for name, value in made.json().items() if name != "token"
        }
        other = api_client(None)
        other.credentials(HTTP_AUTHORIZATION=f"Token {key}")
        assert other.get(ME).json()["username"] == user.username

    def test_a_rotated_token_keeps_its_name_and_the_old_key_ends(self) -> None:
        user = make_user()
        old = token_create(user=user, name="ci")
        made = api_client(user).post(f"{TOKENS}{old.row.pk}/rotate/").json()
        assert made["name"] == "ci"
        client = api_client(None)
        for key, status in ((old.key, 401), (made["token"], 200)):
            client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
            assert client.get(ME).status_code == status

    def test_a_revoked_token_is_worth_nothing(self) -> None:
        user = make_user()
        token = token_create(user=user, name="ci")
        assert api_client(user).delete(f"{TOKENS}{token.row.pk}/").status_code == 204
        client = api_client(None)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
        assert client.get(ME).status_code == 401

    def test_the_token_of_another_person_is_404(self) -> None:
        token = token_create(user=make_user(), name="theirs").row
        client = api_client(make_sre())
        assert client.delete(f"{TOKENS}{token.pk}/").status_code == 404
        assert client.post(f"{TOKENS}{token.pk}/rotate/").status_code == 404
        assert ApiToken.objects.filter(pk=token.pk).exists()

    def test_bad_fields_are_named(self) -> None:
        client = api_client(make_user())
        past = (timezone.now() - timedelta(seconds=1)).isoformat()
        assert field_codes(client.post(TOKENS, {})) == {"name": "required"}
        assert field_codes(client.post(TOKENS, {"name": "x", "expires": past})) == {"expires": "past"}
        assert field_codes(client.post(TOKENS, {"name": "x", "expires": "soon"})) == {"expires": "invalid"}


class TestSigningIn:
    """`POST tokens/`: a token from a password, for who has none yet."""

    @pytest.fixture(autouse=True)
    def no_earlier_attempts(self, settings: Settings) -> Iterator[None]:
        # The real hasher is slow on purpose.
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        cache.clear()
        yield
        cache.clear()

    @staticmethod
    def ask(password: str = PASSWORD, **fields: Any) -> Any:
        body = {"username": "dev", "password": password, "name": "laptop", **fields}
        return api_client(None).post(SIGN_IN, body)

    def test_the_token_works_and_lasts_ninety_days(self) -> None:
        user = make_user(username="dev", password=PASSWORD)
        made = self.ask()
        assert made.status_code == 201
        row = ApiToken.objects.get(user=user)
        assert (made.json()["id"], row.name) == (row.pk, "laptop")
        assert row.expires_at is not None
        assert timedelta(days=89) < row.expires_at - timezone.now() <= timedelta(days=90)
        assert AuditEntry.objects.get(action="token.create").actor == user
        client = api_client(None)
        client.credentials(HTTP_AUTHORIZATION=f"Token {made.json()['token']}")
        assert client.get(ME).json()["username"] == "dev"

    def test_one_says_how_long(self) -> None:
        make_user(username="dev", password=PASSWORD)
        ends = timezone.now() + timedelta(hours=1)
        assert datetime.fromisoformat(self.ask(expires=ends.isoformat()).json()["expires"]) == ends
        past = (timezone.now() - timedelta(seconds=1)).isoformat()
        assert field_codes(self.ask(expires=past)) == {"expires": "past"}

    def test_a_wrong_password_an_unknown_name_and_who_was_switched_off_get_the_same_answer(self) -> None:
        make_user(username="dev", password=PASSWORD)
        make_user(username="gone", password=PASSWORD, is_active=False)
        answers = [self.ask("guess"), self.ask(username="nobody"), self.ask(username="gone")]
        for answer in answers:
            assert (answer.status_code, problem_type(answer)) == (401, "unauthenticated")
            assert answer.json()["detail"] == answers[0].json()["detail"]
        assert not ApiToken.objects.exists()

    def test_guessing_is_slowed_down_as_on_the_login_page(self) -> None:
        make_user(username="dev", password=PASSWORD)
        for _ in range(throttle.ACCOUNT_ATTEMPTS):
            self.ask("guess")
        answer = self.ask()
        assert (answer.status_code, problem_type(answer)) == (429, "throttled")
        assert answer["Retry-After"] == str(throttle.WINDOW_S)
        assert not ApiToken.objects.exists()

    def test_missing_fields_are_named(self) -> None:
        answer = api_client(None).post(SIGN_IN, {})
        assert field_codes(answer) == dict.fromkeys(("username", "password", "name"), "required")


class TestLanguage:
    def test_a_program_that_names_no_language_hears_its_persons(self) -> None:
        client = api_client(make_user(language="zh-hans"))
        chinese = client.get("/api/v1/jobs/none/")
        assert chinese["Content-Language"] == "zh-hans"
        assert "不存在" in chinese.json()["detail"]
        english = client.get("/api/v1/jobs/none/", HTTP_ACCEPT_LANGUAGE="en")
        assert english.json()["detail"].startswith("There is no such thing")

    def test_without_a_choice_it_is_english(self) -> None:
        answer = api_client(make_user()).get("/api/v1/jobs/none/")
        assert answer.json()["detail"].startswith("There is no such thing")


class TestProductLines:
    def test_one_sees_ones_own_dbas_and_sres_all(self) -> None:
        own = make_product_line()
        make_product_line()
        assert [row["tag"] for row in api_client(make_member(own)).get(LINES).json()["results"]] == [own.tag]
        for user in (make_user(is_dba=True), make_sre()):
            assert api_client(user).get(LINES).json()["count"] == 2

    def test_an_sre_adds_one(self) -> None:
        new = {"cop": "xiaomi", "owt": "inf", "pdl": "ocean", "title": "Ocean"}
        sre = api_client(make_sre())
        answer = sre.post(LINES, new)
        shown = {"tag": "pdl.ocean_owt.inf_cop.xiaomi", **new, "scaling_quota": None}
        assert (answer.status_code, answer.json()) == (201, shown)
        assert field_codes(sre.post(LINES, new)) == {"pdl": "unique"}
        assert field_codes(sre.post(LINES, new | {"pdl": "A_b"})) == {"pdl": "invalid_name"}

    def test_others_may_not(self) -> None:
        new = {"cop": "xiaomi", "owt": "inf", "pdl": "ocean"}
        assert problem_type(api_client(make_user()).post(LINES, new)) == "forbidden"
        assert not ProductLine.objects.exists()


class TestMembers:
    def test_an_owner_lets_others_in_and_out(self) -> None:
        line = make_product_line()
        owner = api_client(make_member(line, role=Role.OWNER, username="owner"))
        make_user(username="new")
        url = f"{LINES}{line.tag}/members/"

        assert owner.put(f"{url}new/", {"role": "viewer"}).json() == {"username": "new", "role": "viewer"}
        assert owner.put(f"{url}new/", {"role": "developer"}).json()["role"] == "developer"
        assert {(row["username"], row["role"]) for row in owner.get(url).json()["results"]} == {
            ("owner", "owner"),
            ("new", "developer"),
        }
        assert owner.delete(f"{url}new/").status_code == 204
        assert field_codes(owner.delete(f"{url}owner/")) == {"user": "last_owner"}
        assert field_codes(owner.put(f"{url}owner/", {"role": "viewer"})) == {"role": "last_owner"}
        assert Membership.objects.count() == 1

    def test_bad_input_is_named(self) -> None:
        line = make_product_line()
        owner = api_client(make_member(line, role=Role.OWNER))
        url = f"{LINES}{line.tag}/members/"
        assert field_codes(owner.put(f"{url}x/", {"role": "king"})) == {"role": "invalid_choice"}
        assert owner.put(f"{url}nobody/", {"role": "viewer"}).status_code == 404

    def test_a_developer_may_look_but_not_let_in(self) -> None:
        line = make_product_line()
        make_user(username="new")
        client = api_client(make_member(line, username="dev"))
        url = f"{LINES}{line.tag}/members/"
        assert client.get(url).status_code == 200
        for name in ("new", "nobody"):
            assert problem_type(client.put(f"{url}{name}/", {"role": "viewer"})) == "forbidden"
        assert problem_type(client.delete(f"{url}dev/")) == "forbidden"
        assert Membership.objects.count() == 1
