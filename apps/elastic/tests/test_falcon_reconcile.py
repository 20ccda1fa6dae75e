"""Policies and instances in, a whole Falcon out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.tests.factories import make_sre, make_user
from apps.core.drift import drift_fix
from apps.core.models import Cluster, Drift
from apps.core.tests.factories import make_cluster, make_group
from apps.elastic.falcon import hints, rounds
from apps.elastic.falcon.keys import jobs_rung_for
from apps.elastic.falcon.reconcile import FALCON_LOCK
from apps.elastic.falcon.signing import Ring, signed_ring
from apps.elastic.models import FalconEntry, ScalingPolicy
from apps.elastic.services import policy_delete, policy_renew_callback
from apps.elastic.tasks import reapply_falcon
from apps.elastic.tests.factories import CPU, make_policy
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Instance, Job
from apps.jobs.signals import instances_changed
from apps.jobs.tests.factories import make_instance, make_running_job
from clients.falcon import FalconPortal, FalconToken, FalconTransport
from clients.falcon.wire import Strategy, Template
from clients.tests.server import Hang, local_server
from sandbox.falcon.testing import TOKEN, FalconProcess, running_falcon

pytestmark = pytest.mark.django_db


@pytest.fixture
def falcon(tmp_path: Path) -> Iterator[FalconProcess]:
    with running_falcon(tmp_path) as found:
        yield found


@pytest.fixture
def portal(falcon: FalconProcess) -> FalconPortal:
    return FalconPortal(FalconTransport(falcon.url, FalconToken(TOKEN)))


@pytest.fixture
def cluster(falcon: FalconProcess) -> Cluster:
    return make_cluster(name="staging", metrics="falcon", metrics_url=falcon.url, metrics_password=TOKEN)


@pytest.fixture
def policy(cluster: Cluster) -> ScalingPolicy:
    """Of a job with two instances that run."""
    policy = make_policy(job=make_running_job(instances=0, cluster=cluster))
    for number in (1, 2):
        make_instance(job=policy.job, task_id=f"task-{number}")
    return policy


@pytest.fixture(autouse=True)
def _own_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests run beside this one with the same Redis, and change instances."""
    monkeypatch.setattr(hints, "CHANGED", f"test:{uuid4()}")


def name(policy: ScalingPolicy) -> str:
    return f"ocean:staging:{policy.job.tag}"


def template(portal: FalconPortal, policy: ScalingPolicy) -> Template:
    return portal.template(portal.templates(prefix=name(policy))[name(policy)])


def members(portal: FalconPortal, policy: ScalingPolicy) -> frozenset[str]:
    (group,) = portal.groups(prefix=name(policy))
    return portal.group_hosts(group.id)


def conditions(found: Template) -> set[tuple[str, str, float]]:
    return {(row.metric, row.operator, row.threshold) for row in found.strategies.values()}


def called_by(found: Template) -> Ring | None:
    """What the address in the template's action proves."""
    query = parse_qs(urlsplit(found.action.url).query)
    said = [query.get(name, [""])[0] for name in ("job", "key", "sig")]
    return signed_ring(*said, secrets=[settings.SECRET_KEY])


def renew(policy: ScalingPolicy) -> tuple[Ring, Ring]:
    """By what it was called, and will be."""
    before = Ring(policy.job_id, policy.callback_key)
    policy_renew_callback(policy=policy, by=make_sre())
    return before, Ring(policy.job_id, policy.callback_key)


def follow() -> None:
    rounds.follow_changes(now=timezone.now())


def sweep(*, later_s: float = 0) -> None:
    for cluster_id in rounds.clusters_to_sweep():
        rounds.sweep_cluster(cluster_id, now=timezone.now() + timedelta(seconds=later_s))


def test_a_policy_becomes_a_template_a_group_and_a_signed_callback(
    portal: FalconPortal, policy: ScalingPolicy
) -> None:
    follow()

    found = template(portal, policy)
    assert conditions(found) == {("cpu.busy", ">", 80.0), ("cpu.busy", "<", 60.0)}
    assert found.parent_id == portal.templates()["ocean:default:container"]
    assert members(portal, policy) == {"task-1", "task-2"}
    (group,) = portal.groups(prefix=name(policy))
    assert portal.group_templates(group.id) == {found.id}
    assert (found.action.callback, found.action.uic) == (1, "")
    assert found.action.url.startswith(f"{settings.OCEAN_CALLBACK_URL}/api/v1/callbacks/falcon/?job=")
    assert called_by(found) == Ring(policy.job_id, policy.callback_key)


