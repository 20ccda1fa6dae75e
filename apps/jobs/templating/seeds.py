"""The job templates that every installation starts with; SREs change them and add theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.jobs.models import JobTemplate, JobTemplateVersion
from apps.jobs.templating.services import template_check


@dataclass(frozen=True, slots=True)
class _Seed:
    name: str
    title: str
    title_zh: str
    spec: dict[str, Any]
    parameters: tuple[dict[str, Any], ...] = ()


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
        "web-server",
        "Web server with parameters",
        "带参数的 Web 服务器",
        {
            "command": "exec python3 -m http.server --directory {{ directory }} $PORT0",
            "cpus": "{{ cpus }}",
            "memory_mib": 64,
            "instances": "{{ instances }}",
            "ports": [{"name": "http"}],
            "env": {"LEVEL": "{{ level }}"},
            "health_checks": [_HTTP_CHECK | {"path": "{{ health_path }}"}],
        },
        (
            {
                "name": "directory",
                "default": ".",
                "label_en": "Folder to serve",
                "label_zh": "提供服务的目录",
                "help_en": "Inside the instance's folder.",
                "help_zh": "位于实例目录内。",
            },
            {
                "name": "instances",
                "type": "integer",
                "default": 3,
                "min": 1,
                "max": 100,
                "label_en": "Instances",
                "label_zh": "实例数",
            },
            {
                "name": "cpus",
                "type": "number",
                "default": 0.1,
                "min": 0.01,
                "max": 8,
                "label_en": "CPU of each",
                "label_zh": "每个实例的 CPU",
            },
            {
                "name": "level",
                "type": "choice",
                "default": "info",
                "choices": ["debug", "info", "warning"],
                "label_en": "Log level",
                "label_zh": "日志级别",
            },
            {
                "name": "health_path",
                "default": "/",
                "label_en": "Health check's path",
                "label_zh": "健康检查路径",
            },
        ),
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
    for seed in new:
        spec, parameters = template_check(seed.spec, list(seed.parameters))
        with transaction.atomic():
            template, created = JobTemplate.objects.get_or_create(
                name=seed.name,
                defaults={"title": seed.title, "title_zh": seed.title_zh, "latest_version": 1},
            )
            if created:
                JobTemplateVersion.objects.create(
                    template=template, number=1, spec=spec, parameters=parameters
                )
    return [seed.name for seed in new]
