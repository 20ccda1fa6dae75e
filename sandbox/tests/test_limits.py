"""Starting no faster than a real Marathon, where the sandbox is told so."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from sandbox.__main__ import configuration, parse_arguments
from sandbox.config import MARATHON_DEFAULTS, MESOS_CYCLE, ConfigError, LaunchLimits, config_from_json
from sandbox.ids import HostId
from sandbox.scheduler.limits import Limiter
from sandbox.testing import FAST, running_sandbox
from sandbox.tests.api import Marathon

A, B = HostId("a"), HostId("b")


def limiter(**limits: float) -> Limiter:
    return Limiter(LaunchLimits(**limits), offer_interval_s=1.0)  # type: ignore[arg-type]


def test_without_limits_nothing_waits() -> None:
    free = limiter()
    assert free.wait_s(0.3, waiting=True) == 0
    free.begin_round(0.3)
    for _ in range(1000):
        free.launched(A)
    assert not free.exhausted
    assert not free.is_used_up(A)


def test_offers_come_with_the_cycle_only() -> None:
    cycle = Limiter(MESOS_CYCLE, offer_interval_s=1.0)
    assert cycle.wait_s(3.25, waiting=True) == 0.75
    assert cycle.wait_s(4.25, waiting=True) == 0.75


def test_new_demand_is_revived_at_most_every_so_often() -> None:
    revived = limiter(min_revive_offers_interval_s=5.0)
    assert revived.wait_s(10.0, waiting=True) == 0
    assert revived.wait_s(11.0, waiting=True) == 0  # the same demand
    revived.wait_s(12.0, waiting=False)
    assert revived.wait_s(13.0, waiting=True) == 2.0


def test_an_offer_takes_so_many_and_the_next_round_as_many_again() -> None:
    five = limiter(max_instances_per_offer=5)
    five.begin_round(0.0)
    for _ in range(5):
        assert not five.is_used_up(A)
        five.launched(A)
    assert five.is_used_up(A)
    assert not five.is_used_up(B)
    five.begin_round(1.0)
    assert not five.is_used_up(A)


def test_tokens_come_back_with_running_tasks_and_with_time() -> None:
    tokens = limiter(launch_tokens=2, launch_token_refresh_s=30.0)
    tokens.begin_round(0.0)
    tokens.launched(A)
    tokens.launched(B)
    seen = [tokens.exhausted]
    tokens.confirmed()
    seen.append(tokens.exhausted)
    tokens.launched(A)
    for now in (29.0, 30.0):
        tokens.begin_round(now)
        seen.append(tokens.exhausted)
    assert seen == [True, False, True, False]


def test_the_switch_and_the_configuration_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "clusters.json"
    clusters = [{"name": "test", "marathon_port": 0, "hosts": [{"hostname": "a"}]}]
    path.write_text(json.dumps({"clusters": clusters}))
    plain = ["--config", str(path)]
    assert configuration(parse_arguments(plain)).launch_limits == LaunchLimits()
    assert configuration(parse_arguments([*plain, "--marathon-defaults"])).launch_limits == MARATHON_DEFAULTS
    told = config_from_json({"clusters": clusters, "launch_limits": asdict(MARATHON_DEFAULTS)})
    assert told.launch_limits == MARATHON_DEFAULTS
    with pytest.raises(ConfigError, match="launch_limits: unknown key 'tokens'"):
        config_from_json({"clusters": clusters, "launch_limits": {"tokens": 1}})


def test_ten_instances_on_one_host_take_two_cycles(tmp_path: Path) -> None:
    cluster = {"name": "test", "marathon_port": 0, "hosts": [{"hostname": "a"}]}
    limits = {"offer_cycle": True, "max_instances_per_offer": 5}
    timing = {**FAST, "offer_interval_s": 0.3}
    with running_sandbox(tmp_path, clusters=[cluster], timing=timing, launch_limits=limits) as sandbox:
        marathon = Marathon(sandbox.marathon)
        marathon.create(
            "/web", cmd="never run", cpus=0.01, mem=1, labels={"SANDBOX_NOOP": "true"}, instances=0
        )
        began = time.monotonic()
        marathon.done("PUT", "/v2/apps/web", {"instances": 10})
        assert time.monotonic() - began >= 0.3
        assert marathon.app("/web")["tasksRunning"] == 10
