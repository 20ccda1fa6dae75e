"""Notification groups over the API: who may see and change what, secrets that stay secret, tests that go out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import ProductLine, Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import AuditEntry, NotificationChannel, NotificationDelivery, NotificationGroup
from apps.core.notifications.delivery import delivery_run
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_channel, make_cluster, make_delivery, make_group
from clients.tests.server import Reply, local_server

pytestmark = pytest.mark.django_db

GROUPS = "/api/v1/notification-groups/"
TOLD = "/api/v1/notifications/"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
SMS: dict[str, Any] = {
    "url": "https://sms.example.com/send",
    "body": "to={phone}&text={text}",
    "content_type": "application/x-www-form-urlencoded",
    "token": "t0ken-1",
}


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def dev(line: ProductLine) -> User:
    return make_member(line, username="dev")


def channels(group: NotificationGroup) -> str:
    return f"{GROUPS}{group.name}/channels/"


def test_a_developer_makes_a_group_of_their_product_line_and_changes_it(line: ProductLine, dev: User) -> None:
    other = make_user(username="other")
    api = api_client(dev)
    body = {"name": "line_oncall", "product_line": line.tag, "members": ["dev", other.username]}
    answer = api.post(GROUPS, body)
    assert answer.status_code == 201
    made = answer.json()
    assert made.pop("created")
    assert made == {
        "name": "line_oncall",
        "title": "",
        "product_line": line.tag,
        "language": "en",
        "merge_s": 60,
        "enabled": True,
        "members": ["dev", "other"],
    }
    changed = api.patch(f"{GROUPS}line_oncall/", {"members": ["dev"], "merge_s": 300, "language": "zh-hans"})
    assert changed.status_code == 200
    assert (changed.json()["members"], changed.json()["merge_s"]) == (["dev"], 300)
    assert api.get(GROUPS).json()["count"] == 1
    assert api.delete(f"{GROUPS}line_oncall/").status_code == 204
    assert NotificationGroup.objects.count() == 0
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert [action for action in actions if action.startswith("notification")] == [
        "notification_group.create",
        "notification_group.changed",
        "notification_group.delete",
    ]


def test_what_is_wrong_with_a_group_stands_at_its_field(line: ProductLine, dev: User) -> None:
    make_group(name="taken")
    api = api_client(dev)
    body = {"name": "Sre Ocean", "product_line": line.tag, "merge_s": 9999, "language": "xx", "colour": "red"}
    assert field_codes(api.post(GROUPS, body)) == {"colour": "unknown_field"}
    del body["colour"]
    assert field_codes(api.post(GROUPS, body)) == {
        "name": "invalid_name",
        "merge_s": "max_value",
        "language": "invalid_choice",
    }
    body = {"name": "taken", "product_line": line.tag}
    assert field_codes(api.post(GROUPS, body)) == {"name": "unique"}
    body = {"name": "new", "product_line": line.tag, "members": ["nobody"]}
    assert field_codes(api.post(GROUPS, body)) == {"members": "unknown_user"}
    group = make_group(product_line=line)
    assert field_codes(api.patch(f"{GROUPS}{group.name}/", {"name": "x"})) == {"name": "unknown_field"}


def test_a_group_of_another_product_line_does_not_exist(line: ProductLine, dev: User) -> None:
    group = make_group(product_line=make_product_line())
    channel = make_channel(group)
    api = api_client(dev)
    paths = [
        f"{GROUPS}{group.name}/",
        channels(group),
        f"{channels(group)}{channel.pk}/test/",
        f"{GROUPS}none/",
    ]
    for path in paths:
        call = api.post if path.endswith("test/") else api.get
        assert call(path).status_code == 404, path
    assert api.patch(f"{GROUPS}{group.name}/", {"title": "x"}).status_code == 404
    assert api.delete(f"{channels(group)}{channel.pk}/").status_code == 404
    assert api.get(GROUPS).json()["results"] == []
    body = {"name": "new", "product_line": group.product_line.tag if group.product_line else ""}
    assert api.post(GROUPS, body).status_code == 404


@pytest.mark.parametrize("role", [None, Role.VIEWER])
def test_who_only_sees_a_group_changes_nothing_and_reads_no_address(
    role: Role | None, line: ProductLine
) -> None:
    """A group for everybody is seen by everybody; one of a product line by its viewers."""
    person = make_member(line, role=role) if role else make_user()
    group = make_group(product_line=line if role else None, title="before")
    channel = make_channel(group, kind="webhook", config={"url": "https://x.example.com/k3y"})
    api = api_client(person)
    assert api.get(f"{GROUPS}{group.name}/").status_code == 200
    [shown] = api.get(channels(group)).json()["results"]
    assert shown["config"] is None
    for answer in (
        api.patch(f"{GROUPS}{group.name}/", {"title": "x"}),
        api.delete(f"{GROUPS}{group.name}/"),
        api.post(channels(group), {"kind": "mail", "name": "m"}),
        api.patch(f"{channels(group)}{channel.pk}/", {"enabled": False}),
        api.delete(f"{channels(group)}{channel.pk}/"),
        api.post(f"{channels(group)}{channel.pk}/test/"),
        api.post(GROUPS, {"name": "mine", **({"product_line": line.tag} if role else {})}),
    ):
        assert answer.status_code == 403
        assert problem_type(answer) == "forbidden"
    group.refresh_from_db()
    assert (group.title, group.channels.count()) == ("before", 1)
    assert NotificationDelivery.objects.count() == 0


def test_a_channels_secrets_are_written_and_never_read(line: ProductLine, dev: User) -> None:
    group = make_group(product_line=line)
    api = api_client(dev)
    config = {"url": "https://hooks.example.com/T0/k3y", "secret": "s3cret"}
    answer = api.post(channels(group), {"kind": "webhook", "name": "hook", "config": config})
    assert answer.status_code == 201
    assert answer.json()["config"] == {"server": "https://hooks.example.com/…", "signed": True}
    path = f"{channels(group)}{answer.json()['id']}/"
    changed = api.patch(path, {"from_severity": "critical", "config": {}})
    assert changed.json()["from_severity"] == "critical"
    channel = NotificationChannel.objects.get()
    assert json.loads(channel.config) == config
    for shown in (answer, changed, api.get(channels(group)), api.get(f"{GROUPS}{group.name}/")):
        assert "k3y" not in shown.content.decode()
        assert "s3cret" not in shown.content.decode()


@pytest.mark.parametrize(
    ("kind", "config", "errors"),
    [
        ("mail", {"addresses": ["a@example.com", "nobody"]}, {"config.addresses[1]": "invalid"}),
        ("webhook", {}, {"config.url": "required"}),
        ("webhook", {"url": "ftp://x/"}, {"config.url": "forbidden_address"}),
        ("webhook", {"url": "http://169.254.169.254/"}, {"config.url": "forbidden_address"}),
        ("webhook", {"url": "http://127.0.0.1:1/v2/apps"}, {"config.url": "forbidden_address"}),
        ("apprise", {"url": "nothing://x"}, {"config.url": "unknown_service"}),
        ("apprise", {"url": "syslog://"}, {"config.url": "unknown_service"}),
        ("apprise", {"url": f"{SLACK}?template=file:///etc/hostname"}, {"config.url": "unknown_service"}),
        ("apprise", {"url": f"{SLACK}?template=/etc/hostname"}, {"config.url": "unknown_service"}),
        ("apprise", {"url": f"{SLACK}?template=http://10.1.2.3/x.json"}, {"config.url": "unknown_service"}),
        ("sms", {"url": "https://x.example.com/", "body": "{}"}, {"config.body": "no_place"}),
        ("sms", {"url": "https://x.example.com/", "method": "GET"}, {"config.url": "no_place"}),
        ("carrier pigeon", {}, {"kind": "invalid_choice"}),
        ("mail", {"colour": "red"}, {"config.colour": "unknown_field"}),
    ],
)
def test_what_is_wrong_with_a_channel_stands_at_its_field(
    kind: str, config: dict[str, Any], errors: dict[str, str]
) -> None:
    make_cluster()  # its servers are at 127.0.0.1:1
    group = make_group()
    body = {"kind": kind, "name": "x", "config": config}
    assert field_codes(api_client(make_sre()).post(channels(group), body)) == errors
    assert group.channels.count() == 0


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("sms", SMS),
        ("apprise", {"url": "json://hooks.example.com/x"}),
        ("apprise", {"url": f"{SLACK}?image=no"}),
    ],
)
def test_what_is_sent_to_a_server_by_a_template_is_for_sres_to_say(
    kind: str, config: dict[str, Any], line: ProductLine, dev: User
) -> None:
    group = make_group(product_line=line)
    body = {"kind": kind, "name": "x", "config": config}
    refused = api_client(dev).post(channels(group), body)
    assert (refused.status_code, problem_type(refused)) == (403, "forbidden")
    made = api_client(make_sre()).post(channels(group), body)
    assert made.status_code == 201
    path = f"{channels(group)}{made.json()['id']}/"
    # The developer may switch it off and rename it, and not change where it leads.
    assert api_client(dev).patch(path, {"enabled": False, "name": "y"}).status_code == 200
    assert api_client(dev).patch(path, {"config": {"url": "https://y.example.com/"}}).status_code in (
        400,
        403,
    )
    assert json.loads(group.channels.get().config)["url"] == config["url"]


def test_a_developer_may_name_a_chat_of_a_known_service(line: ProductLine, dev: User) -> None:
    group = make_group(product_line=line)
    body = {"kind": "apprise", "name": "feishu", "config": {"url": "feishu://abcdefgh12345678"}}
    made = api_client(dev).post(channels(group), body)
    assert made.status_code == 201
    assert made.json()["config"] == {"service": "feishu", "url": "feishu://a...8/"}


def test_a_test_goes_out_by_one_channel_and_says_what_came_of_it(line: ProductLine, dev: User) -> None:
    group = make_group(product_line=line)
    make_channel(group)
    api = api_client(dev)
    with local_server() as server:
        server.on("POST", "/hook", Reply({}))
        config = {"url": f"{server.url}/hook"}
        made = api.post(channels(group), {"kind": "webhook", "name": "hook", "config": config}).json()
        answer = api.post(f"{channels(group)}{made['id']}/test/")
        assert answer.status_code == 202
        told = answer.json()
        assert told["subject"] == f"A test by dev: messages to the group {group.name} arrive here."
        assert [(row["channel"], row["state"]) for row in told["deliveries"]] == [("hook", "queued")]
        delivery_run(told["deliveries"][0]["id"])
        [row] = api.get(f"{TOLD}{told['id']}/").json()["deliveries"]
        assert (row["state"], row["attempts"], row["reached"], row["error"]) == ("sent", 1, 1, "")
        assert server.calls() == ["POST /hook"]


def test_what_was_told_is_read_by_those_whom_it_concerns(line: ProductLine, dev: User) -> None:
    everybody = make_channel(make_group())
    mine = make_delivery(make_channel(make_group(product_line=line)))
    about_mine = make_delivery(everybody, told={"product_line": line, "key": "a"})
    of_another = make_delivery(everybody, told={"product_line": make_product_line(), "key": "b"})
    of_several = make_delivery(everybody, told={"key": "c"})
    member = make_user()
    everybody.group.members.add(member)

    def seen(person: User) -> set[int]:
        rows = api_client(person).get(TOLD).json()["results"]
        for delivery in (mine, about_mine, of_another, of_several):
            pk = delivery.notification_id
            known = api_client(person).get(f"{TOLD}{pk}/").status_code == 200
            assert known == (pk in {row["id"] for row in rows})
        return {row["id"] for row in rows}

    ids = [row.notification_id for row in (mine, about_mine, of_another, of_several)]
    assert seen(dev) == set(ids[:2])
    assert seen(member) == set(ids[1:])
    assert seen(make_user()) == set()
    assert seen(make_sre()) == set(ids)
    assert (
        api_client(dev).get(f"{TOLD}?severity=info&group={mine.notification.group.name}").json()["count"] == 1
    )


def test_lists_ask_a_fixed_number_of_queries(
    line: ProductLine, dev: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api = api_client(dev)

    def fill() -> None:
        for _number in range(4):
            group = make_group(product_line=line, members=[make_user(), make_user()])
            make_delivery(make_channel(group))

    fill()
    api.get(GROUPS)
    with django_assert_num_queries(4):  # the token, the count, the groups, their members
        api.get(GROUPS)
    with django_assert_num_queries(4):  # the token, the count, the messages, their deliveries
        api.get(TOLD)
    fill()
    with django_assert_num_queries(4):
        assert api.get(GROUPS).json()["count"] == 8
    with django_assert_num_queries(4):
        assert api.get(TOLD).json()["count"] == 8
