"""A10, is the simulator right: a step x3 of a service of 100 requests/s an instance that takes half a minute to start,
on a whole Ocean of its own over the sandbox; and the same load, start-up time and policy in the simulator. The time
from the step to the first minute without violation differs by at most 20 %.

The simulated step is compressed: a minute of calm, then the higher load for as long as the recovery is looked for.
Where two of the machine's cores do all of it, instances and load compete with Ocean; the note says how many requests
failed and how long each part took.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.elastic.planning import Policy
from bench.elastic.live import Live, instances_at_first
from bench.elastic.model import CAPACITY, recovery_s, simulate
from bench.elastic.ocean import Ocean
from bench.elastic.traces import BIN_S, trace_of_rates
from bench.figures import Figure
from bench.house import CHECKOUT
from bench.options import Options
from tests.api_client import LINE, Api, JobHandle
from tests.running_stack import RunningStack

RATE, FACTOR, SET_POINT = 180.0, 3, 0.6
CALM_S = 60
SLEEPS_S = 25
MIN, MAX = 3, 20
SEEDS = range(1, 21)
_SERVICE = CHECKOUT / "sandbox" / "demo" / "service.py"
_JOB: dict[str, Any] = {
    "product_line": LINE,
    "service": "bench",
    "cluster": "staging",
    "name": "step",
    "spec": {
        "command": f"sleep {SLEEPS_S}; exec {sys.executable} {_SERVICE}",
        "cpus": 0.1,
        "memory_mib": 64,
        "instances": instances_at_first(RATE, set_point=SET_POINT),
        "ports": [{"name": "http"}],
        "health_checks": [
            {"type": "http", "port": "http", "path": "/health", "grace_s": 60, "interval_s": 1}
        ],
    },
}
_POLICY = {"metric": "qps", "mode": "target", "target": SET_POINT * CAPACITY, "min": MIN, "max": MAX}


@dataclass(frozen=True, slots=True)
class Run:
    """What the real thing did. `recovery_s` is None if it did not recover in the time."""

    recovery_s: int | None
    ordered_s: float
    startup_s: float
    sent: int
    failed: int


def run(options: Options) -> Iterator[Figure]:
    high_s = int(options.lasting(full=540, small=150))
    rates = [RATE] * (CALM_S // BIN_S) + [RATE * FACTOR] * (high_s // BIN_S)
    real = _real(rates)
    startup_s = round(real.startup_s)
    simulated = sorted(filter(None, (_simulated(rates, startup_s, seed=seed) for seed in SEEDS)))
    middle = statistics.median(simulated)
    yield Figure("A10", "from the step to the order, as the mirror shows it", real.ordered_s, "s")
    yield Figure("A10", "start-up of an instance, measured", real.startup_s, "s")
    recovered = float(real.recovery_s) if real.recovery_s is not None else float(high_s)
    yield Figure(
        "A10", "recovery of a step x3, real", recovered, "s",
        note=f"{RATE:.0f} to {RATE * FACTOR:.0f} requests/s, {real.sent} sent, {real.failed} not answered",
    )  # fmt: skip
    yield Figure(
        "A10", "the same simulated", middle, "s",
        note=f"median of {len(simulated)} seeds, {simulated[0]} to {simulated[-1]} s",
    )  # fmt: skip
    differs = 100 * abs(recovered - middle) / middle
    yield Figure("A10", "they differ by", differs, "%", "<=", 20)


def _simulated(rates: list[float], startup_s: int, *, seed: int) -> int | None:
    trace = trace_of_rates("live", rates, seed=seed, step_s=CALM_S)
    scaler = Ocean(SET_POINT, policy=Policy(metrics=(), min=MIN, max=MAX))
    return simulate(trace, scaler, startup_s=startup_s).recovery_s


def _real(rates: list[float]) -> Run:
    with tempfile.TemporaryDirectory(prefix="ocean-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs under another account when this runs as root
        stack = RunningStack(Path(folder) / "var")
        stack.up()
        try:
            api = Api.of(stack, "dev")
            job = _published(api)
            answer = api.call("PUT", f"{job.path}/scaling/", _POLICY)
            assert answer.status < 300, answer.body
            live = Live(f"{stack.url}/api/v1/{job.path}/", stack.people["dev"].token, rates)
            live.run()
        finally:
            stack.down()
    return Run(
        recovery_s(step_s=CALM_S, bad=live.bad_bins(), bins=len(rates)),
        live.ordered_s(after_s=CALM_S),
        live.startup_s(after_s=CALM_S),
        live.sent,
        live.failed,
    )


def _published(api: Api) -> JobHandle:
    answer = api.post("jobs/", _JOB)
    assert answer.status == 201, answer.body
    job = JobHandle(api, answer.body["tag"])
    api.done(f"{job.path}/publish/", timeout_s=180)
    return job
