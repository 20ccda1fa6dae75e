"""The admin site: every model has a useful, quick list and a page; what a service must do is read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import ApiToken, Membership, ProductLine, Role, User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import (
    AuditEntry,
    Cluster,
    ClusterWatch,
    Drift,
    Heartbeat,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationGroup,
    Operation,
    OperationLog,
)
from apps.core.tests.factories import (
    make_channel,
    make_cluster,
    make_delivery,
    make_drift,
    make_group,
    make_watch,
)
from apps.elastic.models import (
    ChronosLook,
    FalconEntry,
    ScalingDecision,
    ScalingPause,
    ScalingPolicy,
    ScalingSchedule,
    ScalingState,
    ScheduleBound,
    ScheduleRun,
)
from apps.elastic.tests.factories import make_decision, make_policy, make_run, make_schedule
from apps.hosts.models import Host
from apps.hosts.tests.factories import make_host
from apps.jobs.models import (
    DefinitionStamp,
    Favourite,
    GoneInstance,
    Instance,
    Job,
    JobEvent,
    JobOrigin,
    JobTemplate,
    JobTemplateVersion,
    JobVersion,
    LineUsage,
    Release,
    ReleaseItem,
    SavedView,
    ScaleExpiry,
    Secret,
    SideWorkload,
)
from apps.jobs.services.personal import view_save
from apps.jobs.tasks import look_at_cluster
from apps.jobs.tests.factories import (
    make_instance,
    make_job,
    make_job_from,
    make_job_operation,
    make_release,
    make_template,
    make_version,
)
from engines.metrics.prometheus import QUERIES

pytestmark = pytest.mark.django_db

NOT_REGISTERED: dict[type[Model], str] = {
    OperationLog: "shown on its operation's page",
    ReleaseItem: "shown on its release's page",
    ScalingPause: "one row at most, which every page of scaling shows",
    ScalingState: "shown on its policy's page",
    ScheduleBound: "shown by its job's calendar",
    FalconEntry: "what a worker remembers; what disagrees is shown as drift",
    ChronosLook: "shown at the schedules that it is about",
}
MAX_QUERIES = 12
WRITABLE = {User, ProductLine, Membership, Cluster}
DELETABLE = {Membership, ApiToken, SavedView, Secret}


def _operation() -> Operation:
    operation = make_job_operation(make_job(), requested_by=make_user())
    OperationLog.objects.create(operation=operation, text="asked for %(n)s", values={"n": 3})
    return operation


def _audit() -> AuditEntry:
    return AuditEntry.objects.create(
        actor=make_user(), action="x", object="y", product_line=make_product_line()
    )


def _event() -> JobEvent:
    return JobEvent.objects.create(job=make_job(), kind="x", key="x", text="x", actor=make_user())


MAKERS: dict[type[Model], Callable[[], Model]] = {
    LineUsage: lambda: LineUsage.objects.create(
        product_line=make_product_line(),
        hour=timezone.now(),
        cpu_h=1,
        memory_gib_h=1,
        instance_h=1,
        counted_at=timezone.now(),
    ),
    Favourite: lambda: Favourite.objects.create(user=make_user(), job=make_job()),
    SavedView: lambda: view_save(name="x", query="state=draft", by=make_user()),
    User: lambda: make_member(),
    ProductLine: lambda: make_member().memberships.all()[0].product_line,
    Membership: lambda: make_member().memberships.all()[0],
    ApiToken: lambda: token_create(user=make_user(), name="x").row,
    Cluster: lambda: make_watch(make_cluster()).cluster,
    ClusterWatch: lambda: make_watch(make_cluster()),
    Heartbeat: lambda: Heartbeat.objects.create(name=make_user().username, at=timezone.now()),
    Drift: lambda: make_drift(),
    Operation: _operation,
    AuditEntry: _audit,
    NotificationGroup: lambda: make_group(),
    NotificationChannel: lambda: make_channel(),
    Notification: lambda: make_delivery().notification,
    NotificationDelivery: lambda: make_delivery(),
    Host: lambda: make_host(),
    Job: lambda: make_job(),
    JobVersion: lambda: make_version(make_job(), author=make_user()),
    DefinitionStamp: lambda: DefinitionStamp.objects.create(
        job=make_job(), changed_at=timezone.now(), version=1
    ),
    SideWorkload: lambda: SideWorkload.objects.create(
        job=make_job(), seen_at=timezone.now(), config_changed_at=timezone.now()
    ),
    Instance: lambda: make_instance(),
    GoneInstance: lambda: GoneInstance.objects.create(
        job=make_job(), task_id="web.1", host="node1", gone_at=timezone.now()
    ),
    JobEvent: _event,
    Release: lambda: make_release(make_job()),
    ScaleExpiry: lambda: ScaleExpiry.objects.create(job=make_job(), at=timezone.now(), during=6, instances=3),
    JobOrigin: lambda: JobOrigin.objects.get(job=make_job_from(make_template())),
    JobTemplate: lambda: make_template(),
    JobTemplateVersion: lambda: make_template().versions.get(),
    ScalingPolicy: lambda: make_policy(),
    ScalingDecision: lambda: make_decision(),
    ScalingSchedule: lambda: make_schedule(),
    ScheduleRun: lambda: make_run(),
    Secret: lambda: Secret.objects.create(
        product_line=make_product_line(), name="key", value="s3cret", updated_by=make_user()
    ),
}
MODELS = pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)


@pytest.fixture
def sre(client: Client) -> Client:
    client.force_login(make_sre(username="sre"))
    return client


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_ours_is_here_or_has_a_reason() -> None:
    ours = {model for model in apps.get_models() if model.__module__.startswith("apps.")}
    registered = set(admin.site._registry)
    assert registered == ours - NOT_REGISTERED.keys()
    assert registered == MAKERS.keys()


@MODELS
def test_the_list_opens_with_few_queries_however_many_rows(
    sre: Client, model: type[Model], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(15):
        MAKERS[model]()
    with django_assert_max_num_queries(MAX_QUERIES):
        page = sre.get(url(model, "changelist"))
    assert page.status_code == 200
    assert len(page.context["cl"].result_list) >= 15
    if model is not Heartbeat:
        assert sre.get(url(model, "changelist"), {"q": "x"}).status_code == 200


@MODELS
def test_the_page_of_a_row_opens_with_few_queries(
    sre: Client, model: type[Model], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    row = MAKERS[model]()
    with django_assert_max_num_queries(MAX_QUERIES):
        page = sre.get(url(model, "change", row.pk))
    assert page.status_code == 200
    assert page.context["has_change_permission"] is (model in WRITABLE)
    assert page.context["has_delete_permission"] is (model in DELETABLE)
    assert sre.get(url(model, "add")).status_code == (200 if model in WRITABLE else 403)


@MODELS
def test_it_is_for_sres(client: Client, model: type[Model]) -> None:
    row = MAKERS[model]()
    client.force_login(make_user(is_staff=True, is_dba=True))
    for page in (url(model, "changelist"), url(model, "change", row.pk)):
        assert client.get(page).status_code in (302, 403)


def test_an_sre_needs_no_further_flag(client: Client) -> None:
    client.force_login(make_user(is_sre=True))
    assert client.get(reverse("admin:index")).status_code == 200
    assert client.get(url(Job, "changelist")).status_code == 200


def test_no_secret_is_shown(sre: Client) -> None:
    secret = Secret.objects.create(product_line=make_product_line(), name="key", value="s3cret")
    cluster = make_cluster(password="s3cret")
    token = token_create(user=make_user(), name="x")
    channel = make_channel(kind="webhook", config={"url": "https://example.com/s3cret", "secret": "s3cret"})
    for row in (secret, cluster, token.row, channel):
        for page in (url(type(row), "changelist"), url(type(row), "change", row.pk)):
            text = sre.get(page).content.decode()
            assert "s3cret" not in text
            assert token.key not in text
            assert token.row.digest not in text


class TestClusters:
    def form(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": "staging",
            "idc": "lg",
            "environment": "staging",
            "marathon": "http://m1:8080\nhttp://m2:8080",
            "mesos": "http://m1:5050",
            "chronos": "",
            "username": "ocean",
            "password": "s3cret",
            "enabled": "on",
            **changes,
        }

    def test_one_is_added(self, sre: Client) -> None:
        assert sre.post(url(Cluster, "add"), self.form()).status_code == 302
        cluster = Cluster.objects.get()
        assert cluster.marathon_urls == ["http://m1:8080", "http://m2:8080"]
        assert (cluster.chronos_urls, cluster.password, cluster.enabled) == ([], "s3cret", True)
        assert AuditEntry.objects.get(action="cluster.created").actor == User.objects.get(username="sre")

    def test_an_empty_password_stays_as_it_is(self, sre: Client) -> None:
        cluster = make_cluster(name="staging", password="old")
        form = self.form(password="", enabled="", mesos="http://m9:5050")
        assert sre.post(url(Cluster, "change", cluster.pk), form).status_code == 302
        cluster.refresh_from_db()
        assert (cluster.password, cluster.enabled) == ("old", False)
        assert cluster.mesos_urls == ["http://m9:5050"]
        assert "mesos_urls" in AuditEntry.objects.get(action="cluster.changed").detail["fields"]

    def test_bad_values_are_named_at_their_fields(self, sre: Client) -> None:
        page = sre.post(url(Cluster, "add"), self.form(name="a_b", mesos="m1:5050"))
        assert set(page.context["adminform"].form.errors) == {"name", "mesos"}
        assert not Cluster.objects.exists()

    def test_the_usual_expressions_of_prometheus_are_shown_and_only_others_are_kept(
        self, sre: Client
    ) -> None:
        cluster = make_cluster(name="staging")
        page = url(Cluster, "change", cluster.pk)
        shown = sre.get(page).context["adminform"].form.initial
        assert (shown["metrics_label"], shown["query_qps"]) == ("task_id", QUERIES["qps"])

        own = "sum by ($label) (rate(requests{$match}[$window]))"
        queries = {**{f"query_{name}": query for name, query in QUERIES.items()}, "query_cpu": own}
        form = self.form(metrics_label="id", **{**queries, "query_memory": ""})
        assert sre.post(page, form).status_code == 302
        cluster.refresh_from_db()
        assert (cluster.metrics_label, cluster.metrics_queries) == ("id", {"cpu": own})
        assert sre.get(page).context["adminform"].form.initial["query_cpu"] == own

        assert sre.post(page, self.form(metrics_label="", query_cpu="")).status_code == 302
        cluster.refresh_from_db()
        assert (cluster.metrics_label, cluster.metrics_queries) == ("task_id", {})

    def test_a_label_or_expression_that_is_none_is_named_at_its_field_and_kept(self, sre: Client) -> None:
        typed = {
            "metrics_label": "task id",
            "query_cpu": "rate(requests[1m])",
            "query_qps": "x{$match}[$range]",
        }
        page = sre.post(url(Cluster, "add"), self.form(**typed))
        form = page.context["adminform"].form
        assert set(form.errors) == set(typed)
        assert {name: form[name].value() for name in typed} == typed
        assert not Cluster.objects.exists()


class TestPeople:
    def test_roles_are_given_and_noted(self, sre: Client) -> None:
        user = make_user(username="new")
        form = {
            "username": "new",
            "is_dba": "on",
            "is_active": "on",
            "theme": "auto",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        }
        assert sre.post(url(User, "change", user.pk), form).status_code == 302
        user.refresh_from_db()
        assert (user.is_dba, user.is_sre) == (True, False)
        assert AuditEntry.objects.get(action="user.changed").detail == {"fields": ["is_dba"]}

    def test_a_member_is_let_in_changed_and_taken_out_by_the_service(self, sre: Client) -> None:
        line, user = make_product_line(), make_user()
        sre.post(url(Membership, "add"), {"product_line": line.pk, "user": user.pk, "role": "viewer"})
        membership = Membership.objects.get()
        sre.post(url(Membership, "change", membership.pk), {"role": "developer"})
        membership.refresh_from_db()
        assert membership.role == Role.DEVELOPER
        sre.post(url(Membership, "delete", membership.pk), {"post": "yes"})
        assert not Membership.objects.exists()
        actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
        assert list(actions) == ["member.set", "member.set", "member.remove"]

    def test_the_last_owner_stays(self, sre: Client) -> None:
        membership = make_member(role=Role.OWNER).memberships.all()[0]
        page = sre.post(url(Membership, "delete", membership.pk), {"post": "yes"})
        assert page.status_code == 400
        assert Membership.objects.exists()

    def test_a_product_lines_names_stay(self, sre: Client) -> None:
        empty = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
        new = {"cop": "xiaomi", "owt": "inf", "pdl": "ocean", "title": "Ocean"}
        assert sre.post(url(ProductLine, "add"), {**new, **empty}).status_code == 302
        line = ProductLine.objects.get()
        changed = {**new, "pdl": "other", "title": "The ocean", **empty}
        assert sre.post(url(ProductLine, "change", line.pk), changed).status_code == 302
        line.refresh_from_db()
        assert (line.tag, line.title) == ("pdl.ocean_owt.inf_cop.xiaomi", "The ocean")

    def test_tokens_are_revoked_one_by_one_through_the_service(self, sre: Client) -> None:
        rows = [token_create(user=make_user(), name="x").row for _ in range(2)]
        form = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"}
        sre.post(url(ApiToken, "changelist"), form)
        assert not ApiToken.objects.exists()
        assert AuditEntry.objects.filter(action="token.revoke").count() == 2


def test_operations_are_asked_to_end_through_the_service(sre: Client) -> None:
    active = _operation()
    ended = make_job_operation(make_job(), state=Operation.State.SUCCEEDED)
    form = {"action": "cancel", "_selected_action": [active.pk, ended.pk]}
    page = sre.post(url(Operation, "changelist"), form, follow=True)
    active.refresh_from_db()
    ended.refresh_from_db()
    assert active.cancel_requested_at is not None
    assert ended.cancel_requested_at is None
    assert "Asked for the end of 1 operation." in page.content.decode()


class TestActions:
    def ask(self, sre: Client, model: type[Model], action: str, *rows: Model) -> Any:
        form = {"action": action, "_selected_action": [row.pk for row in rows]}
        return sre.post(url(model, "changelist"), form)

    @pytest.mark.parametrize("action", ["restart", "stop", "start"])
    def test_jobs_go_to_the_page_that_shows_the_plan_first(self, sre: Client, action: str) -> None:
        jobs = [make_job(name=f"web-{number}") for number in range(2)]
        answer = self.ask(sre, Job, f"{action}_jobs", *jobs)
        address = answer["Location"]
        assert address.startswith(f"/releases/new/?action={action}&job=")
        assert all(quote(job.tag) in address for job in jobs)
        assert sre.get(address).status_code == 200
        assert not Release.objects.exists()

    def test_deleted_and_too_many_jobs_are_said_so(self, sre: Client) -> None:
        gone = make_job(deleted_at=timezone.now())
        assert self.ask(sre, Job, "restart_jobs", gone)["Location"].startswith("/admin/")
        many = [make_job() for _ in range(51)]
        sre.post(
            url(Job, "changelist"), {"action": "stop_jobs", "_selected_action": [job.pk for job in many]}
        )
        seen = sre.get(url(Job, "changelist")).content.decode()
        assert "None of them is there any more." in seen
        assert "Choose 50 jobs at most" in seen

    def test_a_snapshot_is_asked_for_and_noted(
        self, sre: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
    ) -> None:
        sent: list[tuple[Any, ...]] = []
        monkeypatch.setattr(
            "apps.jobs.services.look.send", lambda *args, **options: sent.append((args, options))
        )
        cluster, off = make_cluster(), make_cluster(enabled=False)
        job = make_job(cluster=cluster)
        with django_capture_on_commit_callbacks(execute=True):
            self.ask(sre, Cluster, "look_at_clusters", cluster, off)
            self.ask(sre, Job, "look_at_clusters_of_jobs", job)
        assert sent == [(("jobs.look_at_cluster", cluster.pk), {"queue": "background"})] * 2
        noted = AuditEntry.objects.filter(action="cluster.look").values_list("object", flat=True)
        assert list(noted) == [cluster.name] * 2

    def test_releases_are_called_off_and_scalings_kept_through_the_services(self, sre: Client) -> None:
        release = make_release(make_job())
        operation = make_job_operation(
            make_job(), kind="release.run", target_type="release", target_id=release.pk
        )
        Release.objects.filter(pk=release.pk).update(operation=operation)
        self.ask(sre, Release, "cancel_releases", release)
        operation.refresh_from_db()
        assert operation.cancel_requested_at is not None
        expiry = ScaleExpiry.objects.create(job=make_job(), at=timezone.now(), during=6, instances=3)
        self.ask(sre, ScaleExpiry, "keep_scalings", expiry)
        assert not ScaleExpiry.objects.exists()
        assert JobEvent.objects.filter(job=expiry.job, key__startswith="expiry-kept:").exists()

    def test_operations_are_paused_and_resumed_where_they_can_be(self, sre: Client) -> None:
        publish = make_job_operation(
            make_job(), kind="job.publish", parameters={"strategy": {"kind": "rolling"}}
        )
        ended = make_job_operation(make_job(), kind="job.publish", state=Operation.State.SUCCEEDED)
        self.ask(sre, Operation, "pause", publish, ended)
        seen = sre.get(url(Operation, "changelist")).content.decode()
        assert f"Operation #{ended.pk} (publish) cannot be told this now" in seen
        publish.refresh_from_db()
        assert publish.paused_at is not None
        self.ask(sre, Operation, "resume", publish)
        publish.refresh_from_db()
        assert publish.paused_at is None

    def test_a_view_that_nobody_needs_is_deleted_through_the_service(self, sre: Client) -> None:
        line = make_product_line()
        view = view_save(name="x", query="state=draft", by=make_sre(), product_line=line)
        sre.post(url(SavedView, "delete", view.pk), {"post": "yes"})
        assert not SavedView.objects.exists()
        assert AuditEntry.objects.filter(action="view.delete", product_line=line).exists()


def test_a_snapshot_of_a_cluster_that_is_away_is_no_crash() -> None:
    look_at_cluster(make_cluster().pk)
