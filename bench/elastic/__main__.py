"""Compare scaling policies on a trace of request rates, in a deterministic simulator.

    python -m bench.elastic --trace FILE.csv --bin-s 60 --scale 1000 --start-up-s 30 [--days A:B] --json
    python -m bench.elastic --trace step3 --start-up-s 30
    python -m bench.elastic                 # the traces that are here, and made-up ones
    python -m bench.elastic --report        # the same into docs/elastic-benchmarks.md and README.md

A trace is a file with one header line and then one integer a line (requests in bin i), `step3` (600, 1,800, 600
requests/s), or one made up from a seed: bursty:1, matches:1, steady:1, on_off:1, ramps:1. Bins of a minute and more are
joined by straight lines, shorter ones are steps; arrivals are Poisson around that.

--json prints one object:
  trace       {name, hours, requests, start_up_s}
  points      one for each policy and set-point: {policy, set_point, requests_violated, time_violated, dropped (all %),
              over_cost (% over an oracle that knows each bin and starts in no time), actions_per_hour,
              reversals_per_hour, recovery_s (of a step, else null), ratio_to_hpa_rate}
  equal_cost  one for each over-cost: {over_cost, policies: {name: {requests_violated, ratio_to_hpa_rate}}}
ratio_to_hpa_rate is the share of requests violated over that of HPA on request rate at the same cost (lower envelope
over the set-points). null: a policy cannot run for so little, or HPA violates nothing to divide by.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.elastic import synthetic
from bench.elastic.compare import COSTS, as_json, compare
from bench.elastic.policies import POLICIES
from bench.elastic.report import report_write, reported, summary
from bench.elastic.tables import cost_table, points_table, text_table
from bench.elastic.traces import SEED, STEP3, Trace, step3, trace_of_file


def main() -> None:
    asked = _arguments()
    if asked.trace is None:
        runs = reported(processes=asked.processes)
        if asked.report:
            report_write(runs)
        print(summary(runs))
        return
    trace = _trace(asked)
    policies = asked.policies.split(",") if asked.policies else tuple(POLICIES)
    comparison = compare(trace, startup_s=asked.start_up_s, policies=policies, processes=asked.processes)
    if asked.json:
        json.dump(as_json(comparison), sys.stdout, indent=1)
        print()
        return
    print(f"{trace.name}: {trace.hours:.1f} h, {trace.requests} requests, start-up {asked.start_up_s} s\n")
    print(text_table(points_table(comparison)))
    if not asked.policies:
        costs = [cost for cost in COSTS if comparison.at_cost("hpa_rate", cost) is not None]
        print(
            f"\nRequests in violation (%) at equal over-cost\n\n{text_table(cost_table(comparison, costs))}"
        )


def _trace(asked: argparse.Namespace) -> Trace:
    if asked.trace == STEP3:
        return step3(seed=asked.seed)
    kind, _, seed = asked.trace.partition(":")
    if kind in synthetic.KINDS:
        return synthetic.KINDS[kind](seed=int(seed or asked.seed))
    first, _, end = (asked.days or "").partition(":")
    return trace_of_file(
        Path(asked.trace),
        bin_s=asked.bin_s,
        scale=asked.scale,
        days=(int(first), int(end)) if asked.days else None,
        resample_s=asked.resample_s,
        seed=asked.seed,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.elastic",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--trace", help="a file, step3, or a kind that is made up")
    add("--bin-s", type=float, default=60, help="length of the file's bins, seconds (60)")
    add("--scale", type=float, default=1, help="requests for each in the file (1)")
    add("--start-up-s", type=int, default=30, help="from the order to an instance that serves, seconds (30)")
    add("--days", metavar="A:B", help="only these days of the file, the first is 0, B is not included")
    add("--resample-s", type=float, help="average the file's bins to this length first")
    add("--seed", type=int, default=SEED, help=f"of the arrivals, and of what is made up ({SEED})")
    add("--policies", help=f"only these, separated by commas: {', '.join(POLICIES)}")
    add("--processes", type=int, help="2, or as many processors as there are")
    add("--json", action="store_true", help="the object described above instead of tables")
    add("--report", action="store_true", help="write the documents' tables anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
