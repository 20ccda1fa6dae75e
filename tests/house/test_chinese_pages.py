"""Every page in Chinese: what it says in the same words as in English was forgotten, unless it is a name or a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from apps.accounts import urls as accounts_urls
from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core import urls as core_urls
from apps.core.audit import audit
from apps.core.models import Heartbeat, Operation
from apps.core.tests.factories import (
    make_channel,
    make_cluster,
    make_delivery,
    make_drift,
    make_group,
    make_watch,
)
from apps.elastic import urls as elastic_urls
from apps.elastic.tests.factories import make_decision, make_policy, make_run
from apps.hosts import urls as hosts_urls
from apps.hosts.tests.factories import make_host
from apps.jobs import urls as jobs_urls
from apps.jobs.explain import missing, stale_mirror
from apps.jobs.models import (
    DefinitionStamp,
    GoneInstance,
    Instance,
    Job,
    ScaleExpiry,
    SideWorkload,
)
from apps.jobs.services.history import Happening, history_add
from apps.jobs.services.personal import favourite_set, view_save
from apps.jobs.services.secrets import secret_set
from apps.jobs.services.usage import usage_count
from apps.jobs.tests.factories import (
    make_instance,
    make_job,
    make_job_from,
    make_job_operation,
    make_release,
    make_running_job,
    make_spec,
    make_template,
    make_template_version,
    make_version,
)

pytestmark = pytest.mark.django_db

NOT_PAGES = {
    # answered to a POST, or a stream, or a list of options
    "accounts:logout", "accounts:password", "accounts:token_new", "accounts:token_replace",
    "accounts:token_revoke", "core:live", "core:operation_cancel", "core:operation_tell",
    "elastic:pause", "elastic:resume", "elastic:approve", "elastic:renew_callback", "elastic:backtest",
    "elastic:pause_all", "elastic:resume_all",
    "core:notification_group_delete", "core:notification_member", "core:notification_member_remove",
    "core:notification_channel_delete", "core:notification_channel_test", "core:drift_fix",
    "jobs:api_call", "jobs:api_call_new",
    "jobs:dependency_options", "jobs:secret_options", "jobs:member", "jobs:member_remove", "jobs:secret",
    "jobs:secret_delete", "jobs:star", "jobs:view_delete", "jobs:view_new", "jobs:tags", "jobs:expiry_keep",
    "jobs:release_cancel", "jobs:release_pause", "jobs:release_resume", "jobs:release_undo",
    "jobs:template_delete",
}  # fmt: skip
ALIKE = {
    # names, units and codes that are written alike in both languages
    "Ocean", "Agent", "English", "API", "JSON", "CPU", "GPU", "GiB", "MiB", "Mbit", "ms", "QPS", "HTTP", "TCP", "IP",
    "ID", "SRE", "DBA", "UTC", "YAML", "Prometheus", "Chronos",
    # an example of a command
    "curl", "POST",
    # the words of specs and rows, where they stand as they are stored
    "http", "tcp", "udp", "GET", "stdout", "stderr", "data", "hostname", "rack", "idc", "lg", "xiaomi", "inf", "job",
    "staging", "beside", "cpu", "steady",
    # what Django's admin site says of its icons, in English only
    "Search", "True", "False", "None",
}  # fmt: skip
SMS = {
    "url": "https://x-1/",
    "method": "POST",
    "content_type": "application/json",
    "body": "",
    "phones": ["1"],
}
WORD = re.compile(r"(?<![\w.$/@:=-])[A-Za-z]{2,}(?![\w$/@=-]|[.:][\w/…])")
"""A word of its own: not a part of a tag, path, address or variable. (So the rows below have names with a number.)"""


def _routes() -> dict[str, URLPattern]:
    modules = (accounts_urls, core_urls, elastic_urls, hosts_urls, jobs_urls)
    found = {
        f"{module.app_name}:{pattern.name}": pattern
        for module in modules
        for pattern in module.urlpatterns
        if isinstance(pattern, URLPattern)
    }
    return {name: pattern for name, pattern in found.items() if name not in NOT_PAGES}


ROUTES = _routes()
ADMIN_MODELS = [model._meta.label_lower for model in admin.site._registry]


class Texts(HTMLParser):
    """The texts and the spoken or hovering attributes of a page, without what is quoted as code."""

    ATTRIBUTES = ("title", "placeholder", "aria-label", "alt", "data-label", "data-failed", "label")
    QUOTED = ("code", "kbd", "pre", "script", "style", "textarea")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._quoted = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quoted += tag in self.QUOTED
        self.found |= {value.strip() for name, value in attrs if value and name in self.ATTRIBUTES}

    def handle_endtag(self, tag: str) -> None:
        self._quoted -= tag in self.QUOTED

    def handle_data(self, data: str) -> None:
        if not self._quoted and not data.startswith(('{"', '[{"')):  # the admin site shows JSON as it is
            self.found.add(" ".join(data.split()))


def forgotten(english: str, chinese: str) -> list[str]:
    """The texts that have English words and are the same on both pages."""
    same = Texts(english).found & Texts(chinese).found
    return sorted(text for text in same if set(WORD.findall(text)) - ALIKE)


@pytest.fixture
def values(sre: User) -> dict[str, Any]:
    """A console in which a lot goes on, and the values for the addresses of its pages."""
    line = make_product_line()
    make_member(line)
    cluster = make_cluster()
    long_ago = timezone.now() - timedelta(minutes=7)
    Heartbeat.objects.create(name="x-1", at=long_ago)
    make_watch(cluster, heartbeat_at=long_ago, synced_at=long_ago)
    host = make_host(cluster=cluster)
    spec = make_spec(
        command="./run-1",
        env={"LEVEL_1": "x-1", "KEY_1": {"secret": "key-1"}},
        files=[{"path": "conf/app.conf", "content": "x"}],
        fetch=[{"uri": "https://example.com/x.tar.gz"}],
        labels={"a": "b"},
        constraints=[{"field": "rack", "operator": "GROUP_BY", "value": ""}],
        volumes=[{"path": "data", "size_mib": 10}],
        strategy={"kind": "rolling", "max_surge": 0, "max_unavailable": 1},
    )
    job = make_running_job(product_line=line, cluster=cluster, spec=spec, instances=2)
    make_version(job, spec={"env": {}})
    Job.objects.filter(pk=job.pk).update(running_version=2, target_version=2)
    DefinitionStamp.objects.create(job=job, changed_at=long_ago, version=1)
    SideWorkload.objects.create(job=job, seen_at=long_ago, config_changed_at=long_ago, version=2)
    operation = make_job_operation(
        job,
        kind="job.publish",
        state=Operation.State.WAITING,
        parameters={"asked": {}, "version": 2, "shrink": True, "strategy": {"kind": "rolling", "batch": 1}},
    )
    ill = make_job(
        product_line=line,
        cluster=cluster,
        state=Job.State.DEGRADED,
        wanted=2,
        problems=[
            problem.as_json() for problem in [missing(), stale_mirror(cluster="c3", age_s=9, error="")]
        ],
    )
    make_instance(job=ill, state=Instance.State.UNREACHABLE, healthy=None)
    history_add(job, Happening("x-1", "x", "Not as wanted: %(well)s of %(wanted)s instances are well.", {}))
    secret_set(product_line=line, name="key-1", value="x", by=sre)
    favourite_set(job=job, by=sre, starred=True)
    view_save(name="x-1", query="state=draft", by=sre, product_line=line)
    usage_count(now=timezone.now())
    SideWorkload.objects.create(job=ill, version=2, seen_at=long_ago, config_changed_at=long_ago)
    GoneInstance.objects.create(job=job, task_id="x.1", host="x-1", gone_at=long_ago)
    ScaleExpiry.objects.create(job=job, at=timezone.now() + timedelta(hours=1), during=6, instances=2)
    release = make_release(job)
    parameters = [{"name": "size_1", "type": "integer", "required": True, "max": 9}]
    template = make_template(spec={"command": "./run-1", "instances": "{{ size_1 }}"}, parameters=parameters)
    make_job_from(template, {"size_1": 2}, product_line=line, cluster=cluster, name="x-2")
    make_policy(job=job)
    make_decision(job=job)
    make_run()
    make_template_version(template, spec={"command": "./run-2"})
    audit(by=None, action="member.set", object="x-1", product_line=line, role="x", fields=["x-1"])
    group = make_group(name="group-1", members=[sre], product_line=line)
    make_delivery(make_channel(group, kind="webhook", config={"url": "https://example.com/x"}), error="x-1")
    channel = make_channel(group, kind="sms", name="x-1", failed_at=long_ago, error="x-1", config=SMS)
    delivery = make_delivery(channel, state="failed", told={"events": 3})
    drift = make_drift(kind="x-1", object="job.x-1", cluster=cluster)
    task_id = Instance.objects.filter(job=job).values_list("task_id", flat=True)[0]
    return {
        "jobs": {"tag": job.tag, "number": 1, "task_id": task_id},
        "product-lines": {"tag": line.tag},
        "others": {
            "operation_id": operation.pk,
            "release_id": release.pk,
            "cluster": cluster.name,
            "hostname": host.hostname,
            "name": template.name,
            "drift_id": drift.pk,
        },
        "notifications": {
            "name": group.name,
            "kind": "apprise",
            "channel_id": channel.pk,
            "notification_id": delivery.notification_id,
        },
    }


@pytest.fixture
def sre() -> User:
    person = make_sre()
    token_create(user=person, name="x-1")
    return person


def both(path: str, *, person: User | None) -> Iterator[str]:
    """The page in English, then in Chinese."""
    for language in ("en", "zh-hans"):
        client = Client(headers={"accept-language": language})
        if person:
            client.force_login(person)
        response = client.get(path)
        assert response.status_code == 200, path
        html = response.content.decode()
        assert "<html" not in html or f'lang="{language}"' in html
        yield html


@pytest.mark.parametrize("route", ROUTES)
def test_a_page_of_the_console_says_all_in_chinese(route: str, values: dict[str, Any], sre: User) -> None:
    pattern = ROUTES[route]
    path = str(pattern.pattern)
    place = next((place for place in ("product-lines", "notifications") if path.startswith(place)), "jobs")
    known = {**values["others"], **values[place]}
    path = reverse(route, kwargs={name: known[name] for name in pattern.pattern.converters})
    query = {
        "jobs:rollback": "?version=1",
        "jobs:log_piece": f"?task={known.get('task_id')}",
        "core:search": "?q=1",
        "jobs:template_diff": "?from=1&to=2",
    }
    english, chinese = both(path + query.get(route, ""), person=None if route == "accounts:login" else sre)
    assert forgotten(english, chinese) == []


@pytest.mark.parametrize("model", ADMIN_MODELS)
def test_a_list_of_the_admin_site_says_all_in_chinese(model: str, values: dict[str, Any], sre: User) -> None:
    english, chinese = both(reverse(f"admin:{model.replace('.', '_')}_changelist"), person=sre)
    assert forgotten(english, chinese) == []


@pytest.mark.parametrize("model", ADMIN_MODELS)
def test_a_row_of_the_admin_site_says_all_in_chinese(model: str, values: dict[str, Any], sre: User) -> None:
    row = apps.get_model(model).objects.first()
    assert row is not None, f"the fixture makes no {model}"
    english, chinese = both(reverse(f"admin:{model.replace('.', '_')}_change", args=[row.pk]), person=sre)
    assert forgotten(english, chinese) == []


@pytest.mark.parametrize("path", ["/jobs/none/", "/nowhere/"])
def test_an_error_page_is_in_chinese(path: str, sre: User) -> None:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(sre)
    assert "这里什么都没有" in client.get(path).content.decode()


def test_what_is_forgotten_is_found() -> None:
    page = '<p title="Ask an owner">{}</p><code>as it is</code><b>lg-ocean-node01.staging</b><i>CPU</i>'
    assert forgotten(page.format("Jobs by state"), page.format("任务状态分布")) == ["Ask an owner"]
    assert forgotten(page.format("Save it"), page.format("Save it")) == ["Ask an owner", "Save it"]
