"""Templates of before their versions: the way there and back loses nothing of what they were."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.jobs.templating.placeholders import fill
from apps.jobs.tests.factories import make_template, make_template_version

SPEC = {"command": "docker ps --format '{{ .Names }}'", "ports": [{"name": "http"}], "cpus": 0.5}
BEFORE = "0010_clones"


@pytest.mark.django_db(transaction=True)
def test_a_template_s_spec_becomes_its_first_version_and_comes_back() -> None:
    make_template(name="later")
    template = make_template(name="web")
    make_template_version(template, spec={"cpus": 2})
    newest = MigrationExecutor(
        connection
    ).loader.graph.leaf_nodes()  # of every app: what builds on jobs goes back with it
    try:
        old = MigrationExecutor(connection).migrate([("jobs", BEFORE)]).apps.get_model("jobs", "JobTemplate")
        assert {row.name: row.spec for row in old.objects.all()} == {
            "later": {"command": "sleep 60"},
            "web": {"command": "sleep 60", "cpus": 2},
        }
        old.objects.filter(name="web").update(spec=SPEC)
    finally:
        MigrationExecutor(connection).migrate(newest)
    version = apps.get_model("jobs", "JobTemplateVersion").objects.get(template__name="web")
    assert (version.number, version.parameters, version.template.latest_version) == (1, [], 1)
    assert fill(version.spec, {}) == SPEC
