"""The job templates that every installation starts with; SREs change and add theirs in the admin site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.jobs.models import JobTemplate
from apps.jobs.spec import spec_validate


@dataclass(frozen=True, slots=True)
class _Seed:
    name: str
    title: str
    title_zh: str
    spec: dict[str, Any]


_HTTP_CHECK = {"type": "http", "port": "http", "path": "/", "grace_s": 10, "interval_s": 5, "timeout_s": 3}

SEEDS = (
    _Seed(
        "web-service",
        "Web service",
        "Web 服务",
        {
            "command": "python3 -m http.server $PORT0",
            "cpus": 0.1,
            "memory_mib": 64,
            "instances": 3,
            "ports": [{"name": "http"}],
            "health_checks": [_HTTP_CHECK],
        },
    ),
    _Seed(
        "static-files",
        "Static files",
        "静态文件",
        {
            "command": "python3 -m http.server --directory site $PORT0",
            "cpus": 0.1,
            "memory_mib": 64,
            "instances": 2,
            "ports": [{"name": "http"}],
            "files": [{"path": "site/index.html", "content": "<!doctype html>\n<title>It works</title>\n"}],
            "health_checks": [_HTTP_CHECK | {"path": "/index.html"}],
        },
    ),
    _Seed(
        "tcp-service",
        "TCP service",
        "TCP 服务",
        {
            "command": "exec ./server --port $PORT0",
            "cpus": 0.5,
            "memory_mib": 256,
            "instances": 2,
            "ports": [{"name": "main"}],
            "health_checks": [{"type": "tcp", "port": "main", "grace_s": 20}],
            "constraints": [{"field": "hostname", "operator": "UNIQUE"}],
        },
    ),
    _Seed(
        "worker",
        "Background worker",
        "后台任务",
        {
            "command": "while true; do date; sleep 5; done",
            "cpus": 0.1,
            "memory_mib": 32,
            "instances": 1,
            "kill_grace_s": 30,
        },
    ),
    _Seed(
        "stateful",
        "Service with a volume",
        "带持久卷的服务",
        {
            "command": "python3 -m http.server --directory data $PORT0",
            "cpus": 0.1,
            "memory_mib": 64,
            "instances": 1,
            "ports": [{"name": "http"}],
            "volumes": [{"path": "data", "size_mib": 256}],
            "health_checks": [_HTTP_CHECK],
            "strategy": {"max_unavailable": 1, "max_surge": 0},
        },
    ),
)


def job_templates_seed() -> list[str]:
    """Add the templates that are missing by name; those that are there may have been edited and are left alone.
    Returns the names of the new ones."""
    known = set(JobTemplate.objects.values_list("name", flat=True))
    new = [seed for seed in SEEDS if seed.name not in known]
    JobTemplate.objects.bulk_create(
        [
            JobTemplate(
                name=seed.name, title=seed.title, title_zh=seed.title_zh, spec=spec_validate(seed.spec)
            )
            for seed in new
        ],
        ignore_conflicts=True,
    )
    return [seed.name for seed in new]
