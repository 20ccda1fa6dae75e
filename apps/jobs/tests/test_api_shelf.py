"""Templates and secrets over the API."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member, make_product_line, make_user
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.jobs.models import JobTemplateVersion, Secret
from apps.jobs.spec import spec_validate
from apps.jobs.templating.use import spec_make
from apps.jobs.tests.factories import make_template

pytestmark = pytest.mark.django_db

TEMPLATES = "/api/v1/templates/"


def test_templates_are_everybodys_by_kind() -> None:
    make_template(name="web", title="Web", title_zh="网站")
    make_template(name="mysql", kind="rds")
    client = api_client(make_user())
    assert client.get(f"{TEMPLATES}?kind=job").json()["results"] == [
        {
            "name": "web",
            "kind": "job",
            "title": "Web",
            "product_line": None,
            "version": 1,
            "jobs": 0,
            "parameters": [],
            "spec": {"command": "sleep 60"},
        }
    ]
    assert client.get(f"{TEMPLATES}web/", HTTP_ACCEPT_LANGUAGE="zh-hans").json()["title"] == "网站"
    assert client.get(f"{TEMPLATES}none/").status_code == 404


def test_a_job_can_be_made_from_every_template_that_comes_with_ocean() -> None:
    call_command("job_templates")
    for version in JobTemplateVersion.objects.all():
        assert spec_validate(spec_make(version, {}).spec)["instances"] >= 1


def test_a_secret_is_set_listed_and_forgotten_but_never_shown() -> None:
    line = make_product_line()
    client = api_client(make_member(line, username="dev"))
    url = f"/api/v1/product-lines/{line.tag}/secrets/"

    answers = [
        client.put(f"{url}db-password/", {"value": " s3cret "}),
        client.put(f"{url}db-password/", {"value": " n3w "}),
        client.get(url),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all("s3cret" not in answer.content.decode() for answer in answers)
    assert [(row["name"], row["updated_by"]) for row in answers[-1].json()["results"]] == [
        ("db-password", "dev")
    ]
    assert Secret.objects.get().value == " n3w "
    assert client.delete(f"{url}db-password/").status_code == 204
    assert not Secret.objects.exists()
    assert client.delete(f"{url}db-password/").status_code == 404


def test_bad_secrets_are_named() -> None:
    line = make_product_line()
    client = api_client(make_member(line))
    url = f"/api/v1/product-lines/{line.tag}/secrets/"
    assert field_codes(client.put(f"{url}db/", {})) == {"value": "required"}
    assert field_codes(client.put(f"{url}DB_X/", {"value": "x"})) == {"name": "invalid_name"}


def test_a_viewer_sees_that_a_secret_is_there_and_no_more() -> None:
    line = make_product_line()
    Secret.objects.create(product_line=line, name="key", value="x")
    client = api_client(make_member(line, role=Role.VIEWER))
    url = f"/api/v1/product-lines/{line.tag}/secrets/"
    assert client.get(url).json()["count"] == 1
    assert problem_type(client.put(f"{url}key/", {"value": "y"})) == "forbidden"
    assert problem_type(client.delete(f"{url}key/")) == "forbidden"
    assert Secret.objects.get().value == "x"
