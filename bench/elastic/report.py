"""The comparison that the documents show: which traces, at which costs, and the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.elastic.compare import Comparison, compare
from bench.elastic.policies import POLICIES, REFERENCE
from bench.elastic.synthetic import bursty, matches, on_off, steady
from bench.elastic.tables import cost_table, markdown_table, number, usual_cell
from bench.elastic.traces import Trace, step3, trace_of_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BEGIN, END = "<!-- elastic: {part} -->", "<!-- end of elastic: {part} -->"
SHORT = ("ocean", REFERENCE, "hpa_cpu", "aws", "paasta_hpa", "slides")


@dataclass(frozen=True, slots=True)
class Run:
    """`costs`: at which over-costs (%) it is shown; the last is the one of the short table."""

    title: str
    trace: Callable[[], Trace]
    costs: tuple[float, ...]
    startup_s: int = 30


def _nasa(resample_s: float | None) -> Trace:
    path = HERE / "traces" / "nasa_http_per_min.csv"
    return trace_of_file(path, bin_s=60, scale=1000, days=(10, 13), resample_s=resample_s)


def _azure() -> Trace:
    return trace_of_file(HERE / "traces" / "azure_llm_code_10s.csv", bin_s=10, scale=40)


RUNS = (
    Run("nasa x1000, means of 5 min", lambda: _nasa(300), (15, 22, 25)),
    Run("nasa x1000, by the minute", lambda: _nasa(None), (40, 60)),
    Run("nasa x1000, means of 5 min, start-up 120 s", lambda: _nasa(300), (22, 30), 120),
    Run("azure x40, on and off", _azure, (150, 160, 250)),
    Run("bursts of x3 to x5 within a minute", lambda: bursty(seed=11), (30, 60, 40)),
    Run("bursts, other seed", lambda: bursty(seed=12), (30, 60, 40)),
    Run("bursts, start-up 120 s", lambda: bursty(seed=12), (40, 80), 120),
    Run("match peaks of x8", lambda: matches(seed=11), (12, 15)),
    Run("steady, 13 % of noise", lambda: steady(seed=11), (30, 60, 40)),
    Run("steady, 13 % of noise by the minute", lambda: steady(seed=11, bin_s=60), (30, 40)),
    Run("on and off, made up", lambda: on_off(seed=11), (400, 600)),
    Run("step x3, start-up 5 s", step3, (40, 25), 5),
    Run("step x3", step3, (40, 25)),
    Run("step x3, start-up 60 s", step3, (40, 25), 60),
    Run("step x3, start-up 120 s", step3, (40, 25), 120),
)


@dataclass(frozen=True, slots=True)
class Done:
    run: Run
    comparison: Comparison


def reported(*, processes: int | None = None) -> list[Done]:
    return [Done(run, compare(run.trace(), startup_s=run.startup_s, processes=processes)) for run in RUNS]


def summary(runs: Sequence[Done]) -> str:
    """One line a trace: what each policy violates at the same cost."""
    rows = [["load", "over-cost", *(POLICIES[name].label for name in SHORT), "Ocean : HPA rate"]]
    for done in runs:
        cost = done.run.costs[-1]
        values = [number(done.comparison.at_cost(name, cost)) for name in SHORT]
        rows.append([done.run.title, f"+{cost:g} %", *values, number(done.comparison.ratio("ocean", cost))])
    return markdown_table(rows)


def usual_table(runs: Sequence[Done]) -> str:
    """Every policy at its own default set-point."""
    rows = [["policy", *(done.run.title for done in runs)]]
    for name, contestant in POLICIES.items():
        cells = [usual_cell(done.comparison, name) for done in runs]
        rows.append([f"{contestant.label}, {contestant.usual:.0%}", *cells])
    return markdown_table(rows)


def details(runs: Sequence[Done]) -> str:
    parts = []
    for done in runs:
        costs = sorted(done.run.costs)
        parts.append(f"### {done.run.title}\n\n{markdown_table(cost_table(done.comparison, costs))}")
    return "\n\n".join(parts)


def report_write(runs: Sequence[Done]) -> None:
    """The same seeds give the same text: there is no date in it."""
    document = ROOT / "docs" / "elastic-benchmarks.md"
    _put(document, "equal cost", details(runs))
    _put(document, "defaults", usual_table([done for done in runs if done.run.startup_s == 30]))
    _put(document, "recovery", recovery_table(runs))
    _put(ROOT / "README.md", "summary", summary(runs))


def recovery_table(runs: Sequence[Done]) -> str:
    """Seconds from the step to the first minute without violation."""
    steps = [done for done in runs if done.comparison.trace.step_s is not None]
    rows = [["policy", *(f"start-up {done.run.startup_s} s" for done in steps)]]
    for name, contestant in POLICIES.items():
        seconds = [done.comparison.usual(name).recovery_s or 0 for done in steps]
        shown = ["never" if second >= 1800 else str(second) for second in seconds]
        rows.append([f"{contestant.label}, {contestant.usual:.0%}", *shown])
    return markdown_table(rows)


def _put(path: Path, part: str, text: str) -> None:
    begin, end = BEGIN.format(part=part), END.format(part=part)
    before, _, rest = path.read_text().partition(begin)
    _old, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
