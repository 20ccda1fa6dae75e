"""Following operations to their end: a bar on a terminal, a line for each thing said otherwise.

Operations go on without whoever follows them. Asking is cheap but not free, so the pause grows while nothing changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ocean_cli.errors import CliError, Interrupted, Unreachable
from ocean_cli.output import STATE_STYLES, Output, clean
from ocean_cli.words import local

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ocean_cli.http import Api

ENDED = {"succeeded", "failed", "cancelled"}
SHORTEST_S, LONGEST_S = 0.3, 2.0
AWAY_S = 600.0
"""A console that restarts is waited for: what it was asked to do goes on meanwhile."""

JSON = dict[str, Any]


class Display(Protocol):
    """Where what happens is shown."""

    def show(self, operation: JSON) -> None: ...
    def say(self, operation: JSON, line: JSON) -> None: ...
    def note(self, text: str) -> None: ...


def kind_word(kind: str) -> str:
    """`job.publish` → `publish`."""
    return kind.rpartition(".")[2].replace("_", " ")


def title_of(operation: Mapping[str, Any]) -> str:
    """`publish weather-api@staging (#12)`, as short as a bar's title must be."""
    target = str(operation.get("target") or "")
    if operation["kind"] == "release.run":
        return clean(f"{target.replace('.', ' ')} (#{operation['id']})")
    parts = dict(part.split(".", 1) for part in target.split("_") if "." in part)
    named = f"{parts['job']}@{parts['cluster']}" if {"job", "cluster"} <= parts.keys() else target
    return clean(f"{kind_word(operation['kind'])} {named} (#{operation['id']})")


@dataclass
class Follower:
    """Asks for operations until all have ended. `deadline_s` from now, None: however long it takes."""

    api: Api
    display: Display
    deadline_s: float | None = None
    _said: dict[int, int] = field(default_factory=dict)
    _asked: dict[int, str] = field(default_factory=dict)

    def follow(self, operations: Sequence[JSON]) -> list[JSON]:
        """The operations as they ended, in their order. Raises Unreachable at the deadline, Interrupted on Ctrl-C."""
        rows = {int(one["id"]): one for one in operations}
        self.api.patience_s = max(self.api.patience_s, AWAY_S if self.deadline_s is None else self.deadline_s)
        ends_at = None if self.deadline_s is None else time.monotonic() + self.deadline_s
        try:
            self._until_ended(rows, ends_at)
        except KeyboardInterrupt:
            raise _left(rows) from None
        return list(rows.values())

    def _until_ended(self, rows: dict[int, JSON], ends_at: float | None) -> None:
        pause = SHORTEST_S
        while True:
            changed = False
            for number, before in rows.items():
                if before["state"] in ENDED and number in self._said:
                    continue
                rows[number] = self.api.get(f"operations/{number}/")
                changed |= self._show(rows[number], before)
            if all(row["state"] in ENDED for row in rows.values()):
                return
            pause = SHORTEST_S if changed else min(LONGEST_S, pause * 1.5)
            if ends_at is not None and time.monotonic() + pause > ends_at:
                raise _too_late(rows)
            time.sleep(pause)

    def _show(self, row: JSON, before: JSON) -> bool:
        lines = row.get("log", [])
        told = self._said.setdefault(row["id"], 0)
        for line in lines[told:]:
            self.display.say(row, line)
        self._said[row["id"]] = len(lines)
        self.display.show(row)
        wish = waits_for_a_person(row)
        if wish and wish != self._asked.get(row["id"]):
            self.display.note(wish)
        self._asked[row["id"]] = wish
        return len(lines) > told or any(
            row[key] != before.get(key) for key in ("state", "progress", "message")
        )


def _left(rows: dict[int, JSON]) -> Interrupted:
    """Ctrl-C ends the following, not what is followed."""
    open_ones = [row for row in rows.values() if row["state"] not in ENDED]
    numbers = " ".join(str(row["id"]) for row in open_ones)
    hint = f"`ocean wait {numbers}` follows again"
    if open_ones:
        control = "undo" if "undo" in open_ones[0].get("controls", []) else "cancel"
        hint += f", `ocean {control} {open_ones[0]['id']}` puts back what it began"
    titles = ", ".join(title_of(row) for row in open_ones) or "Everything"
    return Interrupted(f"{titles} {'goes' if len(open_ones) == 1 else 'go'} on without you.", hint=f"{hint}.")


