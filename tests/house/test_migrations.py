"""The database of an installation that runs already: all migrations, there and back, with rows in its tables."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.core.models import Operation
from apps.jobs.models import Instance, Job, JobEvent, JobTemplate, JobVersion, Release
from apps.jobs.services.history import Happening, history_add
from tests.things import Things

FIRST_RELEASE = ("accounts", "core", "hosts", "jobs")
OWN = (*FIRST_RELEASE, "elastic")


def _own_leaves() -> list[tuple[str, str]]:
    return [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] in OWN]


@pytest.mark.django_db
def test_each_app_s_migrations_are_a_line_of_named_ones() -> None:
    loader = MigrationExecutor(connection).loader
    for app in OWN:
        names = sorted(name for label, name in loader.disk_migrations if label == app)
        assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
        assert not [name for name in names if re.search(r"_auto_|_alter_|_more$|_merge", name)]
        for before, name in pairwise(names):
            assert (app, before) in loader.disk_migrations[(app, name)].dependencies


@pytest.mark.django_db(transaction=True)
def test_what_the_first_release_wrote_is_there_after_the_newest_migration() -> None:
    things = Things.make()
    history_add(things.job, Happening("created", "created", "Made by %(who)s.", {"who": "dev"}))
    spec, newest = JobVersion.objects.get().spec, _own_leaves()
    try:
        MigrationExecutor(connection).migrate([(app, "0001_initial") for app in FIRST_RELEASE])
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
        assert "jobs_release" not in tables
        assert "jobs_jobtemplateversion" not in tables
    finally:
        MigrationExecutor(connection).migrate(newest)
    job = Job.objects.get()
    assert (job.tag, job.state, job.wanted, job.target_version) == (
        things.job.tag,
        Job.State.RUNNING,
        3,
        1,
    )
    assert JobVersion.objects.get().spec == spec
    assert list(Instance.objects.values_list("slot", flat=True)) == ["main"] * 3
    operation = Operation.objects.get()
    assert (operation.pk, operation.reason, operation.paused_at) == (things.operation.pk, "", None)
    assert JobEvent.objects.get().rendered == "Made by dev."
    assert JobTemplate.objects.get().latest_version == 1
    assert not Release.objects.exists()
