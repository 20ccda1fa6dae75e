"""Setting up: the demo people, and the job templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.accounts.models import ApiToken, ProductLine, User
from apps.accounts.services import token_authenticate
from apps.core.models import NotificationGroup
from apps.jobs.models import JobTemplate

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo_file(settings: Settings, tmp_path: Path) -> Path:
    settings.OCEAN_VAR = tmp_path
    return tmp_path / "demo.json"


def logins(demo_file: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(demo_file.read_text())
    return result


def test_the_demo_people_can_log_in_with_what_the_file_says(demo_file: Path) -> None:
    call_command("demo")

    assert demo_file.stat().st_mode & 0o777 == 0o600
    assert list(logins(demo_file)) == ["dev", "dev2", "dba", "sre"]
    for name, login in logins(demo_file).items():
        assert set(login) == {"password", "token"}
        user = authenticate(username=name, password=login["password"])
        token = token_authenticate(login["token"])
        assert user is not None
        assert token is not None
        assert token.user == user


def test_the_demo_group_is_made_once_and_stays_as_it_is_changed(demo_file: Path) -> None:
    call_command("demo")

    group = NotificationGroup.objects.get()
    assert (group.name, group.product_line) == ("sre_ocean", None)
    assert sorted(person.email for person in group.members.all()) == [
        "dev@ocean.example",
        "sre@ocean.example",
    ]
    assert [channel.kind for channel in group.channels.all()] == ["mail"]
    group.members.clear()
    call_command("demo")
    assert NotificationGroup.objects.get().members.count() == 0


def test_the_demo_people_have_the_roles_of_the_contract(demo_file: Path) -> None:
    call_command("demo")

    roles = {
        name: [(m.product_line.tag, m.role) for m in User.objects.get(username=name).memberships.all()]
        for name in ("dev", "dev2", "dba", "sre")
    }
    assert roles == {
        "dev": [("pdl.ocean_owt.inf_cop.xiaomi", "developer")],
        "dev2": [("pdl.browser_owt.miui_cop.xiaomi", "developer")],
        "dba": [],
        "sre": [],
    }
    assert list(User.objects.filter(is_dba=True).values_list("username", flat=True)) == ["dba"]
    sre = User.objects.get(is_sre=True)
    assert (sre.username, sre.is_superuser, sre.is_staff) == ("sre", True, True)


def test_a_second_run_keeps_the_logins_even_after_a_password_was_changed(demo_file: Path) -> None:
    call_command("demo")
    before = logins(demo_file)
    dev = User.objects.get(username="dev")
    dev.set_password("my own choice")
    dev.save()

    call_command("demo")

    assert logins(demo_file) == before
    assert authenticate(username="dev", password="my own choice") == dev
    assert ProductLine.objects.count() == 2


@pytest.mark.parametrize("content", [None, "", "[]", '{"dev": {"password": "x"}}'])
def test_a_lost_or_spoilt_file_means_new_logins_and_the_old_ones_end(
    demo_file: Path, content: str | None
) -> None:
    call_command("demo")
    before = logins(demo_file)
    if content is None:
        demo_file.unlink()
    else:
        demo_file.write_text(content)

    call_command("demo")

    after = logins(demo_file)
    assert list(after) == list(before)
    assert token_authenticate(before["dev"]["token"]) is None
    assert token_authenticate(after["dev"]["token"]) is not None
    assert ApiToken.objects.count() == 4


def test_a_file_of_another_database_is_replaced(demo_file: Path) -> None:
    call_command("demo")
    before = logins(demo_file)
    User.objects.filter(username="dev").update(username="somebody-else")

    call_command("demo")

    after = logins(demo_file)
    assert after["dev"] != before["dev"]
    assert after["dev2"] == before["dev2"]


def test_secrets_are_printed_only_when_asked_for(demo_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("demo")
    printed = capsys.readouterr().out
    call_command("demo", show=True)
    shown = capsys.readouterr().out
    for login in logins(demo_file).values():
        assert login["token"] not in printed
        assert login["password"] not in printed
        assert login["token"] in shown
        assert login["password"] in shown


def test_outside_the_embedded_default_there_are_no_demo_people(demo_file: Path, settings: Settings) -> None:
    settings.OCEAN_EMBEDDED = False
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("demo")
    assert not User.objects.exists()
    assert not demo_file.exists()


def test_job_templates_are_added_once_and_edits_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("job_templates")
    added = capsys.readouterr().out.splitlines()
    assert "job template web-service: added" in added
    assert len(added) == JobTemplate.objects.count()
    JobTemplate.objects.filter(name="web-service").update(title="Ours")

    call_command("job_templates")

    assert capsys.readouterr().out == ""
    assert JobTemplate.objects.get(name="web-service").title == "Ours"
