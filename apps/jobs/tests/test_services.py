"""Writing jobs: what changes, what does not, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member, make_product_line, make_user
from apps.core.errors import Forbidden, InvalidInput, KeyReused, StaleVersion, TargetBusy
from apps.core.models import AuditEntry, Operation
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job, JobEvent, JobVersion
from apps.jobs.services import (
    instance_kill,
    job_create,
    job_delete,
    job_publish,
    job_restart,
    job_rollback,
    job_scale,
    job_start,
    job_stop,
    job_version_add,
    secret_set,
)
from apps.jobs.services.drafts import NewJob
from apps.jobs.tests.factories import (
    make_instance,
    make_job,
    make_job_operation,
    make_running_job,
    make_spec,
    make_version,
)

pytestmark = pytest.mark.django_db


def new_job(**overrides: Any) -> NewJob:
    values: dict[str, Any] = {
        "product_line": overrides.pop("product_line", None) or make_product_line(),
        "service": "weather",
        "cluster": overrides.pop("cluster", None) or make_cluster(),
        "name": "weather-api",
        "spec": {"command": "sleep 60"},
        **overrides,
    }
    return NewJob(**values)


def fields_of(caught: pytest.ExceptionInfo[InvalidInput]) -> dict[str, str]:
    return {error.field: error.code for error in caught.value.errors}


# --- creating ------------------------------------------------------------------------------------------


def test_a_new_job_is_a_draft_with_one_version_and_its_tag_and_path_follow_the_tree() -> None:
    line = make_product_line(cop="xiaomi", owt="inf", pdl="ocean")
    job = job_create(
        new=new_job(product_line=line, cluster=make_cluster(name="staging")), by=make_member(line)
    )
    assert job.tag == "job.weather-api_service.weather_cluster.staging_pdl.ocean_owt.inf_cop.xiaomi"
    assert job.workload_id == "/xiaomi/inf/ocean/staging/weather/weather-api"
    assert (job.state, job.latest_version, job.target_version) == (Job.State.DRAFT, 1, None)
    assert JobVersion.objects.get(job=job).spec["command"] == "sleep 60"
    assert JobEvent.objects.get(job=job).kind == "created"
    assert AuditEntry.objects.filter(action="job.create", object=job.tag).exists()
    assert not Operation.objects.exists()


def test_every_bad_field_of_a_new_job_is_named_at_once_and_nothing_is_written() -> None:
    line = make_product_line()
    with pytest.raises(InvalidInput) as caught:
        job_create(new=new_job(product_line=line, name="Bad_Name", spec={"cpus": 0}), by=make_member(line))
    assert {"name", "spec.cpus"} <= set(fields_of(caught))
    assert not Job.objects.exists()


def test_a_tag_is_taken_once_until_its_job_is_deleted() -> None:
    line, cluster = make_product_line(), make_cluster()
    person = make_member(line)
    first = job_create(new=new_job(product_line=line, cluster=cluster), by=person)
    with pytest.raises(InvalidInput) as caught:
        job_create(new=new_job(product_line=line, cluster=cluster), by=person)
    assert fields_of(caught) == {"name": "unique"}
    Job.objects.filter(pk=first.pk).update(deleted_at=first.created_at)
    assert job_create(new=new_job(product_line=line, cluster=cluster), by=person).pk != first.pk


def test_creating_twice_with_the_same_key_creates_once() -> None:
    line, cluster = make_product_line(), make_cluster()
    person = make_member(line)
    first = job_create(new=new_job(product_line=line, cluster=cluster), by=person, idempotency_key="k")
    again = job_create(new=new_job(product_line=line, cluster=cluster), by=person, idempotency_key="k")
    assert first == again
    with pytest.raises(KeyReused):
        job_create(new=new_job(product_line=line, cluster=cluster, name="b"), by=person, idempotency_key="k")
    other = new_job(product_line=line, cluster=cluster, spec={"command": "sleep 7"})
    with pytest.raises(KeyReused):
        job_create(new=other, by=person, idempotency_key="k")


def test_a_viewer_cannot_create() -> None:
    line = make_product_line()
    with pytest.raises(Forbidden):
        job_create(new=new_job(product_line=line), by=make_member(line, role=Role.VIEWER))


def test_a_cluster_that_is_switched_off_takes_no_new_jobs() -> None:
    line = make_product_line()
    with pytest.raises(InvalidInput) as caught:
        job_create(new=new_job(product_line=line, cluster=make_cluster(enabled=False)), by=make_member(line))
    assert fields_of(caught) == {"cluster": "disabled"}


def test_a_secret_that_the_product_line_does_not_have_is_named_at_its_variable() -> None:
    line = make_product_line()
    person = make_member(line)
    new = new_job(product_line=line, spec={"command": "sleep 60", "env": {"PASS": {"secret": "db"}}})
    with pytest.raises(InvalidInput) as caught:
        job_create(new=new, by=person)
    assert fields_of(caught) == {"spec.env.PASS": "unknown_secret"}
    secret_set(product_line=line, name="db", value="x", by=person)
    assert job_create(new=new, by=person).latest_version == 1


def test_one_can_depend_only_on_jobs_that_one_can_see() -> None:
    line, cluster = make_product_line(), make_cluster()
    mine, theirs = make_job(product_line=line, cluster=cluster), make_job(cluster=cluster)
    spec = {"command": "sleep 60", "depends_on": [mine.tag, theirs.tag]}
    with pytest.raises(InvalidInput) as caught:
        job_create(new=new_job(product_line=line, cluster=cluster, spec=spec), by=make_member(line))
    assert fields_of(caught) == {"spec.depends_on[1]": "unknown_job"}


# --- versions ------------------------------------------------------------------------------------------


def test_saving_adds_a_version_and_changes_nothing_that_runs() -> None:
    job = make_running_job()
    person = make_member(job.product_line)
    version = job_version_add(job=job, patch={"cpus": 0.5}, by=person, note="more")
    job.refresh_from_db()
    assert (version.number, version.spec["cpus"], version.author) == (2, 0.5, person)
    assert (job.latest_version, job.target_version, job.running_version) == (2, 1, 1)
    assert not Operation.objects.exists()


def test_saving_what_is_already_so_adds_nothing() -> None:
    job = make_job()
    version = job_version_add(job=job, patch={"cpus": make_spec()["cpus"]}, by=make_member(job.product_line))
    assert (version.number, JobVersion.objects.count()) == (1, 1)


def test_saving_on_top_of_what_somebody_else_saved_is_refused() -> None:
    job = make_job()
    make_version(job, spec={"cpus": 1.0})
    with pytest.raises(StaleVersion) as caught:
        job_version_add(job=job, patch={"cpus": 2}, by=make_member(job.product_line), edited_version=1)
    assert (caught.value.given, caught.value.latest) == (1, 2)


def test_a_version_is_never_changed() -> None:
    version = JobVersion.objects.get(job=make_job())
    version.note = "rewritten"
    with pytest.raises(TypeError):
        version.save()


# --- asking for operations -----------------------------------------------------------------------------


def test_publishing_writes_the_intent_and_what_it_replaces() -> None:
    job = make_running_job(instances=3)
    make_version(job, spec={"cpus": 0.5})
    operation = job_publish(job=job, by=make_member(job.product_line))
    job.refresh_from_db()
    assert (job.target_version, job.running_version, job.state) == (2, 1, Job.State.DEPLOYING)
    assert operation.kind == "job.publish"
    assert operation.parameters["version"] == 2
    assert operation.parameters["instances"] == 3
    assert operation.parameters["previous"] == {"version": 1, "wanted": 3}
    assert (operation.product_line, operation.cluster) == (job.product_line, job.cluster)


def test_publishing_keeps_the_number_that_a_scaling_asked_for() -> None:
    job = make_running_job(instances=3, wanted=6)
    make_version(job, spec={"cpus": 0.5})
    assert job_publish(job=job, by=make_member(job.product_line)).parameters["instances"] == 6


def test_a_publish_can_bring_its_own_strategy() -> None:
    job = make_job()
    operation = job_publish(
        job=job, by=make_member(job.product_line), strategy={"max_surge": 2, "batch": 2, "deadline_s": 20}
    )
    assert operation.parameters["strategy"]["max_surge"] == 2
    assert operation.parameters["strategy"]["deadline_s"] == 20


def test_a_bad_strategy_is_named_at_its_field_and_nothing_is_asked() -> None:
    job = make_job()
    with pytest.raises(InvalidInput) as caught:
        job_publish(job=job, by=make_member(job.product_line), strategy={"max_surge": 0})
    assert fields_of(caught) == {"strategy.max_surge": "min_value"}
    assert not Operation.objects.exists()


def test_publishing_a_version_that_is_not_there_is_refused() -> None:
    job = make_job()
    with pytest.raises(InvalidInput) as caught:
        job_publish(job=job, by=make_member(job.product_line), version=9)
    assert fields_of(caught) == {"version": "unknown_version"}


def test_while_one_publish_runs_a_second_is_told_of_it_and_changes_nothing() -> None:
    job = make_running_job()
    first = job_publish(job=job, by=make_member(job.product_line))
    job.refresh_from_db()
    with pytest.raises(TargetBusy) as caught:
        job_scale(job=job, instances=9, by=make_member(job.product_line))
    job.refresh_from_db()
    assert caught.value.operation == first
    assert job.wanted == 3


def test_repeating_a_publish_with_its_key_is_the_same_operation() -> None:
    job = make_running_job()
    person = make_member(job.product_line)
    first = job_publish(job=job, by=person, idempotency_key="k")
    Operation.objects.update(state=Operation.State.SUCCEEDED)
    assert job_publish(job=job, by=person, idempotency_key="k") == first


def test_stopping_remembers_the_number_and_starting_brings_it_back() -> None:
    job = make_running_job(instances=3, wanted=6)
    person = make_member(job.product_line)
    job_stop(job=job, by=person)
    job.refresh_from_db()
    assert (job.wanted, job.wanted_before_stop) == (0, 6)
    Operation.objects.update(state=Operation.State.SUCCEEDED)
    operation = job_start(job=job, by=person)
    assert operation.parameters["instances"] == 6


def test_repeating_a_start_with_its_key_is_the_same_operation_though_the_job_runs_now() -> None:
    job = make_running_job(wanted=0, wanted_before_stop=3)
    person = make_member(job.product_line)
    first = job_start(job=job, by=person, idempotency_key="k")
    Operation.objects.update(state=Operation.State.SUCCEEDED)
    job.refresh_from_db()
    assert job_start(job=job, by=person, idempotency_key="k") == first


def test_scaling_to_nothing_is_a_stop() -> None:
    job = make_running_job()
    assert job_scale(job=job, instances=0, by=make_member(job.product_line)).kind == "job.stop"


@pytest.mark.parametrize("instances", [-1, 100_001])
def test_a_number_out_of_range_is_refused(instances: int) -> None:
    job = make_running_job()
    with pytest.raises(InvalidInput) as caught:
        job_scale(job=job, instances=instances, by=make_member(job.product_line))
    assert fields_of(caught) == {"instances": "out_of_range"}


def test_what_was_never_published_cannot_be_scaled_restarted_or_stopped() -> None:
    job = make_job()
    person = make_member(job.product_line)
    for ask in (job_restart, job_stop, job_start):
        with pytest.raises(InvalidInput):
            ask(job=job, by=person)
    with pytest.raises(InvalidInput):
        job_scale(job=job, instances=3, by=person)
    assert not Operation.objects.exists()


def test_rolling_back_goes_to_the_version_that_ran_before() -> None:
    job = make_running_job(running_version=3, target_version=3)
    for _ in range(2):
        make_version(job, spec={"cpus": 0.2})
    for number in (1, 2, 3):
        make_job_operation(job, kind="job.publish", state="succeeded", parameters={"version": number})
    make_job_operation(job, kind="job.publish", state="failed", parameters={"version": 9})
    operation = job_rollback(job=job, by=make_member(job.product_line))
    assert (operation.kind, operation.parameters["version"]) == ("job.rollback", 2)


def test_rolling_back_without_anything_before_says_so() -> None:
    job = make_running_job()
    with pytest.raises(InvalidInput) as caught:
        job_rollback(job=job, by=make_member(job.product_line))
    assert fields_of(caught) == {"version": "no_earlier_version"}


def test_ending_an_instance_with_shrink_lowers_the_wanted_number() -> None:
    job = make_running_job(instances=3)
    victim = job.instances.first()
    assert victim is not None
    operation = instance_kill(instance=victim, by=make_member(job.product_line), shrink=True)
    job.refresh_from_db()
    assert (job.wanted, operation.parameters["task_id"]) == (2, victim.task_id)


def test_the_last_instance_is_not_ended_with_shrink() -> None:
    job = make_running_job(instances=1)
    with pytest.raises(InvalidInput):
        instance_kill(instance=make_instance(job=job), by=make_member(job.product_line), shrink=True)


def test_a_viewer_sees_and_cannot_act_and_a_stranger_neither() -> None:
    job = make_running_job()
    for person in (make_member(job.product_line, role=Role.VIEWER), make_member(), make_user(is_dba=True)):
        for ask in (job_publish, job_restart, job_stop, job_delete):
            with pytest.raises(Forbidden):
                ask(job=job, by=person)
    assert not Operation.objects.exists()


def test_a_job_that_a_service_owns_is_changed_only_there() -> None:
    job = make_running_job(managed_by="rds:/miui/browser/key")
    with pytest.raises(Forbidden, match="rds:/miui/browser/key"):
        job_stop(job=job, by=make_member(job.product_line, role=Role.OWNER))


# --- secrets -------------------------------------------------------------------------------------------


def test_a_secret_is_not_in_the_database_as_it_is() -> None:
    line = make_product_line()
    secret_set(product_line=line, name="db", value="hunter2", by=make_member(line))
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM jobs_secret")
        [(stored,)] = cursor.fetchall()
    assert "hunter2" not in stored
    assert line.secrets.get().value == "hunter2"
    assert "hunter2" not in str(AuditEntry.objects.get(action="secret.set").detail)
