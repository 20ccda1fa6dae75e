"""Hooks through a scheduler: a real process, ended as its executor ends it."""

from __future__ import annotations

from dataclasses import replace

from apps.jobs.spec.hooks import hooked_command
from engines.base import Workload
from engines.marathon import MarathonEngine
from tests.contract.engine.looking import settle, status, until


def test_pre_stop_is_over_before_the_scheduler_s_stop_reaches_the_command(
    engine: MarathonEngine, workload: Workload
) -> None:
    command = 'trap "echo told; exit 0" TERM; echo up; while :; do sleep 0.05; done'
    hooks = {"pre_stop": {"command": "echo draining; sleep 0.5; echo drained", "timeout_s": 5}}
    wrapped = hooked_command(command, hooks=hooks, kill_grace_s=8)
    settle(engine, engine.apply(replace(workload, command=wrapped, instances=1, kill_grace_s=8)))
    [instance] = status(engine, workload).instances or ()

    def written() -> list[str]:
        chunk = engine.read_log(instance.id, host=instance.host, file="stdout", offset=None, length=4096)
        return chunk.text.split()

    until(lambda: "up" in written(), "the command is up")
    settle(engine, engine.scale(workload.id, instances=0))
    until(lambda: "told" in written(), "the command was told")
    assert written() == ["up", "draining", "drained", "told"]
