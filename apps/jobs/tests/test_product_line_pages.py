"""Product lines: who belongs to them, their secrets, and what they run."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.accounts.models import Membership, ProductLine, Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import AuditEntry
from apps.core.tests.pages import html_of, part, queries, read
from apps.jobs.models import Job, Secret
from apps.jobs.services import secret_set
from apps.jobs.tests.factories import make_job_operation, make_running_job, make_template

pytestmark = pytest.mark.django_db
LIST = "/product-lines/"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line(title="Ocean")


@pytest.fixture
def owner(client: Client, line: ProductLine) -> User:
    owner = make_member(line, role=Role.OWNER, username="owner")
    client.force_login(owner)
    return owner


def page_of(line: ProductLine) -> str:
    return f"{LIST}{line.tag}/"


def test_the_list_shows_mine_with_what_they_run(client: Client, owner: User, line: ProductLine) -> None:
    make_running_job(product_line=line)
    make_running_job(product_line=line, state=Job.State.DEGRADED)
    make_member(line)
    other = make_product_line(title="Theirs")
    seen = read(client, LIST)
    assert f"Ocean {line.tag} 2 1 2" in seen
    assert "Theirs" not in seen
    client.force_login(make_sre())
    assert other.tag in read(client, LIST)


def test_somebody_without_a_product_line_reads_whom_to_ask(client: Client) -> None:
    client.force_login(make_user())
    assert "Ask an owner of yours to add you" in read(client, LIST)


def test_the_list_costs_the_same_for_one_and_for_many(client: Client) -> None:
    client.force_login(make_sre())
    make_running_job()
    few = queries(client, LIST)
    for _ in range(12):
        make_running_job()
    assert (few, queries(client, LIST)) == (4, 4)  # session, person, how many, the page


def test_a_lines_page_costs_the_same_however_much_there_is(
    client: Client, owner: User, line: ProductLine
) -> None:
    for size in (1, 10):
        for number in range(size):
            job = make_running_job(product_line=line)
            make_job_operation(job, state="failed", requested_by=owner)
            make_member(line)
            make_template(product_line=line)
            secret_set(product_line=line, name=f"secret-{size}-{number}", value="x", by=owner)
        # session, person, line, membership; counts, whether one may create, clusters; jobs; usage by three questions;
        # members, secrets, templates, operations, audit
        assert queries(client, page_of(line)) == 15


def test_a_lines_page_answers_whether_all_is_well_troubles_first(
    client: Client, owner: User, line: ProductLine
) -> None:
    make_running_job(product_line=line, name="a-well")
    make_running_job(product_line=line, name="z-ill", state=Job.State.DEGRADED)
    make_running_job(name="of-another", state=Job.State.DEGRADED)
    seen = read(client, page_of(line))
    assert "1 of 2 jobs is not as it should be" in seen
    assert "of-another" not in seen
    listed = re.findall(
        r'id="line-job-\d+">\s*<span[^>]*><strong[^>]*>([^<]+)<', html_of(client, page_of(line))
    )
    assert listed == ["z-ill", "a-well"]
    assert "Instances wanted 6 Running 6 Healthy 6" in seen


def test_a_lines_page_has_its_own_templates(client: Client, owner: User, line: ProductLine) -> None:
    make_template(name="ours", product_line=line)
    make_template(name="everybodys")
    make_template(name="theirs", product_line=make_product_line())
    shown = re.findall(r'id="line-template-\d+"><strong>([^<]+)<', html_of(client, page_of(line)))
    assert shown == ["ours"]


def test_another_lines_page_and_its_forms_do_not_exist(client: Client, owner: User) -> None:
    other = make_product_line()
    member = make_member(other)
    secret = secret_set(product_line=other, name="key", value="x", by=make_sre())
    membership = Membership.objects.get(user=member)
    assert client.get(page_of(other)).status_code == 404
    for path, data in (
        ("members/", {"username": owner.username, "role": "owner"}),
        (f"members/{membership.pk}/remove/", {}),
        ("secrets/", {"name": "key", "value": "y"}),
        (f"secrets/{secret.pk}/delete/", {}),
    ):
        assert client.post(f"{page_of(other)}{path}", data).status_code == 404, path
    assert Membership.objects.filter(product_line=other).count() == 1
    assert Secret.objects.get(pk=secret.pk).value == "x"


def test_things_of_another_line_cannot_be_reached_through_ones_own(
    client: Client, owner: User, line: ProductLine
) -> None:
    other = make_product_line()
    secret = secret_set(product_line=other, name="key", value="x", by=make_sre())
    membership = Membership.objects.get(user=make_member(other))
    assert client.post(f"{page_of(line)}secrets/{secret.pk}/delete/").status_code == 404
    assert client.post(f"{page_of(line)}members/{membership.pk}/remove/").status_code == 404
    assert Secret.objects.exists()
    assert Membership.objects.filter(product_line=other).exists()


def test_an_owner_adds_changes_and_removes_a_member(client: Client, owner: User, line: ProductLine) -> None:
    new = make_user(username="new")
    client.post(f"{page_of(line)}members/", {"username": "new", "role": "developer"})
    membership = Membership.objects.get(user=new, product_line=line)
    assert membership.role == Role.DEVELOPER
    client.post(f"{page_of(line)}members/", {"username": "new", "role": "viewer"})
    membership.refresh_from_db()
    assert membership.role == Role.VIEWER
    response = client.post(f"{page_of(line)}members/{membership.pk}/remove/", follow=True)
    assert "new is no longer a member." in response.content.decode()
    assert not Membership.objects.filter(user=new).exists()
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "member.set",
        "member.set",
        "member.remove",
    ]


def test_an_unknown_person_is_refused_at_the_field_and_what_was_typed_is_kept(
    client: Client, owner: User, line: ProductLine
) -> None:
    response = client.post(f"{page_of(line)}members/", {"username": "nobody", "role": "viewer"})
    html = response.content.decode()
    assert response.status_code == 422
    assert 'value="nobody"' in html
    assert 'aria-describedby="id_username_error"' in html
    assert "There is nobody of this name." in html


def test_the_last_owner_stays(client: Client, owner: User, line: ProductLine) -> None:
    membership = Membership.objects.get(user=owner)
    response = client.post(f"{page_of(line)}members/{membership.pk}/remove/", follow=True)
    assert "owner is the last owner. Name another owner first." in response.content.decode()
    assert Membership.objects.filter(user=owner).exists()


def test_an_owner_who_leaves_lands_on_the_list(client: Client, owner: User, line: ProductLine) -> None:
    make_member(line, role=Role.OWNER)
    membership = Membership.objects.get(user=owner)
    assert client.post(f"{page_of(line)}members/{membership.pk}/remove/")["Location"] == LIST


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_who_does_not_own_it_sees_members_but_cannot_change_them(
    client: Client, line: ProductLine, role: Role
) -> None:
    owner = make_member(line, role=Role.OWNER, username="the-owner")
    client.force_login(make_member(line, role=role))
    html = html_of(client, page_of(line))
    assert "the-owner" in html
    assert "Add a member" not in html
    response = client.post(f"{page_of(line)}members/", {"username": "the-owner", "role": "viewer"})
    assert response.status_code == 403
    assert Membership.objects.get(user=owner).role == Role.OWNER


def test_a_secrets_value_is_in_no_page(client: Client, owner: User, line: ProductLine) -> None:
    response = client.post(
        f"{page_of(line)}secrets/", {"name": "db-password", "value": "hunter-two"}, follow=True
    )
    assert "hunter-two" not in response.content.decode()
    assert "db-password" in read(client, page_of(line))
    assert Secret.objects.get().value == "hunter-two"
    refused = client.post(f"{page_of(line)}secrets/", {"name": "Not A Name", "value": "hunter-two"})
    assert refused.status_code == 422
    assert "hunter-two" not in refused.content.decode()
    assert "lower-case letters" in refused.content.decode()


def test_a_secret_is_replaced_by_its_name_and_deleted(client: Client, owner: User, line: ProductLine) -> None:
    secret = secret_set(product_line=line, name="key", value="old", by=owner)
    assert 'value="key"' in html_of(client, f"{page_of(line)}?secret=key")
    client.post(f"{page_of(line)}secrets/", {"name": "key", "value": "new"})
    secret.refresh_from_db()
    assert secret.value == "new"
    client.post(f"{page_of(line)}secrets/{secret.pk}/delete/")
    assert not Secret.objects.exists()


def test_a_viewer_cannot_touch_secrets(client: Client, line: ProductLine) -> None:
    secret = secret_set(product_line=line, name="key", value="old", by=make_sre())
    client.force_login(make_member(line, role=Role.VIEWER))
    assert "Set the secret" not in html_of(client, page_of(line))
    assert client.post(f"{page_of(line)}secrets/", {"name": "key", "value": "new"}).status_code == 403
    assert client.post(f"{page_of(line)}secrets/{secret.pk}/delete/").status_code == 403
    secret.refresh_from_db()
    assert secret.value == "old"


def test_the_lines_jobs_and_operations_are_live(client: Client, owner: User, line: ProductLine) -> None:
    job = make_running_job(product_line=line, name="web")
    make_running_job(name="of-others")
    operation = make_job_operation(job, state="running")
    assert 'data-live="jobs"' in part(client, page_of(line), "line-jobs")
    assert f"#{operation.pk}" in part(client, page_of(line), "line-operations")
    assert "1 job" in read(client, page_of(line))


def test_after_a_bad_form_the_live_parts_still_come_from_the_lines_own_page(
    client: Client, owner: User, line: ProductLine
) -> None:
    answer = client.post(f"{page_of(line)}members/", {"username": "nobody", "role": "developer"})
    assert answer.status_code == 422
    html = answer.content.decode()
    for region in ("line-jobs", "line-operations"):
        opening = html.partition(f'id="{region}"')[2].partition(">")[0]
        assert f'hx-get="{page_of(line)}"' in opening
