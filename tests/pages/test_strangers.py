"""Who may not know of a thing finds no page of it, and what a page changes needs a form of Ocean's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member
from apps.jobs.tests.pages import browser
from tests.things import NUMBER, Things, written

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class Page:
    """An address of a page; `parameters` are those of the address."""

    name: str
    route: str
    parameters: frozenset[str]

    def __str__(self) -> str:
        return self.name

    def url(self, values: dict[str, Any]) -> str:
        return reverse(self.name, kwargs={name: values[name] for name in self.parameters})

    def values(self, things: Things) -> dict[str, Any]:
        line = {"tag": things.line.tag} if self.route.startswith("product-lines/") else {}
        group = {"name": things.delivery.channel.group.name} if "groups/" in self.route else {}
        return {**things.of_page(), **line, **group}


def pages() -> Iterator[Page]:
    """Every address but the admin site's, the API's, and those without a name."""
    for app in get_resolver().url_patterns:
        place, namespace = str(app.pattern), getattr(app, "namespace", None)
        if place.startswith(("admin/", "api/")):
            continue
        for pattern in getattr(app, "url_patterns", [app]):
            assert isinstance(pattern, URLPattern)
            own = "" if pattern is app else place
            name = f"{namespace}:{pattern.name}" if namespace else str(pattern.name)
            yield Page(name, f"{own}{pattern.pattern}", frozenset(pattern.pattern.converters))


PAGES = list(pages())
OF_A_THING = [page for page in PAGES if page.parameters and page.name != "jobs:host"]
OPEN = {"healthz", "core:live", "accounts:login", "accounts:logout", "set_language", "set_theme"}
BARE = {"healthz", "core:live"}
"""Addresses that are no pages: for programs, and read only."""
UNKNOWN = {
    "tag": "none.of-this-name",
    "name": "none",
    **dict.fromkeys(
        ["release_id", "operation_id", "view_id", "token_id", "membership_id", "notification_id"], NUMBER
    ),
}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OPEN], ids=str)
@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_not_signed_in_signs_in_first(page: Page, method: str) -> None:
    values = {**page.values(Things.make()), "cluster": "staging", "hostname": "node"}
    before = written()

    answer = getattr(browser(None), method)(page.url(values))

    assert (answer.status_code, answer.headers.get("Location", "").partition("?")[0]) == (
        302,
        "/accounts/login/",
    )
    assert written() == before


@pytest.mark.parametrize("page", OF_A_THING, ids=str)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_thing_of_others_is_as_unknown_as_none(page: Page, method: str) -> None:
    things = Things.make()
    known = page.values(things)
    stranger = browser(make_member(role=Role.OWNER))
    before = written()

    answers = [getattr(stranger, method)(page.url(values)) for values in (known, {**known, **UNKNOWN})]

    assert {answer.status_code for answer in answers} <= {404, 405}
    assert answers[0].status_code == answers[1].status_code
    text = answers[0].content.decode()
    assert not [word for word in things.words() if word in text]
    assert written() == before


@pytest.mark.parametrize(
    "page", [page for page in PAGES if not page.parameters and page.name not in BARE], ids=str
)
def test_no_page_tells_of_the_things_of_others(page: Page) -> None:
    things = Things.make()
    stranger = browser(make_member(role=Role.OWNER))
    asked = {"q": things.job.name, "job": things.job.tag, "product_line": things.line.tag}

    answer = stranger.get(page.url({}), asked)

    assert answer.status_code < 500
    shown = answer.content.decode()
    for typed in asked.values():
        shown = shown.replace(typed, "")
    assert not [word for word in things.words() if word in shown]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in BARE], ids=str)
def test_nothing_is_changed_without_a_form_of_ocean_s_own(page: Page) -> None:
    things = Things.make()
    client = Client(enforce_csrf_checks=True)
    client.force_login(things.owner)
    values = {**page.values(things), "cluster": "staging", "hostname": "node"}
    before = written()

    answer = client.post(page.url(values), {"reason": "none of it", "next": "/"})

    assert answer.status_code == 403
    assert written() == before
