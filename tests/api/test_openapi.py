"""The API's description: committed, so that a change of the contract is seen in review, and readable offline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from tests.api.routes import ROUTES

COMMITTED = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"


def test_the_committed_description_is_the_codes(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(fresh), validate=True, fail_on_warn=True)
    assert fresh.read_text() == COMMITTED.read_text(), (
        "The API changed. Look whether it may, then: python manage.py spectacular --file docs/openapi.yaml"
    )


def test_it_names_every_address() -> None:
    described = set(re.findall(r"^  /api/v1(/\S*):$", COMMITTED.read_text(), flags=re.MULTILINE))
    assert len(described) == len({route.name for route in ROUTES} - {"schema", "api-docs"})


@pytest.mark.django_db
def test_the_docs_page_asks_nobody_else_and_keeps_to_our_policy(client: Client) -> None:
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    html = page.content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert sources
    assert all(source.startswith(("/", "#")) and not source.startswith("//") for source in sources)
    # script-src 'self' lets no inline script run: each has a source.
    assert (
        "'unsafe-inline'" not in page["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    )
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    script = client.get("/api/v1/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/v1/schema/" in script.content


@pytest.mark.django_db
def test_the_description_is_served(client: Client) -> None:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    assert b"openapi: 3" in answer.content
