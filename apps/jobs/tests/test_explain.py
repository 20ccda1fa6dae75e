"""The catalogue of reasons: one situation a case, its sentence, and the smallest change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from apps.core.models import render_line
from apps.jobs.explain import (
    Answer,
    Dependency,
    Ended,
    Facts,
    HostFacts,
    LastWords,
    Problem,
    explain,
    render_problem,
    standing,
    summarise,
)
from apps.jobs.tests.factories import make_spec
from apps.jobs.tests.test_planning import NEW, OLD, instance, workload
from engines.base import (
    DeclineReason,
    DeploymentId,
    HealthResult,
    InstanceId,
    InstanceState,
    Waiting,
    WorkloadId,
)

NOW = NEW + timedelta(minutes=1)


ERROR_PAGE = """<!DOCTYPE HTML>
<html lang="en">
  <head><meta charset="utf-8"><title>Oops</title><style>p { color: red }</style></head>
  <body><h1>Error response</h1><script>let x = "<p>no</p>";</script><p>Error code: 500 &amp; nothing else.</p></bo"""


def host(name: str, *, cpus: float = 4, mem: float = 8192, used: float = 0, **attributes: str) -> HostFacts:
    total = {"cpus": cpus, "mem": mem, "disk": 51200.0}
    return HostFacts(name, total, {"cpus": used}, {"rack": "r1", **attributes})


HOSTS = (
    host("host-1", used=1),
    host("host-2", used=2.5, rack="r2"),
    host("host-3", cpus=16, used=4.5, rack="r3"),
)


def spec(**fields: Any) -> dict[str, Any]:
    return make_spec(**{"health_checks": [], "instances": 2, **fields})


def rule(field_name: str, operator: str, value: str | None = None) -> dict[str, Any]:
    return {"field": field_name, "operator": operator, "value": value}


def waits(*reasons: DeclineReason, count: int = 2, **overrides: Any) -> Waiting:
    values: dict[str, Any] = {
        "workload_id": WorkloadId("/a"),
        "count": count,
        "delay_s": 0,
        "since": NOW - timedelta(seconds=3),
        "reasons": reasons,
        **overrides,
    }
    return Waiting(**values)


def health(name: str, cause: str, *, failures: int = 1, **overrides: Any) -> HealthResult:
    return HealthResult(InstanceId(name), False, failures, cause, NEW, **overrides)


def ended(message: str, *, seconds: int = 0, **overrides: Any) -> Ended:
    values: dict[str, Any] = {
        "instance_id": f"x{seconds}",
        "state": InstanceState.FAILED,
        "host": "host-1",
        "message": message,
        "at": NOW - timedelta(seconds=seconds),
        **overrides,
    }
    return Ended(**values)


def facts(**overrides: Any) -> Facts:
    values: dict[str, Any] = {
        "now": NOW,
        "cluster": "staging",
        "spec": spec(),
        "status": workload(wanted=2, has_health_checks=False),
        "hosts": HOSTS,
        **overrides,
    }
    return Facts(**values)


def waiting(
    *, count: int = 2, reasons: tuple[DeclineReason, ...] = (), on: tuple[str, ...] = (), **fields: Any
) -> Facts:
    """Two instances wait for a host, for a spec of these fields; others are on the hosts `on` already."""
    found = spec(**fields)
    there = [instance(f"i{n}", host=name) for n, name in enumerate(on)]
    status = replace(workload(*there, wanted=found["instances"], has_health_checks=False))
    return facts(spec=found, status=status, waiting=waits(*reasons, count=count))


def crashed(message: str, *, wrote: tuple[str, ...] = (), ends: int = 1, **fields: Any) -> Facts:
    ends_before = tuple(ended(message, seconds=30 * n) for n in range(ends))
    words = LastWords("x0", wrote) if wrote else None
    return facts(spec=spec(**fields), ended=ends_before, last_words=words)


def checked(*results: HealthResult, healthy: bool | None = False, **overrides: Any) -> Facts:
    fields = overrides.pop("fields", {})
    check = {
        "type": "http",
        "port": "http",
        "path": "/health",
        "grace_s": 30,
        "interval_s": 10,
        "failures": 3,
    }
    status = workload(instance("new", healthy=healthy, host="host-1", ports=(31000,)), wanted=1)
    return facts(
        spec=spec(instances=1, **{"health_checks": [check], **fields}),
        status=status,
        health=results,
        **overrides,
    )


@dataclass(frozen=True)
class Case:
    """A situation, the rule that has to find it, and what it has to say."""

    code: str
    facts: Facts
    what: str
    why: str = ""
    hint: str = ""
    change: Mapping[str, Any] | None = None
    severity: str = "error"
    hosts: tuple[str, ...] = field(default=())


def changed(name: str, before: Any, to: Any) -> dict[str, Any]:
    return {"field": name, "from": before, "to": to}


CASES = [
    # --- capacity
    Case(
        "no_hosts",
        facts(
            waiting=waits(),
            hosts=(replace(HOSTS[0], state="draining"), replace(HOSTS[1], state="gone")),
        ),
        "staging has no host in service.",
        "Of its hosts (2) are draining: 1, out of reach: 1. They are host-1, host-2.",
        hosts=("host-1", "host-2"),
    ),
    Case(
        "cpus_too_large",
        waiting(cpus=400),
        "No host of staging has 400 CPUs: the largest, host-3, has 16 CPUs (11.5 free now).",
        hint="Ask for at most 16 CPUs for each instance.",
        change=changed("spec.cpus", 400.0, 16.0),
        hosts=("host-3",),
    ),
    Case(
        "memory_mib_too_large",
        waiting(memory_mib=65536),
        "No host of staging has 64 GiB of memory: the largest, host-1, has 8 GiB of memory (8 GiB free now).",
        change=changed("spec.memory_mib", 65536, 8192),
        hosts=("host-1",),
    ),
    Case(
        "disk_mib_too_large",
        waiting(
            disk_mib=1000, volumes=[{"path": "data", "size_mib": 51000}], strategy={"max_unavailable": 1}
        ),
        "No host of staging has 52000 MiB of disk: the largest, host-1, has 50 GiB of disk (50 GiB free now).",
        change=changed("spec.disk_mib", 1000, 200),
        hosts=("host-1",),
    ),
    Case(
        "gpus_too_large",
        waiting(gpus=1),
        "No host of staging has any of what is asked for: 1 GPU.",
        hint="Leave it out, or use a cluster whose hosts have it.",
        change=changed("spec.gpus", 1, 0),
    ),
    Case(
        "cpus_too_large",
        waiting(cpus=8, constraints=[rule("rack", "LIKE", "r[12]")]),
        "None of the 2 hosts that meet the constraints has 8 CPUs: the largest, host-1, has 4 CPUs (3 free now).",
        "host-3 has as much, but does not meet the constraints (rack LIKE r[12]).",
        change=changed("spec.cpus", 8.0, 4.0),
        hosts=("host-1", "host-3"),
    ),
    Case(
        "too_large_together",
        replace(waiting(cpus=8, memory_mib=9000), hosts=(*HOSTS, host("host-4", mem=16384))),
        "No host of staging has 8 CPUs and 9000 MiB of memory together.",
        "The one that comes closest, host-3, has 16 CPUs and 8 GiB of memory.",
        change=changed("spec.memory_mib", 9000, 8192),
        hosts=("host-3",),
    ),
    Case(
        "hosts_full",
        waiting(cpus=12),
        "No host of staging has 12 CPUs free now: the one that comes closest, host-3, has 11.5 CPUs free of 16 CPUs.",
        hint="Ask for at most 11.5 CPUs for each instance, or end something that is not needed there.",
        change=changed("spec.cpus", 12.0, 11.5),
        hosts=("host-3",),
    ),
    Case(
        "room_for_some",
        waiting(cpus=3, count=6, instances=6),
        "There is room for 4 of the 6 instances that wait.",
        hint="Ask for 4 instances in all, or for less for each.",
        change=changed("spec.instances", 6, 4),
    ),
    # --- placement
    Case(
        "attribute_unknown",
        waiting(constraints=[rule("rakc", "IS", "r1")]),
        "No host of staging has the attribute rakc, which the constraint rakc IS r1 asks for.",
        "Its hosts have: rack.",
        "Perhaps rack was meant.",
        changed("spec.constraints[0].field", "rakc", "rack"),
    ),
    Case(
        "attribute_unknown",
        waiting(constraints=[rule("ssd", "IS", "yes")]),
        "No host of staging has the attribute ssd, which the constraint ssd IS yes asks for.",
        hint="Leave the constraint ssd IS yes out, or use another cluster.",
        change=changed("spec.constraints[0]", rule("ssd", "IS", "yes"), None),
    ),
    Case(
        "constraint_unmet",
        waiting(constraints=[rule("rack", "IS", "r22")]),
        "No host of staging meets the constraint rack IS r22.",
        "The hosts' rack is r1, r2, r3.",
        "Perhaps r2 was meant.",
        changed("spec.constraints[0].value", "r22", "r2"),
    ),
    Case(
        "constraint_unmet",
        waiting(constraints=[rule("hostname", "LIKE", "nohost.*")]),
        "No host of staging meets the constraint hostname LIKE nohost.*.",
        "The hosts' host name is host-1, host-2, host-3.",
        change=changed("spec.constraints[0]", rule("hostname", "LIKE", "nohost.*"), None),
        hosts=("host-1", "host-2", "host-3"),
    ),
    Case(
        "constraint_unmet",
        waiting(constraints=[rule("rack", "UNLIKE", "r.")]),
        "No host of staging meets the constraint rack UNLIKE r..",
        change=changed("spec.constraints[0]", rule("rack", "UNLIKE", "r."), None),
    ),
    Case(
        "constraints_conflict",
        waiting(constraints=[rule("rack", "CLUSTER", "r1"), rule("hostname", "UNLIKE", "host-[12]")]),
        "No host of staging meets all constraints at once: rack CLUSTER r1, hostname UNLIKE host-[12].",
        "Without rack CLUSTER r1 there would be 1: host-3.",
        change=changed("spec.constraints[0]", rule("rack", "CLUSTER", "r1"), None),
        hosts=("host-3",),
    ),
    Case(
        "constraint_limit",
        waiting(constraints=[rule("hostname", "UNIQUE")], instances=5, on=("host-1", "host-2", "host-3")),
        "The constraint hostname UNIQUE lets at most 3 instances run in staging; 5 are wanted.",
        hint="Ask for 3 instances, or loosen the constraint.",
        change=changed("spec.instances", 5, 3),
        hosts=("host-1", "host-2", "host-3"),
    ),
    Case(
        "constraint_limit",
        waiting(constraints=[rule("rack", "MAX_PER", "2")], instances=9),
        "The constraint rack MAX_PER 2 lets at most 6 instances run in staging; 9 are wanted.",
        "There are 3 values of rack with a host in service: r1, r2, r3.",
        change=changed("spec.instances", 9, 6),
    ),
    Case(
        "constraint_taken",
        waiting(
            constraints=[rule("rack", "GROUP_BY", "4")],
            on=("host-1", "host-2", "host-3"),
            instances=4,
            count=1,
        ),
        "The constraint rack GROUP_BY 4 leaves no host for one more instance of this job.",
        "The job's instances are already on host-1, host-2, host-3.",
        hosts=("host-1", "host-2", "host-3"),
    ),
    Case(
        "constraint_taken",
        replace(
            waiting(constraints=[rule("hostname", "UNIQUE")], instances=3),
            status=workload(
                *(instance(name, host=name, engine_version=OLD) for name in ("host-1", "host-2", "host-3")),
                wanted=3,
                has_health_checks=False,
            ),
        ),
        "The constraint hostname UNIQUE leaves no host for one more instance of this job.",
        "Instances of the earlier version are still there, and the publish starts a new one before it ends an old one.",
        change=changed("spec.strategy.max_unavailable", 0, 1),
        hosts=("host-1", "host-2", "host-3"),
    ),
    # --- what only the scheduler knows
    Case(
        "offers_declined",
        waiting(reasons=(DeclineReason("UnfulfilledRole", 3, 3),)),
        "Instances that wait for a host: 2.",
        "The hosts' resources are kept for other roles (3 of 3 offers refused).",
    ),
    Case(
        "offers_declined",
        waiting(reasons=(DeclineReason("InsufficientPorts", 3, 3),)),
        "Instances that wait for a host: 2.",
        "No host has so many ports free, 1 for each instance (3 of 3 offers refused).",
    ),
    Case(
        "offers_declined",
        waiting(reasons=(DeclineReason("SomethingNew", 3, 3),)),
        "Instances that wait for a host: 2.",
        "The scheduler says: SomethingNew (3 of 3 offers refused).",
    ),
    Case(
        "offers_declined",
        replace(
            waiting(reasons=(DeclineReason("InsufficientCpus", 2, 3), DeclineReason("UnfulfilledRole", 1, 1)))
        ),
        "Instances that wait for a host: 2.",
        "No offer has enough CPUs free (2 of 3 offers refused).",
    ),
    Case(
        "no_offers",
        facts(waiting=waits(since=NOW - timedelta(minutes=1))),
        "Instances that wait for a host: 2.",
        "No host has made an offer yet.",
        severity="warning",
    ),
    Case(
        "about_to_start",
        facts(waiting=waits()),
        "The hosts have room for the 2 instances that wait; the scheduler is about to start them.",
        severity="info",
    ),
    # --- crashes
    Case(
        "command_not_found",
        crashed(
            "Command exited with status 127",
            wrote=("sh: 1: pyhton3: not found",),
            command="pyhton3 -m http.server $PORT0",
        ),
        "The command was not found: pyhton3 (exit code 127 on host-1).",
        'It last wrote: "sh: 1: pyhton3: not found".',
        "Perhaps python3 was meant.",
        changed("spec.command", "pyhton3 -m http.server $PORT0", "python3 -m http.server $PORT0"),
        hosts=("host-1",),
    ),
    Case(
        "command_not_found",
        crashed("Command exited with status 127", ends=5, command="LEVEL=1 exec ngnix -g 'daemon off;'"),
        "The command was not found: ngnix (exit code 127 on host-1, 5 times in 2 min).",
        hint="Perhaps nginx was meant.",
        change=changed(
            "spec.command", "LEVEL=1 exec ngnix -g 'daemon off;'", "LEVEL=1 exec nginx -g 'daemon off;'"
        ),
        hosts=("host-1",),
    ),
    Case(
        "command_not_found",
        crashed(
            "Command exited with status 127", wrote=("/bin/sh: zzyzx: command not found",), command="zzyzx"
        ),
        "The command was not found: zzyzx (exit code 127 on host-1).",
        hint="Correct the command, or bring the program along: in the image, or as a file that is fetched.",
        hosts=("host-1",),
    ),
    Case(
        "not_executable",
        crashed(
            "Command exited with status 126",
            wrote=("sh: 1: ./serve.sh: Permission denied",),
            command="./serve.sh",
            fetch=[{"uri": "https://example.com/serve.sh"}],
        ),
        "The command cannot be executed: ./serve.sh (exit code 126 on host-1).",
        hint="Mark the fetched file ./serve.sh as executable.",
        change=changed("spec.fetch[0].executable", False, True),
        hosts=("host-1",),
    ),
    Case(
        "not_executable",
        crashed("Command exited with status 126", command="./serve.sh"),
        "The command cannot be executed: ./serve.sh (exit code 126 on host-1).",
        hint="Make the file executable first (chmod +x), or call its interpreter.",
        hosts=("host-1",),
    ),
    Case(
        "killed_by_sigkill",
        crashed("Command exited with status 137", memory_mib=64, ends=2),
        "The instance on host-1 was killed by SIGKILL (exit code 137 = 128 + 9), 2 times in 30 s.",
        "Nobody asked for it here. Most often the host's kernel does that to what uses too much memory; it has 64 MiB.",
        "Ask for more memory, 128 MiB for example, or see in its log what ended it.",
        changed("spec.memory_mib", 64, 128),
        hosts=("host-1",),
    ),
    Case(
        "killed_by_sigkill",
        crashed("Command terminated with signal Killed", memory_mib=64),
        "The instance on host-1 was killed by SIGKILL.",
        change=changed("spec.memory_mib", 64, 128),
        hosts=("host-1",),
    ),
    Case(
        "killed_by_sigterm",
        crashed("Command terminated with signal Terminated"),
        "The instance on host-1 was killed by SIGTERM.",
        "Somebody or something outside of Ocean asked it to end.",
        hosts=("host-1",),
    ),
    Case(
        "killed_by_sigsegv",
        crashed("Command exited with status 139"),
        "The instance on host-1 was killed by SIGSEGV (exit code 139 = 128 + 11).",
        "It used memory that is not its own: a fault of the program, or a library that does not fit.",
        hosts=("host-1",),
    ),
    Case(
        "killed_by_sigabrt",
        crashed("Command terminated with signal Aborted (core dumped)"),
        "The instance on host-1 was killed by SIGABRT.",
        "It gave up by itself after an error that it could not handle.",
        hosts=("host-1",),
    ),
    Case(
        "out_of_memory",
        crashed("Memory limit exceeded: Requested: 64MB Maximum Used: 64MB", memory_mib=64),
        "The instance on host-1 used more than its memory, 64 MiB, and was killed.",
        'The scheduler said: "Memory limit exceeded: Requested: 64MB Maximum Used: 64MB".',
        "Ask for more: 128 MiB.",
        changed("spec.memory_mib", 64, 128),
        hosts=("host-1",),
    ),
    Case(
        "out_of_disk",
        crashed("Disk usage (120MB) exceeds quota (100MB)", disk_mib=100),
        "The instance on host-1 wrote more than its disk, 100 MiB, and was killed.",
        change=changed("spec.disk_mib", 100, 200),
        hosts=("host-1",),
    ),
    Case(
        "finished",
        facts(ended=(ended("Command exited with status 0", state=InstanceState.FINISHED, ran_s=0.3),)),
        "The command ends by itself, with success, though it should run on (on host-1, 0.3 s after its start).",
        "A job's command has to stay in the foreground; one that starts a daemon and returns looks ended.",
        hosts=("host-1",),
    ),
    Case(
        "port_taken",
        crashed(
            "Command exited with status 1",
            wrote=("Traceback", "OSError: [Errno 98] Address already in use"),
            command="python3 -m http.server 8080",
        ),
        "The instance on host-1 could not listen: its port is taken there (exit code 1).",
        'It last wrote: "OSError: [Errno 98] Address already in use".',
        change=changed("spec.command", "python3 -m http.server 8080", "python3 -m http.server $PORT0"),
        hosts=("host-1",),
    ),
    Case(
        "exited",
        crashed("Command exited with status 3", wrote=("cannot read config.yaml", ""), ends=3),
        "The instance on host-1 ended with exit code 3, 3 times in 60 s.",
        'It last wrote: "cannot read config.yaml".',
        hosts=("host-1",),
    ),
    Case(
        "ended",
        crashed("Abnormal executor termination"),
        "An instance ended on host-1.",
        'The scheduler said: "Abnormal executor termination".',
        hosts=("host-1",),
    ),
    Case(
        "fetch_failed",
        crashed(
            "Failed to launch container: Failed to fetch all URIs for container",
            fetch=[{"uri": "https://example.com/x.tgz"}],
        ),
        "The host host-1 could not fetch a file that the job needs.",
        hint="See whether the address is right and can be reached from the hosts: https://example.com/x.tgz.",
        hosts=("host-1",),
    ),
    Case(
        "image_failed",
        crashed(
            "Failed to launch container: Failed to run 'docker pull nginx:lates': no such manifest",
            image="nginx:lates",
        ),
        "The host host-1 could not get or start the image nginx:lates.",
        hosts=("host-1",),
    ),
    Case(
        "launch_failed",
        crashed("Failed to launch container: no more process numbers"),
        "The host host-1 could not start the instance.",
        hosts=("host-1",),
    ),
    # --- health checks
    Case(
        "http_500",
        checked(
            health("new", "500 Internal Server Error"),
            answer=Answer("new", "host-1", 31000, 500, "db\n down"),
        ),
        "The health check of /health gets HTTP 500 (instances: 1).",
        'The instance on host-1 answers: "db down".',
        "Read the instance's log: the service itself says that it is not well.",
        hosts=("host-1",),
    ),
    Case(
        "http_500",
        checked(
            health("new", "500 Internal Server Error"),
            answer=Answer("new", "host-1", 31000, 500, ERROR_PAGE),
        ),
        "The health check of /health gets HTTP 500 (instances: 1).",
        'The instance on host-1 answers: "Error response Error code: 500 & nothing else.".',
        hosts=("host-1",),
    ),
    Case(
        "http_500",
        checked(healthy=None, answer=Answer("new", "host-1", 31000, 500, "db down")),
        "The health check of /health gets HTTP 500 (instances: 1).",
        'The instance on host-1 answers: "db down".',
        severity="warning",
        hosts=("host-1",),
    ),
    Case(
        "http_404",
        checked(health("new", "404 Not Found")),
        "The health check of /health gets HTTP 404 (instances: 1).",
        'The check said: "404 Not Found".',
        "Give the check a path that the service answers.",
        changed("spec.health_checks[0].path", "/health", "/"),
        hosts=("host-1",),
    ),
    Case(
        "http_503",
        facts(
            spec=checked().spec,
            status=workload(wanted=1),
            ended=(ended("Task was killed since health check failed. Reason: 503 Service Unavailable"),),
        ),
        "The health check of /health gets HTTP 503 (instances: 1).",
        hosts=("host-1",),
    ),
    Case(
        "nothing_listens",
        checked(
            health("new", "Connect call failed ('127.0.0.1', 31000)"),
            fields={"command": "python3 -m http.server 8080"},
        ),
        "Nothing listens on the port that the health check asks, 31000 on host-1 (instances: 1).",
        hint="The command names a fixed port: listen on $PORT0, which the host gives, instead.",
        change=changed("spec.command", "python3 -m http.server 8080", "python3 -m http.server $PORT0"),
        hosts=("host-1",),
    ),
    Case(
        "nothing_listens",
        checked(
            healthy=None,
            answer=Answer("new", "host-1", 31000, 0, "the connection failed: Connection refused"),
        ),
        "Nothing listens on the port that the health check asks, 31000 on host-1 (instances: 1).",
        hint="Listen on the port that the host gives, which is in $PORT0.",
        severity="warning",
        hosts=("host-1",),
    ),
    Case(
        "check_timed_out",
        checked(health("new", "Timeout after 5 seconds: no answer")),
        "The health check gets no answer within 5 s (instances: 1).",
        change=changed("spec.health_checks[0].timeout_s", 5, 10),
    ),
    Case(
        "check_command_failed",
        checked(health("new", "Command returned 2")),
        "The health check's command fails (instances: 1).",
        'The check said: "Command returned 2".',
    ),
    Case(
        "unhealthy",
        checked(health("new", "the moon is full")),
        "Instances that fail their health check: 1.",
        'The check said: "the moon is full".',
    ),
    Case(
        "grace_too_short",
        replace(
            checked(
                health("new", "Connection refused"),
                replace(health("old", ""), alive=True, first_success_at=OLD + timedelta(seconds=90)),
            ),
            status=workload(instance("new", healthy=False), instance("old", engine_version=OLD), wanted=2),
        ),
        "Instances are ended before they are up: this job took 90 s to become healthy, and is given 60 s.",
        "The grace is 30 s, and after it 3 failures in a row end the instance.",
        change=changed("spec.health_checks[0].grace_s", 30, 136),
    ),
    # --- the rest
    Case(
        "dependency",
        facts(
            spec=spec(depends_on=["job.db"]),
            status=None,
            dependencies=(Dependency("job.db", "db", "deploying", well=0, wanted=1),),
        ),
        "It needs db, of which 0 of 1 instances are well.",
        "The publish waits until it runs.",
        change=changed("spec.depends_on[0]", "job.db", None),
    ),
    Case(
        "dependency",
        facts(
            status=None,
            dependencies=(
                Dependency("job.q", "queue", "running", 1, 1),
                Dependency("job.db", "db", "degraded", 0, 1, {"what": "%(n)s wait.", "values": {"n": 3}}),
            ),
        ),
        "It needs db, of which 0 of 1 instances are well.",
        "The publish waits until it runs. Its own trouble: 3 wait.",
    ),
    Case(
        "dependency",
        facts(status=None, dependencies=(Dependency("job.db", "db", "draft"),)),
        "It needs db, which was never published.",
        hint="Publish db, or take it off the dependencies.",
    ),
    Case(
        "dependency",
        facts(status=None, dependencies=(Dependency("job.db", "db", "stopped"),)),
        "It needs db, which is stopped.",
        hint="Start db, or take it off the dependencies.",
    ),
    Case(
        "dependency",
        facts(dependencies=(Dependency("job.db", "job.db", "missing"),)),
        "It needs job.db, which does not exist any more.",
        hint="Take job.db off the dependencies.",
        severity="warning",
    ),
    Case(
        "backing_off",
        facts(waiting=waits(delay_s=17), ended=()),
        "Instances that wait 17 s before they are started again: 2.",
        severity="warning",
    ),
    Case(
        "backing_off",
        facts(waiting=waits(delay_s=200)),
        "Instances that wait 3 min before they are started again: 2.",
        change=changed("spec.backoff.max_s", 300, 30),
        severity="warning",
    ),
    Case(
        "unreachable",
        facts(status=workload(instance("a", state=InstanceState.UNREACHABLE, host="host-2"), wanted=1)),
        "Instances out of sight, on host-2: 1.",
        hosts=("host-2",),
    ),
    Case(
        "staging_long",
        facts(
            spec=spec(image="nginx:1.27", command=None),
            status=workload(
                instance(
                    "a", state=InstanceState.STAGING, staged_at=NOW - timedelta(minutes=3), healthy=None
                ),
                wanted=2,
            ),
        ),
        "The instance on node1 has been getting ready for 3 min (instances: 1).",
        "The host gets the image nginx:1.27.",
        severity="warning",
        hosts=("node1",),
    ),
    Case(
        "foreign_deployment",
        facts(status=replace(workload(wanted=2), deployments=(DeploymentId("d-1"),))),
        "A deployment that Ocean did not start holds the job: d-1.",
        severity="warning",
    ),
    Case(
        "starting",
        facts(status=replace(workload(wanted=2), staging=2)),
        "Instances that are starting: 2.",
        severity="info",
    ),
    Case(
        "unchecked",
        checked(healthy=None),
        "Instances that run and whose health check has not passed yet: 1.",
        "Failures are not counted in the first 30 s after a start.",
        severity="info",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_case_is_found_and_said_with_the_smallest_change(case: Case) -> None:
    found = explain(case.facts)
    assert [problem.code for problem in found][:1] == [case.code]
    said = render_problem(found[0].as_json())
    assert said["what"] == case.what
    if case.why:
        assert said["why"] == case.why
    if case.hint:
        assert said["hint"] == case.hint
    assert said["change"] == case.change
    assert said["severity"] == case.severity
    assert tuple(said["hosts"]) == case.hosts


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_case_is_said_in_chinese_with_the_same_numbers(case: Case) -> None:
    [problem, *_] = explain(case.facts)
    with translation.override("zh-hans"):
        said = render_problem(problem.as_json())
    for name in ("what", "why", "hint"):
        source = getattr(problem, name)
        assert "%(" not in said[name]
        assert not source or said[name] != render_line(source, problem.values)


def test_nothing_is_wrong_with_a_job_that_is_as_wanted() -> None:
    assert explain(facts(status=workload(instance("a"), wanted=1))) == []


def test_a_failing_check_of_the_new_definition_comes_before_one_of_the_old() -> None:
    status = workload(instance("new", healthy=False), instance("old", engine_version=OLD), wanted=2)
    results = (health("old", "HTTP 503", failures=9), health("new", "HTTP 500 on /health"))
    [problem] = explain(replace(checked(*results), status=status))
    assert problem.code == "http_500"


def test_how_an_instance_ended_comes_before_the_wait_for_the_next_one() -> None:
    found = explain(replace(crashed("Command exited with status 3"), waiting=waits(delay_s=14)))
    assert [(problem.code, problem.severity) for problem in found] == [
        ("exited", "error"),
        ("backing_off", "warning"),
    ]


def test_a_new_version_that_crashes_is_told_of_while_the_old_one_serves() -> None:
    old = [instance(name, engine_version=OLD) for name in ("a", "b")]
    status = workload(*old, wanted=2, has_health_checks=False)
    found = explain(replace(crashed("Command exited with status 3"), status=status))
    assert [problem.code for problem in found] == ["exited"]


def test_held_back_instances_are_not_said_to_wait_for_a_host() -> None:
    found = explain(replace(waiting(cpus=400), waiting=waits(delay_s=14)))
    assert [problem.code for problem in found] == ["backing_off"]


def test_what_never_fits_is_said_once_whatever_the_scheduler_says_of_it() -> None:
    reasons = (DeclineReason("InsufficientCpus", 6, 6), DeclineReason("UnfulfilledConstraint", 2, 8))
    found = explain(waiting(cpus=400, reasons=reasons))
    assert [problem.code for problem in found] == ["cpus_too_large"]


def test_a_dependency_that_does_not_run_is_told_beside_a_crash() -> None:
    found = explain(
        replace(
            crashed("Command exited with status 1"), dependencies=(Dependency("job.db", "db", "stopped"),)
        )
    )
    assert [problem.code for problem in found] == ["exited", "dependency"]


def test_old_ends_of_a_job_that_is_well_again_are_no_news() -> None:
    well = workload(instance("a"), instance("b"), wanted=2)
    assert explain(replace(crashed("Command exited with status 1"), status=well)) == []


def test_an_instance_that_is_up_between_two_crashes_does_not_silence_the_reason() -> None:
    up = workload(instance("i0"), wanted=1, has_health_checks=False)
    again_and_again = tuple(ended("Command terminated with signal Killed", seconds=n) for n in (5, 20, 50))
    [problem] = explain(facts(status=up, ended=again_and_again))
    assert problem.code == "killed_by_sigkill"
    assert (
        render_problem(problem.as_json())["what"]
        == "The instance on host-1 was killed by SIGKILL, 3 times in 45 s."
    )
    assert explain(facts(status=up, ended=again_and_again[:2])) == []
    assert (
        explain(
            facts(
                status=up,
                ended=tuple(replace(one, at=one.at - timedelta(minutes=2)) for one in again_and_again),
            )
        )
        == []
    )


def test_a_regular_expression_that_may_take_for_ever_is_left_to_the_scheduler() -> None:
    long_name = host("a" * 60 + "!")
    evil = replace(waiting(constraints=[rule("hostname", "LIKE", "(a+)+")]), hosts=(long_name,))
    assert [problem.code for problem in explain(evil)] == ["about_to_start"]


def test_a_large_cluster_and_many_waiting_instances_are_looked_at_in_moderation() -> None:
    hosts = tuple(host(f"host-{n}", rack=f"r{n % 50}") for n in range(5000))
    many = waiting(constraints=[rule("rack", "GROUP_BY", "50")], count=10_000, instances=10_000)
    [problem] = explain(replace(many, hosts=hosts))
    assert problem.code == "room_for_some"


def test_the_summary_is_the_first_problem_and_renders_inside_another_sentence() -> None:
    problems = explain(waiting(cpus=400))
    outer = render_line("Given up. %(why)s", {"why": summarise(problems)})
    assert outer.startswith("Given up. No host of staging has 400 CPUs: the largest, host-3")
    assert summarise([]) == []


@pytest.mark.parametrize(
    "problem",
    [
        standing.missing(),
        standing.stale_mirror(cluster="staging", age_s=40, error="connection refused"),
        standing.stale_mirror(cluster="staging", age_s=None, error=""),
        standing.draft(version=1),
        standing.stopped(before=3),
        standing.stopped(before=None),
        standing.unpublished_version(latest=4, running=3),
        standing.paused(at=NOW),
        standing.holding(),
    ],
    ids=lambda problem: problem.code,
)
def test_what_a_job_s_own_row_says_is_said_in_both_languages(problem: Problem) -> None:
    english = render_problem(problem.as_json())
    with translation.override("zh-hans"):
        chinese = render_problem(problem.as_json())
    for name in ("what", "why", "hint"):
        assert "%(" not in english[name] + chinese[name]
        assert not english[name] or english[name] != chinese[name]


def test_a_problem_stored_by_an_earlier_release_is_still_rendered() -> None:
    said = render_problem({"severity": "error", "what": "Old words.", "why": "", "hint": "", "values": {}})
    assert (said["what"], said["code"], said["change"], said["hosts"]) == ("Old words.", "", None, [])
