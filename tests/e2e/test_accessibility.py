"""Every page can be used by everybody: axe-core finds nothing wrong, in either theme. What it finds is what a program
can find (names, roles, contrast, order); the keyboard has its own tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.accounts.tests.factories import make_sre
from apps.core.models import Operation
from apps.core.tests.factories import (
    make_channel,
    make_cluster,
    make_delivery,
    make_drift,
    make_group,
    make_watch,
)
from apps.elastic.tests.factories import make_decision, make_policy, make_run, make_schedule
from apps.hosts.tests.factories import make_host
from apps.jobs.explain import Change, Problem
from apps.jobs.explain.offers import NO_OFFER
from apps.jobs.models import Job, Release
from apps.jobs.tests.factories import (
    make_bad_end,
    make_instance,
    make_job,
    make_job_operation,
    make_release,
    make_running_job,
    make_template,
    make_version,
)
from embedded.stack import CHECKOUT
from engines.base import InstanceFailure, InstanceId, InstanceState
from tests.e2e.test_frame import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]
AXE = Path(CHECKOUT, "node_modules/axe-core/axe.min.js")
Theme = Literal["light", "dark"]


@pytest.fixture
def job() -> Job:
    """One that shows as much as a page can show: two versions, trouble, failures, operations of every end."""
    cluster = make_cluster(name="staging")
    make_watch(cluster, error="connection refused", error_since=timezone.now())
    job = make_running_job(
        name="weather",
        cluster=cluster,
        state=Job.State.DEGRADED,
        problems=[
            Problem(
                "error", "x", NO_OFFER, values={"count": 1}, change=Change("spec.cpus", 0.1, 0.05)
            ).as_json(),
            Problem("warning", "y", NO_OFFER, values={"count": 1}, hosts=("node1",)).as_json(),
        ],
    )
    make_version(job, spec={"cpus": 2.0}, note="more")
    make_instance(job=job, host="node1", healthy=False, message="HTTP 500")
    make_bad_end(
        job, InstanceFailure(InstanceId("x.1"), InstanceState.FAILED, "node1", "exit 3", timezone.now())
    )
    for state in (Operation.State.SUCCEEDED, Operation.State.CANCELLED, Operation.State.FAILED):
        make_job_operation(
            job, kind="job.publish", state=state, error="It failed.", finished_at=timezone.now()
        )
    make_release(job, reason="a leak", state="succeeded")
    make_job(name="draft", product_line=job.product_line, cluster=cluster)
    make_template(
        name="web",
        title="Web service",
        spec={"command": "serve $PORT0 {{ level }}"},
        parameters=[{"name": "level", "type": "text", "default": "info"}],
    )
    make_policy(job=job, paused_until=timezone.now() + timedelta(hours=1), notify=["oncall"])
    make_decision(job=job, inputs={"cpu": 91.0}, instances=2, wanted=3, acted=True)
    make_run(schedule=make_schedule(job=job))
    make_drift(cluster=cluster)
    make_delivery(make_channel(make_group(name="oncall")))
    make_host(hostname="node1", cluster=cluster, rack="r1")
    make_host(hostname="node2", cluster=cluster, rack="r1", active=False)
    return job


def violations(page: Page) -> list[str]:
    """What axe-core finds: the rule, the element, and what to do about it."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:160]}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def paths(job: Job) -> list[str]:
    of_job = ("", "logs/", "history/", "versions/", "versions/1/", "diff/?from=1&to=2", "configuration/")
    past = ("compare/", "compare/?start=2026-11-20T12:00", "history/?level=error")
    scaling = ("scaling/", "scaling/?acted=false")
    actions = ("edit/", "publish/", "scale/", "stop/", "delete/", "clone/", "migrate/?cluster=staging")
    templates = ("", "web/", "new/", "web/edit/", "web/update/", "web/diff/?from=1&to=1")
    releases = [f"/releases/{pk}/" for pk in Release.objects.values_list("pk", flat=True)]
    operations = [f"/operations/{pk}/" for pk in Operation.objects.values_list("pk", flat=True)]
    return [
        "/",
        "/jobs/",
        "/jobs/?search=nothing",
        "/jobs/new/?template=web",
        *(f"/jobs/{job.tag}/{part}" for part in (*of_job, *actions)),
        f"/jobs/{Job.objects.get(name='draft').tag}/",
        *(f"/jobs/{job.tag}/{part}" for part in (*past, *scaling)),
        f"/jobs/{Job.objects.get(name='draft').tag}/scaling/",
        "/scaling/",
        "/drift/",
        "/notifications/",
        "/notifications/new/",
        "/notifications/groups/oncall/",
        "/notifications/log/",
        "/search/?q=weather",
        "/?favourite=true",
        "/hosts/",
        "/hosts/tiles/",
        "/hosts/staging/node1/",
        "/product-lines/",
        f"/product-lines/{job.product_line.tag}/",
        *(f"/templates/{part}" for part in templates),
        f"/jobs/{job.tag}/save-as-template/",
        "/releases/",
        f"/releases/new/?action=stop&job={job.tag}",
        *releases,
        "/operations/",
        *operations,
        "/audit/",
        "/accounts/profile/",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wrong_with_any_page(page: Page, job: Job, theme: Theme) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto("/accounts/login/")
    found = violations(page)
    sign_in(page, make_sre())
    for path in paths(job):
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        # All tabs of the form, and a row of each kind.
        page.evaluate(
            "document.querySelectorAll('.tab-pane').forEach((tab) => tab.classList.add('active', 'show'))"
        )
        for button in page.locator("[data-row-add]").all():
            button.click()
        found += [f"{path}: {wrong}" for wrong in violations(page)]
    page.goto(f"/jobs/{job.tag}/edit/")
    page.get_by_role("button", name="YAML").click()
    text = page.get_by_label("The job as YAML")
    text.fill(f"{text.input_value()}\nwrong: 1\n")
    found += [f"YAML: {wrong}" for wrong in violations(page)]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += [f"wrong YAML: {wrong}" for wrong in violations(page)]
    assert not found, "\n".join(found)