def test_doing_it_again_does_nothing(
    portal: FalconPortal, policy: ScalingPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    follow()
    sweep()
    caplog.clear()

    follow()
    hints.mark([policy.job_id])
    follow()
    sweep(later_s=60)
    assert "falcon_reconciled" not in caplog.messages
    assert not Drift.objects.exists()


def test_another_threshold_edits_the_strategy_in_place(portal: FalconPortal, policy: ScalingPolicy) -> None:
    follow()
    before = template(portal, policy)
    policy.metrics, policy.updated_at = [{**CPU, "out": {"samples": 3, "above": 90}}], timezone.now()
    policy.save()

    follow()
    after = template(portal, policy)
    assert conditions(after) == {("cpu.busy", ">", 90.0), ("cpu.busy", "<", 60.0)}
    assert after.strategies.keys() == before.strategies.keys()
    assert after.action_id == before.action_id


@pytest.mark.parametrize("key", ["0123456789abcdef", ""])
def test_a_renewed_signature_is_put_into_falcon_and_the_old_one_counts_until_then(
    portal: FalconPortal,
    policy: ScalingPolicy,
    key: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    ScalingPolicy.objects.update(callback_key=key)
    policy.refresh_from_db()
    follow()
    with django_capture_on_commit_callbacks(execute=True):
        old, new = renew(policy)

    assert ScalingPolicy.objects.get().callback_is_old
    assert [jobs_rung_for({ring}) for ring in (old, new)] == [{policy.job_id}] * 2
    follow()
    assert called_by(template(portal, policy)) == new
    assert [jobs_rung_for({ring}) for ring in (old, new)] == [set(), {policy.job_id}]
    assert not ScalingPolicy.objects.get().callback_is_old
    assert not Drift.objects.exists()


def test_while_falcon_does_not_take_the_renewed_signature_the_old_one_counts(
    portal: FalconPortal, policy: ScalingPolicy, falcon: FalconProcess
) -> None:
    follow()
    old, new = renew(policy)
    falcon.misbehave(kind="error", status=417, method="PUT", path="action", calls=1)
    sweep()
    assert called_by(template(portal, policy)) == old
    assert jobs_rung_for({old}) == jobs_rung_for({new}) == {policy.job_id}

    sweep(later_s=60)
    assert called_by(template(portal, policy)) == new
    assert jobs_rung_for({old}) == set()


def test_a_policy_that_is_made_anew_is_not_called_by_the_address_of_the_one_before(
    policy: ScalingPolicy,
) -> None:
    follow()
    old = Ring(policy.job_id, policy.callback_key)
    policy_delete(job=policy.job, by=make_sre())
    new = make_policy(job=policy.job)
    assert jobs_rung_for({old, Ring(policy.job_id), Ring(0, "k")}) == set()
    assert jobs_rung_for({old, Ring(policy.job_id, new.callback_key)}) == {policy.job_id}


def test_groups_follow_the_mirror_by_its_signal(portal: FalconPortal, policy: ScalingPolicy) -> None:
    follow()
    Instance.objects.filter(job=policy.job, task_id="task-1").delete()
    make_instance(job=policy.job, task_id="task-3")
    make_instance(job=policy.job, task_id="task-4", state=Instance.State.STAGING)
    instances_changed.send_robust(sender=None, job_ids=frozenset({policy.job_id}))

    follow()
    assert members(portal, policy) == {"task-2", "task-3"}


def test_a_signal_that_was_lost_costs_a_sweep(portal: FalconPortal, policy: ScalingPolicy) -> None:
    follow()
    make_instance(job=policy.job, task_id="task-3")

    sweep()
    assert members(portal, policy) == {"task-1", "task-2", "task-3"}


def test_a_policy_that_is_switched_off_leaves_nothing_behind(
    portal: FalconPortal, policy: ScalingPolicy
) -> None:
    follow()
    policy.enabled, policy.updated_at = False, timezone.now()
    policy.save()

    follow()
    assert portal.templates(prefix=name(policy)) == {}
    assert portal.groups(prefix=name(policy)) == []
    assert not FalconEntry.objects.exists()


def test_a_job_that_is_deleted_leaves_nothing_behind_and_is_asked_for_no_more(
    falcon: FalconProcess, portal: FalconPortal, policy: ScalingPolicy
) -> None:
    follow()
    Job.objects.filter(pk=policy.job_id).update(deleted_at=timezone.now())
    hints.mark([policy.job_id])

    follow()
    assert portal.templates(prefix=name(policy)) == {}
    assert portal.groups(prefix=name(policy)) == []
    falcon.kill()
    follow()
    assert hints.take() == set()


def test_a_hint_of_a_deleted_job_leaves_its_namesake_alone(
    portal: FalconPortal, policy: ScalingPolicy
) -> None:
    old = policy.job
    Job.objects.filter(pk=old.pk).update(deleted_at=timezone.now())
    same = {"name": old.name, "service": old.service, "product_line": old.product_line}
    namesake = make_running_job(instances=1, cluster=old.cluster, **same)
    assert namesake.tag == old.tag
    make_policy(job=namesake)
    hints.mark([old.pk])

    follow()
    assert len(template(portal, policy).strategies) == 2


def test_what_belongs_to_no_policy_any_more_is_swept_and_nothing_else(
    portal: FalconPortal, policy: ScalingPolicy
) -> None:
    portal.create_group("ocean:production-c3:job.other")
    portal.create_template("somebody else's")
    follow()
    policy_delete(job=policy.job, by=make_sre())

    sweep()
    assert {group.name for group in portal.groups()} == {
        "ocean:production-c3:job.other",
        "ocean:staging:hosts",
    }
    assert set(portal.templates()) == {"somebody else's", "ocean:default:container", "ocean:default:host"}


def test_what_somebody_changed_there_is_shown_and_put_back_when_asked(
    portal: FalconPortal, policy: ScalingPolicy
) -> None:
    follow()
    found = template(portal, policy)
    number, high = next((n, row) for n, row in found.strategies.items() if row.operator == ">")
    portal.update_strategy(number, Strategy("cpu.busy", "all(#3)", ">", 99))

    sweep()
    drift = Drift.objects.get()
    assert (drift.kind, drift.object, drift.cluster) == ("falcon", policy.job.tag, policy.job.cluster)
    assert [line for line in drift.found if line not in drift.wanted] == [
        "cpu.busy all(#3) > 99 max_step=3 priority=0"
    ]
    assert template(portal, policy).strategies[number].threshold == 99
    assert "sig=" not in json.dumps([drift.wanted, drift.found])

    drift_fix(drift=drift, action="reapply", by=make_sre())
    reapply_falcon(policy.job_id)
    assert template(portal, policy).strategies[number] == high
    assert not Drift.objects.exists()


def test_a_drift_that_somebody_mends_over_there_goes_by_itself(
    portal: FalconPortal, policy: ScalingPolicy
) -> None:
    follow()
    found = template(portal, policy)
    number, high = next(iter(found.strategies.items()))
    portal.update_strategy(number, Strategy("cpu.busy", "all(#3)", high.operator, 99))
    sweep()
    portal.update_strategy(number, high)

    sweep(later_s=60)
    assert not Drift.objects.exists()


def test_a_drift_goes_with_its_policy(portal: FalconPortal, policy: ScalingPolicy) -> None:
    follow()
    number = next(iter(template(portal, policy).strategies))
    portal.update_strategy(number, Strategy("cpu.busy", "all(#3)", ">", 99))
    sweep()
    assert Drift.objects.exists()
    policy_delete(job=policy.job, by=make_sre())

    sweep()
    assert not Drift.objects.exists()


def test_a_template_that_somebody_deleted_is_made_again(portal: FalconPortal, policy: ScalingPolicy) -> None:
    follow()
    portal.delete_template(template(portal, policy).id)

    sweep()
    assert len(template(portal, policy).strategies) == 2
    (group,) = portal.groups(prefix=name(policy))
    assert portal.group_templates(group.id) == {template(portal, policy).id}
    assert not Drift.objects.exists()


def test_hosts_and_teams(portal: FalconPortal, cluster: Cluster) -> None:
    make_host(cluster=cluster, hostname="node1")
    ann, bob = make_user(username="ann", email="ann@example.com"), make_user(username="bob", email="")
    make_group(name="sre", product_line=None).members.set([ann, bob])

    sweep()
    (group,) = portal.groups(prefix="ocean:staging:hosts")
    assert portal.group_hosts(group.id) == {"node1"}
    hosts = portal.template(portal.templates()["ocean:default:host"])
    assert portal.group_templates(group.id) == {hosts.id}
    assert {row.metric for row in hosts.strategies.values()} == {
        "cpu.idle", "mem.memfree.percent", "df.bytes.free.percent", "df.inodes.free.percent",
    }  # fmt: skip
    assert (hosts.action.uic, hosts.action.callback) == ("ocean_sre", 0)
    (team,) = portal.teams()
    assert (team.name, [user.name for user in team.users]) == ("ocean_sre", ["ann"])


def test_while_falcon_is_away_nothing_is_lost(
    falcon: FalconProcess, portal: FalconPortal, policy: ScalingPolicy
) -> None:
    follow()
    make_instance(job=policy.job, task_id="task-3")
    hints.mark([policy.job_id])
    falcon.kill()
    follow()
    falcon.start()

    follow()
    assert members(portal, policy) == {"task-1", "task-2", "task-3"}


def test_a_falcon_that_hangs_holds_up_no_other_cluster(
    portal: FalconPortal, policy: ScalingPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "FOLLOW_FOR_S", 4.0)
    with local_server() as server:
        server.on("GET", "/api/v1/template", Hang())
        slow = make_cluster(name="a-slow", metrics="falcon", metrics_url=server.url, metrics_password=TOKEN)
        held = make_policy(job=make_running_job(cluster=slow))
        follow()

    assert len(template(portal, policy).strategies) == 2
    assert hints.take() == {held.job_id}


def test_of_many_that_changed_those_that_were_done_are_not_done_again(
    falcon: FalconProcess, portal: FalconPortal, policy: ScalingPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "FOLLOWED_TOGETHER", 1)
    follow()
    make_instance(job=policy.job, task_id="task-3")
    hints.mark([policy.job_id])
    later = make_policy(job=make_running_job(cluster=policy.job.cluster))
    falcon.misbehave(kind="error", status=500, method="POST", path="hostgroup/template", calls=1)

    follow()
    assert members(portal, policy) == {"task-1", "task-2", "task-3"}
    assert hints.take() == {later.job_id}


def test_one_that_falcon_refuses_holds_up_no_other(
    policy: ScalingPolicy, falcon: FalconProcess, cluster: Cluster
) -> None:
    follow()
    for _ in range(2):
        make_policy(job=make_running_job(cluster=cluster))
    falcon.misbehave(kind="error", status=417, method="POST", path="strategy", calls=1)

    follow()
    fingerprints = list(FalconEntry.objects.values_list("fingerprint", flat=True))
    assert (len(fingerprints), fingerprints.count("")) == (3, 1)
    sweep()
    assert not FalconEntry.objects.filter(fingerprint="").exists()


def test_a_person_whom_falcon_refuses_holds_up_no_job(
    portal: FalconPortal, falcon: FalconProcess, policy: ScalingPolicy
) -> None:
    ann, bob = (make_user(username=name, email=f"{name}@example.com") for name in ("ann", "bob"))
    make_group(name="sre", product_line=None).members.set([ann, bob])
    falcon.misbehave(kind="error", status=400, method="POST", path="user/create", calls=1)

    sweep()
    assert len(template(portal, policy).strategies) == 2
    (team,) = portal.teams()
    assert [user.name for user in team.users] == ["bob"]
    sweep()
    (team,) = portal.teams()
    assert {user.name for user in team.users} == {"ann", "bob"}


def test_two_workers_do_not_do_it_twice(portal: FalconPortal, policy: ScalingPolicy) -> None:
    with psycopg2.connect(dsn()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [FALCON_LOCK, policy.job.cluster_id])
        follow()
        assert portal.templates(prefix=name(policy)) == {}
    other.close()

    follow()
    assert len(portal.templates(prefix=name(policy))) == 1


def dsn() -> str:
    """Of the tests' own database, for a connection besides Django's."""
    found = connection.settings_dict
    words = {
        "dbname": found["NAME"],
        "user": found["USER"],
        "password": found["PASSWORD"],
        "host": found["HOST"],
    }
    return " ".join(f"{key}={value}" for key, value in {**words, "port": found["PORT"]}.items() if value)
