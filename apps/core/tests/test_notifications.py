"""Telling groups: merged instead of storming, by every channel, each in the reader's language, again after faults."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_noop
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from apps.accounts.tests.factories import make_member, make_product_line, make_user
from apps.core.models import Notification, NotificationDelivery, NotificationGroup, Severity
from apps.core.notifications.delivery import PAUSES_S, delivery_run
from apps.core.notifications.release import notification_release, notifications_prune, notifications_sweep
from apps.core.notifications.telling import MAX_PARTS, Event, notify, notify_all
from apps.core.notifications.words import Sentence
from apps.core.tests.factories import make_channel, make_cluster, make_group
from apps.core.tests.receivers import Mailbox, mail_server
from clients.tests.server import LocalServer, Reply, closed_port_url, local_server

pytestmark = pytest.mark.django_db

SAID = gettext_noop("%(who)s asked to cancel.")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KIND_WEBHOOK, KIND_SMS, KIND_CHAT = "webhook", "sms", "apprise"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as found:
        found.on("POST", "/hook", Reply({}))
        yield found


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A mail server, and settings that name it."""
    with mail_server() as found:
        settings.OCEAN_MAIL = {"EMAIL_HOST": "127.0.0.1"}
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", found.port, 5
        yield found


def tell(group: NotificationGroup, who: str = "dev", *, key: str = "matter", **more: Any) -> Notification:
    return notify([group], subject=Sentence(SAID, {"who": who}), key=key, **more)[0]


def webhook(group: NotificationGroup, server: LocalServer, **config: Any) -> Any:
    return make_channel(group, kind=KIND_WEBHOOK, config={"url": f"{server.url}/hook", **config})


def deliver(notification: Notification) -> list[NotificationDelivery]:
    """Let it out and try each channel once."""
    assert notification_release(notification.pk)
    for delivery in notification.deliveries.all():
        delivery_run(delivery.pk)
    return list(notification.deliveries.all())


def test_a_mail_is_in_the_language_and_time_zone_of_each_member(mailbox: Mailbox) -> None:
    english = make_user(email="en@example.com")
    chinese = make_user(email="zh@example.com", language="zh-hans", time_zone="Asia/Shanghai")
    make_user(email="other@example.com")
    gone = make_user(email="gone@example.com", is_active=False)
    group = make_group(name="sre_ocean", members=[english, chinese, gone, make_user()])
    make_channel(group, config={"addresses": ["oncall@example.com"]})
    at = {"at": {"moment": NOON.isoformat()}}
    line = Sentence("until %(at)s", at)
    [delivery] = deliver(tell(group, severity=Severity.CRITICAL, lines=[line], path="/jobs/x/"))

    assert (delivery.state, sorted(delivery.reached)) == (
        "sent",
        ["en@example.com", "oncall@example.com", "zh@example.com"],
    )
    assert mailbox.subjects == {
        "oncall@example.com": "[critical] dev asked to cancel.",
        "en@example.com": "[critical] dev asked to cancel.",
        "zh@example.com": "[严重] dev 请求取消。",
    }
    bodies = {str(mail["To"]): mail.get_content() for mail in mailbox.mails}
    assert "until 2026-11-20 12:00 +0000" in bodies["en@example.com"]
    assert "2026-11-20 20:00 +0800" in bodies["zh@example.com"]
    assert "http://127.0.0.1:8000/jobs/x/" in bodies["en@example.com"]
    assert "sre_ocean" in bodies["en@example.com"]
    group.channels.get().refresh_from_db()
    channel = group.channels.get()
    assert channel.sent_at is not None
    assert not channel.is_failing


def test_the_first_event_goes_out_at_once_and_those_after_it_as_one_digest(server: LocalServer) -> None:
    group = make_group(merge_s=60)
    webhook(group, server)
    with time_machine.travel(NOON, tick=False) as clock:
        deliver(tell(group, "dev"))
        for who in ["a", "b", "a", "a"]:
            clock.shift(5)
            digest = tell(group, who, severity=Severity.WARNING if who == "b" else Severity.INFO)
            assert not notification_release(digest.pk)
        assert Notification.objects.count() == 2
        digest.refresh_from_db()
        assert digest.due_at == NOON + timedelta(seconds=60)
        clock.shift(40)  # a minute after the first
        deliver(digest)

    first, second = (asked.json for asked in server.asked)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["events"], first["subject"]) == (1, "dev asked to cancel.")
    assert (second["events"], second["severity"]) == (4, "warning")
    assert second["subject"] == "[warning] 4 events: a asked to cancel."
    assert [(part["subject"], part["count"]) for part in second["parts"]] == [
        ("a asked to cancel.", 3),
        ("b asked to cancel.", 1),
    ]
    assert "12:00:05  a asked to cancel. (3 times, last at 12:00:20)" in second["text"]


