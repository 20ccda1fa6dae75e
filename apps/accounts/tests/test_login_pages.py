"""Signing in and out, and the door that every other page has."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from apps.accounts import throttle
from apps.accounts.models import User
from apps.accounts.tests.factories import make_sre, make_user

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
PASSWORD = "right-and-long-enough"
OPEN = {"healthz", "set_language", "set_theme", "core:live", "accounts:login", "accounts:logout"}
"""Pages for which nobody has to sign in; `core:live` answers 401 itself."""
ARGUMENTS: dict[str, object] = {
    "tag": "pdl.ocean_owt.inf_cop.xiaomi",
    "cluster": "staging",
    "hostname": "node1",
    "name": "web",
    "task_id": "task",
}


@pytest.fixture(autouse=True)
def no_earlier_attempts(settings: Settings) -> Iterator[None]:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # the real one is slow on purpose
    cache.clear()
    yield
    cache.clear()


def sign_in(client: Client, username: str, password: str) -> tuple[int, str]:
    response = client.post(LOGIN, {"username": username, "password": password})
    return response.status_code, unescape(response.content.decode())


def test_a_right_password_leads_to_the_page_that_was_asked_for(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)
    asked = client.get("/operations/?state=failed")
    assert asked["Location"] == f"{LOGIN}?next=/operations/%3Fstate%3Dfailed"
    response = client.post(
        asked["Location"], {"username": "dev", "password": PASSWORD, "next": "/operations/?state=failed"}
    )
    assert response["Location"] == "/operations/?state=failed"


def test_signing_in_never_leads_to_another_site(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)
    response = client.post(
        LOGIN, {"username": "dev", "password": PASSWORD, "next": "https://elsewhere.example/"}
    )
    assert response["Location"] == "/"


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)

    def alert(page: str) -> str:
        return page.split('role="alert">')[1].split("</div>")[0]

    wrong, unknown = sign_in(client, "dev", "guess"), sign_in(client, "nobody", "guess")
    assert wrong[0] == unknown[0] == 200
    assert alert(wrong[1]) == alert(unknown[1])


def test_after_some_failures_even_the_right_password_has_to_wait(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)
    for _ in range(throttle.ACCOUNT_ATTEMPTS):
        sign_in(client, "dev", "guess")
    status, page = sign_in(client, "dev", PASSWORD)
    assert status == 200
    assert "Too many failed attempts" in page
    assert "_auth_user_id" not in client.session


def test_somebody_at_another_address_is_not_locked_out_with_them(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)
    for _ in range(throttle.ACCOUNT_ATTEMPTS + 1):
        sign_in(client, "dev", "guess")
    elsewhere = Client(REMOTE_ADDR="127.0.0.2")
    assert sign_in(elsewhere, "dev", PASSWORD)[0] == 302


def test_many_names_from_one_address_are_refused_too(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)
    for number in range(throttle.ADDRESS_ATTEMPTS):
        throttle.attempt(username=f"name-{number}", address="127.0.0.1")
    assert "Too many failed attempts" in sign_in(client, "dev", PASSWORD)[1]


def test_a_success_forgets_earlier_failures(client: Client) -> None:
    make_user(username="dev", password=PASSWORD)
    for _ in range(2):
        for _ in range(throttle.ACCOUNT_ATTEMPTS - 1):
            sign_in(client, "dev", "guess")
        assert sign_in(client, "dev", PASSWORD)[0] == 302
        client.post("/accounts/logout/")


def test_logging_out_needs_a_post(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert client.get("/").status_code == 302


def test_the_admin_site_has_the_same_door(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == f"{LOGIN}?next=%2Fadmin%2F"
    client.force_login(make_user())
    assert client.get("/admin/", follow=True).status_code == 403
    client.force_login(make_sre())
    assert client.get("/admin/").status_code == 200


def test_a_part_asked_for_after_the_session_ended_sends_the_whole_page_to_the_login(client: Client) -> None:
    response = client.get("/", headers={"HX-Request": "true", "HX-Target": "dashboard-jobs"})
    assert (response.status_code, response["HX-Refresh"]) == (204, "true")


def _page_names(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace == "admin" or str(entry.pattern).startswith("api/"):
                continue
            yield from _page_names(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern) and entry.name:
            parameters = entry.pattern.converters
            yield f"{namespace}{entry.name}", {name: ARGUMENTS.get(name, 1) for name in parameters}


def test_every_page_that_is_not_marked_open_asks_for_a_person(client: Client) -> None:
    names = dict(_page_names(get_resolver()))
    assert len(names) > len(OPEN)
    for name, arguments in names.items():
        if name in OPEN:
            continue
        url = reverse(name, kwargs=arguments)
        for response in (client.get(url), client.post(url)):
            assert response.status_code == 302, name
            assert response["Location"].startswith(LOGIN), name


def test_somebody_who_was_switched_off_is_out_at_once(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/").status_code == 302
