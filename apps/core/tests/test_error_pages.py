"""What a person reads when something does not work."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from apps.accounts.tests.factories import make_user
from apps.core.errors import DomainError, FieldError, Forbidden, InvalidInput, StaleVersion, TargetBusy
from apps.core.middleware import DomainErrorMiddleware
from apps.core.tests.factories import make_operation
from apps.core.tests.pages import text


def as_page(error: DomainError, **headers: str) -> HttpResponse:
    """What the middleware makes of an error that a view let through."""
    request = RequestFactory().post("/jobs/x/publish/", headers=headers)
    request.user = AnonymousUser()
    request.htmx = bool(headers.get("HX-Request"))  # type: ignore[attr-defined]
    response = DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(request, error)
    assert response is not None
    return response


@pytest.mark.django_db
def test_a_busy_target_leads_to_the_operation_that_holds_it() -> None:
    operation = make_operation(kind="job.publish", target="web")
    response = as_page(TargetBusy(operation), referer="http://testserver/jobs/x/")
    assert response.status_code == 409
    html = response.content.decode()
    assert "(publish) is still working on web" in text(html)
    assert f'href="/operations/{operation.pk}/"' in html
    assert 'href="http://testserver/jobs/x/"' in html


@pytest.mark.django_db
def test_htmx_gets_a_toast_and_the_page_stays_as_it_is() -> None:
    response = as_page(TargetBusy(make_operation(target="web")), **{"HX-Request": "true"})
    assert (response.status_code, response["HX-Reswap"]) == (409, "none")
    html = response.content.decode()
    assert 'id="toasts" hx-swap-oob="beforeend"' in html
    assert "<html" not in html


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (StaleVersion(given=2, latest=3), 409, "version 3 has been saved since"),
        (Forbidden("Ask an owner."), 403, "Ask an owner."),
        (InvalidInput(FieldError("instances", "min_value", "At least 0.")), 400, "At least 0."),
    ],
)
def test_other_errors_are_said_in_words(error: DomainError, status: int, words: str) -> None:
    response = as_page(error, referer="https://elsewhere.example/")
    assert response.status_code == status
    assert words in text(response.content.decode())
    assert "elsewhere.example" not in response.content.decode()


@pytest.mark.django_db
def test_an_unknown_address_is_a_page_that_says_what_to_do(client: Client) -> None:
    client.force_login(make_user())
    response = client.get("/operations/999999/")
    assert response.status_code == 404
    assert "Ask one of its owners to add you." in text(response.content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/jobs/a%00b/", "/jobs/new/?template=%00", "/live/?topics=job:%00"])
def test_an_address_that_no_text_column_could_hold_is_a_bad_one(address: str, client: Client) -> None:
    client.force_login(make_user())
    assert client.get(address).status_code == 400


@pytest.mark.django_db
def test_a_form_without_its_token_says_how_to_go_on() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    response = client.post("/accounts/logout/")
    assert response.status_code == 403
    assert "load the page again" in text(response.content.decode())


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html", "403_csrf.html"])
def test_error_pages_need_neither_the_database_nor_a_person(name: str) -> None:
    html = render_to_string(name)  # no request, no context; pytest-django blocks the database here
    assert html.count("<h1") == 1
    assert 'href="/"' in html
    assert "<script" not in html.replace('<script src="/static/js/theme.js">', "")
