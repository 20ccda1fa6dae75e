"""The pages of notification groups."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import ProductLine, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import NotificationDelivery, NotificationGroup
from apps.core.notifications.delivery import delivery_run
from apps.core.tests.factories import make_channel, make_delivery, make_group
from apps.core.tests.pages import html_of, part, queries, read
from clients.tests.server import Reply, local_server

pytestmark = pytest.mark.django_db

LIST = "/notifications/"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line(title="Ocean")


@pytest.fixture
def dev(line: ProductLine) -> User:
    return make_member(line, username="dev")


@pytest.fixture
def page(client: Client, dev: User) -> Client:
    client.force_login(dev)
    return client


def test_the_list_shows_ones_own_groups_and_those_for_everybody(page: Client, line: ProductLine) -> None:
    make_group(name="mine", product_line=line, members=[make_user()])
    make_channel(make_group(name="for_all"), kind="sms", enabled=False)
    make_group(name="hidden", product_line=make_product_line())
    text = read(page, LIST)
    assert "mine" in text
    assert "for_all" in text
    assert "text message (off)" in text
    assert "hidden" not in text
    assert "New group" in text


def test_an_empty_list_says_what_a_group_is(client: Client) -> None:
    client.force_login(make_user())
    text = read(client, LIST)
    assert "A group has people, and ways to reach them" in text
    assert "New group" not in text


def test_a_group_is_made_and_set_up_by_its_pages(page: Client, line: ProductLine) -> None:
    made = page.post(
        "/notifications/new/",
        {"name": "sre_ocean", "product_line": line.tag, "language": "en", "merge_s": 60, "enabled": "on"},
    )
    assert made.status_code == 302
    group = NotificationGroup.objects.get()
    url = group.get_absolute_url()
    page.post(f"{url}members/", {"username": "dev"})
    page.post(f"{url}channels/new/mail/", {"name": "mails", "from_severity": "warning", "enabled": "on"})
    saved = page.post(
        url, {"title": "Who is on call", "language": "zh-hans", "merge_s": 120, "enabled": "on"}
    )
    assert saved.status_code == 302
    text = read(page, url)
    for words in ("Who is on call", "dev", "no mail address", "mails", "from warning", "not tried yet"):
        assert words in text
    group.refresh_from_db()
    assert (group.product_line, group.merge_s, group.language) == (line, 120, "zh-hans")
    page.post(f"{url}members/{group.members.get().pk}/remove/")
    assert group.members.count() == 0


def test_errors_stand_at_their_fields_and_what_was_typed_is_kept(page: Client, line: ProductLine) -> None:
    group = make_group(product_line=line)
    url = group.get_absolute_url()
    bad = page.post(f"{url}members/", {"username": "nobody"})
    assert bad.status_code == 422
    assert "There is nobody of this name: nobody." in bad.content.decode()
    bad = page.post(
        f"{url}channels/new/webhook/",
        {"name": "hook", "from_severity": "info", "url": "http://169.254.169.254/", "secret": "s3cret"},
    )
    html = bad.content.decode()
    assert bad.status_code == 422
    assert "Ocean does not call this address" in html
    assert 'value="hook"' in html
    assert "s3cret" not in html
    bad = page.post(
        "/notifications/new/", {"name": "Big", "product_line": "pdl.none", "language": "en", "merge_s": 1}
    )
    assert bad.status_code == 422
    assert 'value="Big"' in bad.content.decode()


def test_a_mail_channels_bad_address_is_said_at_the_addresses(page: Client, line: ProductLine) -> None:
    group = make_group(product_line=line)
    url = f"{group.get_absolute_url()}channels/new/mail/"
    bad = page.post(url, {"name": "m", "from_severity": "info", "addresses": "a@example.com\nnobody"})
    assert bad.status_code == 422
    assert "Enter a valid email address." in bad.content.decode()


def test_an_edit_keeps_the_secrets_that_it_does_not_name(page: Client, line: ProductLine) -> None:
    config = {"url": "https://hooks.example.com/k3y", "secret": "s3cret"}
    channel = make_channel(make_group(product_line=line), kind="webhook", config=config)
    url = reverse("core:notification_channel", args=[channel.group.name, channel.pk])
    html = html_of(page, url)
    assert "https://hooks.example.com/…" in html
    assert "k3y" not in html
    assert "s3cret" not in html
    answer = page.post(url, {"name": "renamed", "from_severity": "info"})
    assert answer.status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.enabled, json.loads(channel.config)) == ("renamed", False, config)
    page.post(f"{url}delete/")
    assert channel.group.channels.count() == 0


def test_a_tests_result_comes_into_the_page_by_itself(page: Client, line: ProductLine) -> None:
    with local_server() as server:
        server.on("POST", "/hook", Reply({"error": "no such chat"}, status=404))
        group = make_group(product_line=line)
        channel = make_channel(group, kind="webhook", name="hook", config={"url": f"{server.url}/hook"})
        url = group.get_absolute_url()
        assert page.post(f"{url}channels/{channel.pk}/test/").status_code == 302
        log = part(page, url, "group-log")
        assert f'data-live="notification-group:{group.pk}"' in log
        assert "waiting" in log
        delivery_run(NotificationDelivery.objects.get().pk)
    log = part(page, url, "group-log")
    assert "failed" in log
    assert "no such chat" in log
    assert "no such chat" in part(page, url, "group-channels")


def test_a_message_shows_its_words_and_its_deliveries(page: Client, line: ProductLine) -> None:
    delivery = make_delivery(make_channel(make_group(product_line=line)), state="failed", error="451 later")
    url = delivery.notification.get_absolute_url()
    text = read(page, url)
    assert "dev asked to cancel." in text
    assert "451 later" in text
    assert "dev asked to cancel." in read(page, "/notifications/log/")
    assert 'id="notification"' in part(page, url, "notification")


def test_who_only_sees_a_group_gets_no_buttons_and_no_addresses(client: Client) -> None:
    group = make_group()
    channel = make_channel(group, kind="webhook", config={"url": "https://hooks.example.com/k3y"})
    client.force_login(make_user())
    html = html_of(client, group.get_absolute_url())
    assert "hooks.example.com" not in html
    assert "Add a member" not in html
    for path in (f"channels/{channel.pk}/test/", f"channels/{channel.pk}/delete/", "delete/", "members/"):
        answer = client.post(f"{group.get_absolute_url()}{path}", {"username": "x"})
        assert answer.status_code == 403, path
    assert client.get(f"{group.get_absolute_url()}channels/{channel.pk}/").status_code == 403
    assert NotificationDelivery.objects.count() == 0


def test_one_leaves_a_group_by_oneself(client: Client) -> None:
    person = make_user()
    group = make_group(members=[person])
    client.force_login(person)
    client.post(f"{group.get_absolute_url()}members/{person.pk}/remove/")
    assert group.members.count() == 0


@pytest.mark.parametrize("path", ["", "channels/new/mail/", "delete/", "channels/1/test/"])
def test_a_group_of_another_product_line_does_not_exist(page: Client, path: str) -> None:
    group = make_group(product_line=make_product_line())
    for url in (f"{group.get_absolute_url()}{path}", f"/notifications/groups/none/{path}"):
        call = page.post if path.endswith(("delete/", "test/")) else page.get
        assert call(url).status_code == 404


def test_a_group_is_deleted_only_by_its_typed_name(page: Client, line: ProductLine) -> None:
    group = make_group(product_line=line)
    page.post(f"{group.get_absolute_url()}delete/", {"confirm": "another"})
    assert NotificationGroup.objects.count() == 1
    page.post(f"{group.get_absolute_url()}delete/", {"confirm": group.name})
    assert NotificationGroup.objects.count() == 0


def test_pages_ask_a_fixed_number_of_queries(client: Client) -> None:
    client.force_login(make_sre())
    group = make_group(members=[make_user()])

    def fill() -> None:
        for _number in range(3):
            make_delivery(make_channel(group))
            make_delivery(make_channel(make_group(members=[make_user()])))

    fill()
    urls = [LIST, "/notifications/log/", group.get_absolute_url()]
    before = [queries(client, url) for url in urls]
    fill()
    assert [queries(client, url) for url in urls] == before
    assert max(before) <= 10