def _too_late(rows: dict[int, JSON]) -> Unreachable:
    open_ones = [row for row in rows.values() if row["state"] not in ENDED]
    first = open_ones[0]
    more = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
    said = f" It says: {first['message']}" if first.get("message") else ""
    return Unreachable(
        f"{title_of(first)}{more} did not end in time, and goes on.{said}",
        hint=f"`ocean wait {first['id']}` follows it, `ocean cancel {first['id']}` asks for its end.",
    )


def waits_for_a_person(row: JSON) -> str:
    """What somebody has to say before it goes on; '' when it goes on by itself."""
    number, controls = row["id"], row.get("controls", [])
    back = f"`ocean undo {number}` takes it back."
    if "go-on" in controls:
        return f"{title_of(row)} waits: `ocean go-on {number}` trusts the new version, {back}"
    if "resume" in controls:
        return f"{title_of(row)} is paused: `ocean resume {number}` goes on, {back}"
    return ""


def refuse_failed(operations: Sequence[JSON], *, good: str = "succeeded") -> None:
    """Raises CliError if one of the operations did not end as it was to, with its own words."""
    bad = [row for row in operations if row["state"] not in (good, "succeeded")]
    if not bad:
        return
    lines = [
        f"{title_of(row)} {row['state']}: {row['error'] or row['message'] or 'no reason is known'}"
        for row in bad
    ]
    hint = ""
    if all(row["target"].startswith("job.") for row in bad) and any(row["state"] == "failed" for row in bad):
        hint = f"`ocean explain {bad[0]['target']}` says why a job is not as wanted."
    raise CliError("\n".join(lines), hint=hint)


class PlainDisplay:
    """A line for each thing that is said, and for each state; for pipelines and `--no-progress`."""

    def __init__(self, say: Callable[[str], None], *, several: bool) -> None:
        self._say = say
        self._several = several
        self._states: dict[int, str] = {}

    def show(self, operation: JSON) -> None:
        state = operation["state"]
        if self._states.get(operation["id"]) == state:
            return
        self._states[operation["id"]] = state
        if state in ENDED:
            self._say(f"{title_of(operation)}: {state}")

    def say(self, operation: JSON, line: JSON) -> None:
        whose = f" {title_of(operation)}:" if self._several else ""
        mark = "" if line["level"] == "info" else f" {line['level']}:"
        self._say(clean(f"{local(line['time'], with_date=False)}{whose}{mark} {line['text']}"))

    def note(self, text: str) -> None:
        self._say(text)


class BarDisplay:
    """A bar for each operation, and what is said above them."""

    def __init__(self, progress: Progress, *, several: bool) -> None:
        self._progress = progress
        self._several = several
        self._bars: dict[int, TaskID] = {}

    def show(self, operation: JSON) -> None:
        number = operation["id"]
        if number not in self._bars:
            self._bars[number] = self._progress.add_task(title_of(operation), total=100, note="", state="")
        state = operation["state"]
        style = STATE_STYLES.get(state, "")
        self._progress.update(
            self._bars[number],
            completed=100 if state == "succeeded" else operation["progress"],
            state=f"[{style}]{state}[/]" if style else state,
            note="" if state in ENDED else _escaped(clean(operation["message"])),
        )

    def say(self, operation: JSON, line: JSON) -> None:
        from rich.text import Text

        styles = {"warning": "yellow", "error": "red"}
        text = Text(f"{local(line['time'], with_date=False)} ", style="dim")
        if self._several:
            text.append(f"{title_of(operation)} ", style="dim")
        text.append(clean(line["text"]), style=styles.get(line["level"], ""))
        self._progress.console.print(text)

    def note(self, text: str) -> None:
        self._progress.console.print(text, style="bold")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


class Silence:
    """Quiet: nothing is shown."""

    def show(self, operation: JSON) -> None:
        pass

    def say(self, operation: JSON, line: JSON) -> None:
        pass

    def note(self, text: str) -> None:
        pass


@contextmanager
def displayed(out: Output, *, several: bool) -> Iterator[Display]:
    """The display that fits where the output goes. All of it is on standard error: the result is not."""
    if out.quiet:
        yield Silence()
    elif not out.errors.is_terminal:
        yield PlainDisplay(lambda text: out.errors.print(text, soft_wrap=True), several=several)
    else:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            TextColumn("{task.fields[note]}", style="dim"),
        )
        with Progress(*columns, console=out.errors, refresh_per_second=8) as progress:
            yield BarDisplay(progress, several=several)


def wait_for(
    api: Api, out: Output, operations: Sequence[JSON], *, deadline_s: float | None = None
) -> list[JSON]:
    """Follow operations to their end and show how they go. Raises as `Follower.follow` does."""
    with displayed(out, several=len(operations) > 1) as display:
        return Follower(api, display, deadline_s).follow(operations)
