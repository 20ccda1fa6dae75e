"""Language, theme, time zone, password and tokens: a person's own page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import ApiToken, User
from apps.accounts.services import token_authenticate, token_create
from apps.accounts.tests.factories import make_user
from apps.core.models import AuditEntry
from apps.core.tests.factories import make_operation

pytestmark = pytest.mark.django_db
PROFILE = "/accounts/profile/"


@pytest.fixture
def user(client: Client) -> User:
    user = make_user(username="dev", password="old-and-long-enough")
    client.force_login(user)
    return user


def part(client: Client, url: str, data: dict[str, object]) -> str:
    response = client.post(url, data, headers={"HX-Request": "true", "HX-Target": "tokens"})
    return response.content.decode()


def test_the_profile_takes_three_queries_however_many_tokens_there_are(
    client: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        token_create(user=user, name=f"token {number}")
    with django_assert_num_queries(3):  # session, person, tokens
        assert client.get(PROFILE).status_code == 200


def test_preferences_are_kept_and_rule_the_next_page(client: Client, user: User) -> None:
    response = client.post(PROFILE, {"language": "zh-hans", "time_zone": "Asia/Shanghai", "theme": "dark"})
    assert response["Location"] == PROFILE
    user.refresh_from_db()
    assert (user.language, user.time_zone, user.theme) == ("zh-hans", "Asia/Shanghai", "dark")
    page = client.get(PROFILE).content.decode()
    assert '<html lang="zh-hans" data-theme="dark" data-bs-theme="dark">' in page


def test_an_unknown_time_zone_is_refused_at_its_field(client: Client, user: User) -> None:
    response = client.post(PROFILE, {"language": "", "time_zone": "Mars/Olympus", "theme": "auto"})
    assert response.status_code == 422
    assert 'aria-describedby="id_time_zone_error"' in response.content.decode()
    user.refresh_from_db()
    assert user.time_zone == ""


def test_times_are_in_the_readers_zone(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(time_zone="Asia/Shanghai")
    operation = make_operation(requested_by=user, created_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    page = client.get(f"/operations/{operation.pk}/").content.decode()
    assert (
        '<time datetime="2026-03-02T04:00:00+08:00" title="2026-03-02 04:00:00 CST">2026-03-02 04:00:00</time>'
        in page
    )


def test_without_a_profile_zone_the_browsers_counts(client: Client, user: User) -> None:
    operation = make_operation(requested_by=user, created_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    client.cookies["ocean_tz"] = "America/New_York"
    assert "2026-03-01 15:00:00" in client.get(f"/operations/{operation.pk}/").content.decode()
    client.cookies["ocean_tz"] = "Nowhere/Nothing"
    assert "2026-03-01 20:00:00" in client.get(f"/operations/{operation.pk}/").content.decode()


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_language_can_be_switched_signed_in_or_not(client: Client, user: User, signed_in: bool) -> None:
    if not signed_in:
        client.logout()
    response = client.post("/language/", {"language": "zh-hans", "next": "/accounts/login/"})
    assert response["Location"] == "/accounts/login/"
    assert '<html lang="zh-hans"' in client.get(PROFILE, follow=True).content.decode()
    user.refresh_from_db()
    assert user.language == ("zh-hans" if signed_in else "")


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_theme_can_be_switched_signed_in_or_not(client: Client, user: User, signed_in: bool) -> None:
    if not signed_in:
        client.logout()
    response = client.post("/theme/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert response["Location"] == "/"
    assert 'data-bs-theme="dark"' in client.get(PROFILE, follow=True).content.decode()
    user.refresh_from_db()
    assert user.theme == ("dark" if signed_in else "auto")
    assert client.post("/theme/", {"theme": "pink"}).status_code == 400


def test_a_new_password_works_and_this_session_goes_on(client: Client, user: User) -> None:
    fields = {
        "old_password": "old-and-long-enough",
        "new_password1": "new-and-long-enough",
        "new_password2": "new-and-long-enough",
    }
    assert client.post("/accounts/profile/password/", fields)["Location"] == PROFILE
    user.refresh_from_db()
    assert user.check_password("new-and-long-enough")
    assert client.get(PROFILE).status_code == 200
    assert AuditEntry.objects.get().action == "password.change"


def test_a_wrong_old_password_changes_nothing(client: Client, user: User) -> None:
    fields = {
        "old_password": "guess",
        "new_password1": "new-and-long-enough",
        "new_password2": "new-and-long-enough",
    }
    response = client.post("/accounts/profile/password/", fields)
    assert response.status_code == 422
    assert 'aria-describedby="id_old_password_error"' in response.content.decode()
    user.refresh_from_db()
    assert user.check_password("old-and-long-enough")


def test_a_tokens_key_is_shown_once_and_works(client: Client, user: User) -> None:
    page = part(client, "/accounts/profile/tokens/", {"name": "ci", "days": "30"})
    key = page.split('id="new-key">')[1].split("<")[0]
    token = token_authenticate(key)
    assert token is not None
    assert (token.name, token.user) == ("ci", user)
    assert token.expires_at is not None
    assert 29 <= (token.expires_at - timezone.now()).days <= 30
    assert "<html" not in page
    assert key not in client.get(PROFILE).content.decode()


def test_replacing_a_token_ends_the_old_key(client: Client, user: User) -> None:
    old = token_create(user=user, name="ci")
    page = part(client, f"/accounts/profile/tokens/{old.row.pk}/replace/", {})
    new = token_authenticate(page.split('id="new-key">')[1].split("<")[0])
    assert new is not None
    assert new.name == "ci"
    assert token_authenticate(old.key) is None


def test_a_revoked_token_is_gone(client: Client, user: User) -> None:
    token = token_create(user=user, name="ci")
    response = client.post(f"/accounts/profile/tokens/{token.row.pk}/revoke/")
    assert response["Location"] == f"{PROFILE}#tokens"
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("action", ["replace", "revoke"])
def test_other_peoples_tokens_do_not_exist_here(client: Client, user: User, action: str) -> None:
    token = token_create(user=make_user(), name="theirs")
    assert client.post(f"/accounts/profile/tokens/{token.row.pk}/{action}/").status_code == 404
    assert token_authenticate(token.key) is not None
