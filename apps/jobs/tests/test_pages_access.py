"""Who may open what: each address of a job's pages, read from the address book so that none can be forgotten."""

from __future__ import annotations

import pytest
from django.urls import URLPattern

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import Operation
from apps.jobs.models import Instance, Job, JobVersion
from apps.jobs.tests.factories import make_running_job, make_version
from apps.jobs.tests.pages import browser
from apps.jobs.urls import urlpatterns

pytestmark = pytest.mark.django_db

OF_A_JOB = {
    str(pattern.name): str(pattern.pattern)
    for pattern in urlpatterns
    if isinstance(pattern, URLPattern) and str(pattern.pattern).startswith("jobs/<str:tag>/")
}
WRITING = {
    "edit", "publish", "rollback", "undo", "scale", "restart", "stop", "start", "delete", "kill",
    "clone", "migrate", "retry", "save_as_template",
}  # fmt: skip
POST_ONLY = {"api_call", "expiry_keep", "star"}


def address(name: str, job: Job) -> str:
    instance = Instance.objects.filter(job=job).first()
    values = {
        "<str:tag>": job.tag,
        "<int:number>": "1",
        "<str:task_id>": instance.task_id if instance else "x",
    }
    path = OF_A_JOB[name]
    for place, value in values.items():
        path = path.replace(place, value)
    path += f"?task={instance.task_id}" if instance and name == "log_piece" else ""
    return f"/{path}"


def may_be_sent(name: str, method: str) -> bool:
    return name in WRITING | POST_ONLY if method == "post" else name not in POST_ONLY


def test_the_addresses_are_all_there() -> None:
    assert {
        "detail",
        "history",
        "versions",
        "logs",
        "configuration",
        "diff",
    } | WRITING | POST_ONLY <= OF_A_JOB.keys()


@pytest.mark.parametrize("name", OF_A_JOB)
def test_whoever_is_not_signed_in_is_sent_to_sign_in(name: str) -> None:
    job = make_running_job()

    answer = browser(None).get(address(name, job))

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", OF_A_JOB)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_job_of_another_product_line_is_unknown_everywhere(name: str, method: str) -> None:
    job = make_running_job()
    stranger = browser(make_member(make_product_line(), role=Role.OWNER))

    invisible = getattr(stranger, method)(address(name, job))
    unknown = getattr(stranger, method)(address(name, job).replace(job.tag, "job.of-nobody"))

    assert invisible.status_code == unknown.status_code
    assert invisible.status_code == 404 or (invisible.status_code == 405 and not may_be_sent(name, method))
    assert job.name not in invisible.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("name", sorted(OF_A_JOB.keys() - POST_ONLY))
def test_those_who_may_change_a_job_can_open_every_page_of_it(name: str) -> None:
    job = make_running_job()
    make_version(job, spec={"cpus": 1.0})
    Job.objects.filter(pk=job.pk).update(running_version=2, target_version=2)
    path = address(name, job) + ("?version=1" if name == "rollback" else "")

    for person in (make_member(job.product_line), make_sre()):
        assert browser(person).get(path).status_code == 200


@pytest.mark.parametrize("name", sorted(OF_A_JOB.keys() - WRITING - POST_ONLY))
@pytest.mark.parametrize("managed_by", ["", "rds /inf/ocean/main"])
def test_viewers_see_a_job_without_anything_to_press(name: str, managed_by: str) -> None:
    job = make_running_job(managed_by=managed_by)
    viewer = make_member(job.product_line, role=Role.VIEWER if not managed_by else Role.OWNER)

    answer = browser(viewer).get(address(name, job))

    assert answer.status_code == 200
    page = answer.content.decode()
    assert not [action for action in WRITING if f"{action}/" in page.replace(f"{job.tag}/logs/", "")]
    if managed_by and name not in {"log_piece", "engine"}:
        assert "belongs to rds /inf/ocean/main" in page


@pytest.mark.parametrize("name", sorted(WRITING))
@pytest.mark.parametrize("method", ["get", "post"])
def test_viewers_and_owners_of_a_managed_job_are_refused_in_words(name: str, method: str) -> None:
    job = make_running_job()
    managed = make_running_job(managed_by="rds /inf/ocean/main")

    as_viewer = browser(make_member(job.product_line, role=Role.VIEWER))
    as_owner = browser(make_member(managed.product_line, role=Role.OWNER))
    refused = getattr(as_viewer, method)(address(name, job))
    belongs = getattr(as_owner, method)(address(name, managed))

    assert refused.status_code == belongs.status_code == 403
    assert "this needs the role developer there" in refused.content.decode()
    assert "belongs to rds /inf/ocean/main" in belongs.content.decode()
    assert not Operation.objects.exists()
    assert JobVersion.objects.count() == 2


def test_a_deleted_job_is_unknown() -> None:
    job = make_running_job()
    Job.objects.filter(pk=job.pk).update(deleted_at=job.created_at)

    assert browser(make_sre()).get(f"/jobs/{job.tag}/").status_code == 404


def test_whoever_belongs_to_no_product_line_is_told_what_to_do() -> None:
    client = browser(make_user())

    assert "once an owner of a product line makes you a developer" in client.get("/jobs/").content.decode()
    assert client.get("/jobs/new/").status_code == 403
