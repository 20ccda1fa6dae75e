"""The pages of operations and of the audit trail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ProductLine, Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.audit import audit
from apps.core.models import Operation
from apps.core.operations.services import operation_log
from apps.core.tests.factories import make_operation
from apps.core.tests.pages import html_of, part, queries, read

pytestmark = pytest.mark.django_db
LIST = "/operations/"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def dev(client: Client, line: ProductLine) -> User:
    dev = make_member(line, username="dev")
    client.force_login(dev)
    return dev


def page_of(operation: Operation) -> str:
    return f"{LIST}{operation.pk}/"


def test_the_list_shows_ones_own_and_those_of_ones_product_lines(
    client: Client, dev: User, line: ProductLine
) -> None:
    make_operation(requested_by=dev, target="asked-by-me")
    make_operation(product_line=line, target="on-my-line")
    make_operation(product_line=make_product_line(), target="of-others")
    seen = read(client, LIST)
    assert "asked-by-me" in seen
    assert "on-my-line" in seen
    assert "of-others" not in seen
    mine = read(client, f"{LIST}?mine=true")
    assert "asked-by-me" in mine
    assert "on-my-line" not in mine


def test_an_sre_sees_all(client: Client) -> None:
    client.force_login(make_sre())
    make_operation(product_line=make_product_line(), target="of-others")
    make_operation(target="of-the-platform")
    seen = read(client, LIST)
    assert "of-others" in seen
    assert "of-the-platform" in seen


def test_the_list_costs_the_same_for_two_and_for_forty(client: Client, dev: User, line: ProductLine) -> None:
    for _ in range(2):
        make_operation(product_line=line, requested_by=dev)
    few = queries(client, LIST)
    for _ in range(38):
        make_operation(product_line=line, requested_by=dev)
    # session, person, product lines and clusters for the filters, how many, the page
    assert (few, queries(client, LIST)) == (6, 6)


def test_the_list_says_what_makes_an_operation_when_there_is_none(client: Client, dev: User) -> None:
    assert "Publishing, scaling or stopping a job starts one" in read(client, LIST)


def test_filters_search_sorting_and_paging_are_in_the_address(
    client: Client, dev: User, line: ProductLine
) -> None:
    for number in range(30):
        make_operation(product_line=line, target=f"web-{number:02}", state="succeeded")
    make_operation(product_line=line, target="broken", state="failed")
    assert read(client, f"{LIST}?state=failed").count("broken") == 1
    assert "web-07" not in read(client, f"{LIST}?state=failed")
    assert "1–1 of 1 entry" in read(client, f"{LIST}?search=web-07")
    assert "Nothing matches" in read(client, f"{LIST}?search=nonsense")
    first = part(client, f"{LIST}?sort=target&per_page=10&page=2", "operations")
    assert [f"web-{number:02}" in first for number in (8, 9, 18, 19)] == [False, True, True, False]
    assert 'aria-sort="ascending"' in first


def test_the_number_of_rows_a_page_has_a_limit(client: Client, dev: User, line: ProductLine) -> None:
    for _ in range(30):
        make_operation(product_line=line)
    assert "1–25 of 30 entries" in read(client, f"{LIST}?per_page=100000")


def test_an_operations_page_tells_its_story(client: Client, dev: User, line: ProductLine) -> None:
    now = timezone.now()
    operation = make_operation(
        product_line=line,
        requested_by=dev,
        kind="job.publish",
        state=Operation.State.FAILED,
        error="Not as wanted after %(seconds)s s.",
        error_values={"seconds": 300},
        created_at=now - timedelta(seconds=310),
        finished_at=now,
        parameters={"asked": {"version": None}, "version": 7, "strategy": {"kind": "rolling", "batch": 2}},
    )
    operation_log(operation, "The scheduler took it; deployment %(deployment)s.", deployment="d-1")
    seen = read(client, page_of(operation))
    assert "Publish" in seen
    assert "failed" in seen
    assert "Why it failed Not as wanted after 300 s." in seen
    assert "The scheduler took it; deployment d-1." in seen
    assert "Version 7 Strategy rolling (in batches) Batch 2" in seen
    assert "Took 5 min 10 s" in seen
    assert "asked" not in seen.lower().replace("what was asked", "")


def test_a_running_operation_is_live_and_an_ended_one_is_not(client: Client, dev: User) -> None:
    operation = make_operation(requested_by=dev, state=Operation.State.WAITING, progress=40)
    live = part(client, page_of(operation), "operation")
    assert f'data-live="operation:{operation.pk}"' in live
    assert 'aria-valuenow="40"' in live
    Operation.objects.filter(pk=operation.pk).update(state=Operation.State.SUCCEEDED)
    assert "data-live" not in part(client, page_of(operation), "operation")


def test_an_operations_page_costs_the_same_however_long_its_log(
    client: Client, dev: User, line: ProductLine
) -> None:
    operation = make_operation(product_line=line, requested_by=dev)
    before = queries(client, page_of(operation))
    for number in range(30):
        operation_log(operation, "line %(number)s", number=number)
    # session, person, operation, log, membership, who waits to take over
    assert (before, queries(client, page_of(operation))) == (6, 6)


def test_what_an_operation_can_be_told_is_on_its_page_and_leads_back_to_where_it_was_told(
    client: Client, dev: User, line: ProductLine
) -> None:
    operation = make_operation(
        kind="job.publish", product_line=line, state=Operation.State.WAITING, memory={"phase": "hold"}
    )
    page = html_of(client, page_of(operation))
    assert "Go on" in page
    assert "Pause" in page
    answer = client.post(f"{page_of(operation)}tell/go-on/", {"next": "/operations/"})
    assert answer.headers["Location"] == "/operations/"
    answer = client.post(f"{page_of(operation)}tell/pause/", {"next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == page_of(operation)
    operation.refresh_from_db()
    assert (operation.went_on_at is None, operation.paused_at is None) == (False, False)
    page = html_of(client, page_of(operation))
    assert "Resume" in page
    assert "Go on" not in page


def test_what_it_cannot_be_told_now_is_said_and_what_nobody_knows_is_unknown(
    client: Client, dev: User, line: ProductLine
) -> None:
    operation = make_operation(product_line=line, state=Operation.State.RUNNING)
    response = client.post(f"{page_of(operation)}tell/pause/", follow=True)
    assert "cannot be told this now" in response.content.decode()
    assert client.post(f"{page_of(operation)}tell/explode/").status_code == 404


def test_a_member_may_cancel_and_is_told_so(client: Client, dev: User, line: ProductLine) -> None:
    operation = make_operation(product_line=line, state=Operation.State.RUNNING)
    assert "Cancel the operation" in html_of(client, page_of(operation))
    response = client.post(f"{page_of(operation)}cancel/", follow=True)
    assert "Asked to cancel" in response.content.decode()
    operation.refresh_from_db()
    assert operation.cancel_requested_at is not None
    assert "Cancel the operation" not in html_of(client, page_of(operation))
    again = client.post(f"{page_of(operation)}cancel/", follow=True)
    assert "somebody asked before you" in again.content.decode()


def test_a_viewer_sees_no_button_and_is_refused_in_words(client: Client, line: ProductLine) -> None:
    client.force_login(make_member(line, role=Role.VIEWER))
    operation = make_operation(product_line=line, state=Operation.State.RUNNING)
    assert "Cancel the operation" not in html_of(client, page_of(operation))
    response = client.post(f"{page_of(operation)}cancel/")
    assert response.status_code == 403
    assert "this needs the role developer there" in response.content.decode()
    operation.refresh_from_db()
    assert operation.cancel_requested_at is None


def test_somebody_elses_operation_does_not_exist(client: Client, dev: User) -> None:
    operation = make_operation(product_line=make_product_line(), state=Operation.State.RUNNING)
    assert client.get(page_of(operation)).status_code == 404
    assert client.post(f"{page_of(operation)}cancel/").status_code == 404
    operation.refresh_from_db()
    assert operation.cancel_requested_at is None


def test_the_audit_trail_is_scoped_searchable_and_in_words(
    client: Client, dev: User, line: ProductLine
) -> None:
    audit(by=dev, action="secret.set", object="db-password", product_line=line)
    audit(by=dev, action="member.set", object="viewer", product_line=line, role="viewer")
    audit(by=make_user(), action="secret.set", object="of-others", product_line=make_product_line())
    seen = read(client, "/audit/")
    assert "secret set db-password" in seen
    assert "role: viewer" in seen
    assert "of-others" not in seen
    assert "db-password" not in read(client, "/audit/?action=member.set")
    client.force_login(make_sre())
    assert "of-others" in read(client, "/audit/")