def test_a_storm_is_kept_small_and_counted_whole(server: LocalServer) -> None:
    group = make_group()
    webhook(group, server)
    for number in range(MAX_PARTS + 20):
        told = tell(group, f"p{number}")
    deliver(told)
    [asked] = server.asked
    body = asked.json
    assert isinstance(body, dict)
    assert (body["events"], len(body["parts"])) == (MAX_PARTS + 20, MAX_PARTS)
    assert "And 20 events more." in body["text"]


@pytest.mark.parametrize("jobs", [2, 200])
def test_many_events_at_once_are_told_in_a_fixed_number_of_queries(
    jobs: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    everybody, some, off = make_group(), make_group(), make_group(enabled=False)
    before = tell(everybody, "p0")
    line = make_product_line()
    events = [
        Event(
            [everybody, off] if number % 2 else [some, everybody],
            Sentence(SAID, {"who": f"p{number}"}),
            "matter",
            severity=Severity.CRITICAL if number == jobs - 1 else Severity.INFO,
            product_line_id=line.pk,
        )
        for number in range(jobs)
    ]
    with django_assert_num_queries(6):  # a savepoint and its end; look, open what is not, look, write
        told = notify_all(events)
    assert {one.group for one in told} == {everybody, some}
    first, second = Notification.objects.order_by("pk")
    assert (first, first.events, first.severity) == (before, jobs + 1, "critical")
    assert [part["values"]["who"] for part in first.parts] == [f"p{n}" for n in range(min(jobs, MAX_PARTS))]
    assert [part["count"] for part in first.parts[:2]] == [2, 1]
    assert (second.group, second.events, second.severity) == (some, jobs // 2, "info")
    assert (first.product_line, second.product_line) == (None, line)


def test_what_is_told_into_a_digest_that_waits_rings_for_nobody_again(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    group = make_group()
    assert notification_release(tell(group).pk)
    with django_capture_on_commit_callbacks() as rung:
        digest = tell(group)
    assert len(rung) == 1
    assert not notification_release(digest.pk)
    with django_capture_on_commit_callbacks() as rung:
        assert tell(group) == digest
    assert rung == []


def test_other_matters_and_other_groups_do_not_wait() -> None:
    group, other = make_group(), make_group()
    deliver(tell(group))
    deliver(tell(group, key="another"))
    deliver(tell(other))
    assert not notification_release(tell(group).pk)


def test_a_message_of_several_product_lines_is_no_lines_alone() -> None:
    group, line, other = make_group(), make_product_line(), make_product_line()
    assert tell(group, product_line=line).product_line == line
    assert tell(group, product_line=line).product_line == line
    assert tell(group, product_line=other).product_line is None
    assert tell(group, product_line=line).product_line is None


def test_a_group_that_is_switched_off_is_not_told() -> None:
    assert notify([make_group(enabled=False)], subject=Sentence(SAID, {"who": "x"}), key="k") == []
    assert Notification.objects.count() == 0


def test_a_channel_hears_only_what_matters_enough() -> None:
    group = make_group()
    every = make_channel(group)
    grave = make_channel(group, from_severity=Severity.CRITICAL)
    make_channel(group, enabled=False)
    told = tell(group, severity=Severity.WARNING)
    assert notification_release(told.pk)
    assert [delivery.channel for delivery in told.deliveries.all()] == [every]
    told = tell(group, key="k", severity=Severity.CRITICAL)
    assert notification_release(told.pk)
    assert [delivery.channel for delivery in told.deliveries.all()] == [every, grave]


def test_a_webhook_is_signed_so_that_its_receiver_can_tell(server: LocalServer) -> None:
    group = make_group(name="sre_ocean", language="zh-hans")
    webhook(group, server, secret="s3cret")
    told = tell(group, path="/jobs/x/")
    deliver(told)
    [asked] = server.asked
    stamp, _, sent = asked.headers["X-Ocean-Signature"].partition(",v1=")
    wanted = hmac.new(b"s3cret", f"{stamp.removeprefix('t=')}.".encode() + asked.body, hashlib.sha256)
    assert sent == wanted.hexdigest()
    assert asked.headers["X-Ocean-Delivery"] == f"{told.pk}-{told.deliveries.get().pk}"
    body = asked.json
    assert isinstance(body, dict)
    at = told.parts[0]["at"]
    assert body.pop("text").startswith("dev 请求取消。")
    assert body == {
        "id": told.pk,
        "group": "sre_ocean",
        "matter": "matter",
        "severity": "info",
        "subject": "dev 请求取消。",
        "events": 1,
        "parts": [
            {
                "subject": "dev 请求取消。",
                "lines": [],
                "severity": "info",
                "count": 1,
                "first": at,
                "last": at,
                "url": "http://127.0.0.1:8000/jobs/x/",
            }
        ],
        "url": f"http://127.0.0.1:8000{told.get_absolute_url()}",
    }


@pytest.mark.parametrize(
    ("content_type", "body", "sent"),
    [
        (
            "application/json",
            '{"to": "{phone}", "text": "{text}", "sign": {"k": "{token}"}}',
            '{"to": "+8613800138000", "text": "Ocean: say \\"hi\\" & go asked to cancel.", "sign": {"k": "t0ken"}}',
        ),
        (
            "application/x-www-form-urlencoded",
            "m={phone}&c={text}&t={token}",
            "m=%2B8613800138000&c=Ocean%3A%20say%20%22hi%22%20%26%20go%20asked%20to%20cancel.&t=t0ken",
        ),
    ],
)
def test_an_sms_gateway_is_called_by_its_template(
    server: LocalServer, content_type: str, body: str, sent: str
) -> None:
    group = make_group(members=[make_user(phone="+8613800138000"), make_user()])
    config = {"url": f"{server.url}/hook", "method": "POST", "content_type": content_type, "body": body}
    make_channel(group, kind=KIND_SMS, config={**config, "phones": [], "token": "t0ken"})
    [delivery] = deliver(tell(group, 'say "hi" & go'))
    assert (delivery.state, delivery.reached) == ("sent", ["+8613800138000"])
    [asked] = server.asked
    assert asked.body.decode() == sent
    assert asked.headers["Authorization"] == "Bearer t0ken"
    assert asked.headers["Content-Type"].startswith(content_type)


def test_an_sms_gateway_may_be_asked_by_get(server: LocalServer) -> None:
    server.on("GET", "/hook", Reply({}))
    group = make_group()
    url = f"{server.url}/hook?to={{phone}}&text={{text}}"
    config = {"url": url, "method": "GET", "content_type": "application/json", "body": ""}
    make_channel(group, kind=KIND_SMS, config={**config, "phones": ["10086", "10010"]})
    [delivery] = deliver(tell(group))
    assert delivery.reached == ["10086", "10010"]
    assert [asked.query for asked in server.asked] == [
        {"to": [phone], "text": ["Ocean: dev asked to cancel."]} for phone in ("10086", "10010")
    ]


def test_apprise_delivers_and_its_failure_says_why_without_the_key(server: LocalServer) -> None:
    group = make_group()
    url = server.url.replace("http", "json") + "/hook/k3y-of-the-chat"
    make_channel(group, kind=KIND_CHAT, config={"url": url})
    server.on("POST", "/hook/k3y-of-the-chat", Reply({}), Reply({}, status=500))
    [sent] = deliver(tell(group))
    assert sent.state == "sent"
    body = server.asked[0].json
    assert isinstance(body, dict)
    assert body["title"] == "dev asked to cancel."
    assert "This message in Ocean" in body["message"]
    [failed] = deliver(tell(group, key="another"))
    assert failed.state == "queued"
    assert "500" in failed.error
    assert "k3y" not in failed.error


def test_a_failing_channel_stops_no_other_and_is_tried_again_after_longer_pauses(
    server: LocalServer, mailbox: Mailbox
) -> None:
    group = make_group()
    make_channel(group, kind=KIND_WEBHOOK, config={"url": closed_port_url()})
    make_channel(group, config={"addresses": ["a@example.com"]})
    with time_machine.travel(NOON, tick=False) as clock:
        broken, fine = deliver(tell(group))
        assert (fine.state, broken.state, broken.attempts) == ("sent", "queued", 1)
        assert "Connection refused" in broken.error
        for number, pause_s in enumerate(PAUSES_S, start=1):
            broken.refresh_from_db()
            assert broken.wake_at == timezone.now() + timedelta(seconds=pause_s)
            delivery_run(broken.pk)  # too early: nothing happens
            clock.shift(pause_s)
            delivery_run(broken.pk)
            broken.refresh_from_db()
            assert broken.attempts == number + 1
    assert broken.state == "failed"
    assert group.channels.get(pk=broken.channel.pk).is_failing
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("what", ["channel", "group"])
def test_what_was_switched_off_meanwhile_is_not_tried_again(server: LocalServer, what: str) -> None:
    group = make_group()
    channel = webhook(group, server)
    server.on("POST", "/hook", Reply({}, status=503))
    with time_machine.travel(NOON, tick=False) as clock:
        [delivery] = deliver(tell(group))
        switched = channel if what == "channel" else group
        type(switched).objects.filter(pk=switched.pk).update(enabled=False)
        clock.shift(PAUSES_S[0])
        delivery_run(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == (
        "failed",
        "the group or its channel was switched off meanwhile",
    )
    assert server.calls() == ["POST /hook"]
    channel.refresh_from_db()
    assert channel.error == "HTTP 503: {}"


def test_what_a_receiver_refuses_is_not_sent_again(server: LocalServer) -> None:
    group = make_group()
    webhook(group, server)
    server.on("POST", "/hook", Reply({"error": "who are you?"}, status=403))
    [delivery] = deliver(tell(group))
    assert (delivery.state, delivery.attempts) == ("failed", 1)
    assert delivery.error == 'HTTP 403: {"error": "who are you?"}'


def test_a_receiver_says_itself_when_to_come_again(server: LocalServer) -> None:
    group = make_group()
    webhook(group, server)
    server.on("POST", "/hook", Reply({}, status=429, headers={"Retry-After": "77"}))
    with time_machine.travel(NOON, tick=False):
        [delivery] = deliver(tell(group))
        assert delivery.wake_at == NOON + timedelta(seconds=77)


def test_a_redirect_is_not_followed(server: LocalServer) -> None:
    group = make_group()
    webhook(group, server)
    server.on(
        "POST", "/hook", Reply({}, status=302, headers={"Location": "https://u:pass@hooks.example/s3cret"})
    )
    [delivery] = deliver(tell(group))
    assert delivery.state == "failed"
    assert "sends to https://hooks.example, which nobody expected" in delivery.error
    assert server.calls() == ["POST /hook"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "http://[fe80::1]/", "http://0.0.0.0:80/"])
def test_an_address_that_leads_to_a_metadata_service_is_never_called(url: str) -> None:
    group = make_group()
    make_channel(group, kind=KIND_WEBHOOK, config={"url": url})
    [delivery] = deliver(tell(group))
    assert delivery.state in ("failed", "queued")
    assert delivery.attempts == 1


@pytest.mark.parametrize("whose", ["marathon_urls", "metrics_url"])
def test_a_server_that_we_work_with_is_never_called_by_a_webhook(server: LocalServer, whose: str) -> None:
    url = server.url.replace("127.0.0.1", "localhost")
    make_cluster(**{whose: [url] if whose == "marathon_urls" else url})
    group = make_group()
    webhook(group, server)
    [delivery] = deliver(tell(group))
    assert delivery.state == "failed"
    assert "a server that Ocean itself works with" in delivery.error
    assert server.asked == []


def test_a_mailbox_that_is_refused_keeps_no_other_from_its_mail(mailbox: Mailbox) -> None:
    group = make_group()
    make_channel(group, config={"addresses": ["no@example.com", "yes@example.com"]})
    mailbox.answers["no@example.com"] = ["550 no such user"]
    [delivery] = deliver(tell(group))
    assert (delivery.state, delivery.reached) == ("failed", ["yes@example.com"])
    assert delivery.error == "550 no such user"
    assert list(mailbox.subjects) == ["yes@example.com"]


def test_who_was_reached_gets_no_second_mail_when_it_is_tried_again(mailbox: Mailbox) -> None:
    group = make_group()
    make_channel(group, config={"addresses": ["a@example.com", "later@example.com"]})
    mailbox.answers["later@example.com"] = ["451 greylisted", "250 OK"]
    with time_machine.travel(NOON, tick=False) as clock:
        [delivery] = deliver(tell(group))
        assert (delivery.state, delivery.error) == ("queued", "451 greylisted")
        del mailbox.answers["later@example.com"]
        clock.shift(PAUSES_S[0])
        delivery_run(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert [str(mail["To"]) for mail in mailbox.mails] == ["a@example.com", "later@example.com"]


def test_without_a_mail_server_the_delivery_says_so(settings: Settings) -> None:
    settings.OCEAN_MAIL = {}
    group = make_group()
    make_channel(group, config={"addresses": ["a@example.com"]})
    [delivery] = deliver(tell(group))
    assert (delivery.state, delivery.error) == (
        "failed",
        "no mail server is configured (OCEAN_SMTP_URL)",
    )


def test_the_embedded_default_keeps_mails_as_files(settings: Settings, tmp_path: Path) -> None:
    settings.OCEAN_MAIL = {"EMAIL_FILE_PATH": str(tmp_path)}
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    group = make_group()
    make_channel(group, config={"addresses": ["a@example.com"]})
    deliver(tell(group))
    [file] = tmp_path.iterdir()
    assert "Subject: dev asked to cancel." in file.read_text()


def test_the_sweeper_rings_for_what_is_due_and_for_what_a_dead_worker_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(
        "apps.core.notifications.release.send", lambda task, row, **_more: rung.append((task, row))
    )
    group = make_group()
    make_channel(group)
    with time_machine.travel(NOON, tick=False) as clock:
        first = tell(group)
        notification_release(first.pk)
        left = first.deliveries.get()
        NotificationDelivery.objects.filter(pk=left.pk).update(
            state="sending", lease_expires_at=NOON + timedelta(seconds=75)
        )
        waiting = tell(group)
        notification_release(waiting.pk)
        rung.clear()
        notifications_sweep(now=timezone.now())
        assert rung == []
        clock.shift(76)
        notifications_sweep(now=timezone.now())
    assert rung == [("core.release_notification", waiting.pk), ("core.deliver_notification", left.pk)]


def test_a_channels_addresses_and_keys_are_not_readable_in_the_database() -> None:
    channel = make_channel(kind=KIND_CHAT, config={"url": "feishu://t0k3n-of-the-chat"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT config FROM core_notificationchannel WHERE id = %s", [channel.pk])
        [stored] = cursor.fetchone()
    assert "t0k3n" not in stored
    channel.refresh_from_db()
    assert json.loads(channel.config) == {"url": "feishu://t0k3n-of-the-chat"}


def test_what_is_old_is_deleted_with_its_deliveries(settings: Settings) -> None:
    group = make_group()
    make_channel(group)
    with time_machine.travel(NOON, tick=False):
        told = tell(group)
        notification_release(told.pk)
        new = tell(group, key="new")
    Notification.objects.filter(pk=new.pk).update(created_at=NOON + timedelta(days=3))
    now = NOON + timedelta(days=settings.OCEAN_HISTORY_DAYS, hours=1)
    assert notifications_prune(now=now) == 1
    assert [row.pk for row in Notification.objects.all()] == [new.pk]
    assert NotificationDelivery.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_who_tell_at_once_are_in_one_message() -> None:
    group = make_group()
    member = make_member()
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def run(number: int) -> None:
        try:
            start.wait(timeout=10)
            for _turn in range(5):
                with transaction.atomic(), translation.override("en"):
                    tell(group, f"{member}-{number}")
        except BaseException as exc:  # noqa: BLE001 - told to the test
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    told = Notification.objects.get()
    assert told.events == 20
    assert sorted(part["count"] for part in told.parts) == [5, 5, 5, 5]
    out = [notification_release(told.pk), notification_release(told.pk)]
    assert out == [True, False]
