"""Reading what instances write, all of them together, and what happened between."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ocean_cli.errors import Usage
from ocean_cli.following import AWAY_S
from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, job_argument
from ocean_cli.output import Output
from ocean_cli.session import Session, pass_session
from ocean_cli.words import local, since

if TYPE_CHECKING:
    from rich.text import Text

    from ocean_cli.http import Api

JSON = dict[str, Any]
PIECE = 2_000
"""Lines in one answer while following."""
MOST = 5_000
SHORTEST_S, LONGEST_S = 0.5, 3.0
PALETTE = (
    "cyan",
    "green",
    "magenta",
    "blue",
    "yellow",
    "bright_cyan",
    "bright_green",
    "bright_magenta",
    "bright_blue",
)
# An instance may colour what it writes; it may not move the cursor or name the window.
_ESCAPES = re.compile(
    r"\x1b(?!\[[0-9;]*m)(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]"
)
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


@command("logs")
@job_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, new instances included.")
@click.option("--task", metavar="TASK", help="Of this instance.")
@click.option("--version", type=click.IntRange(1), help="Of instances of this version.")
@click.option("--stdout", "files", flag_value="stdout", help="Standard output alone.")
@click.option("--stderr", "files", flag_value="stderr", help="Standard error alone.")
@click.option("--since", "since_text", metavar="WHEN", help="Not before: 15m, 2h, or 2026-11-20T18:00.")
@click.option(
    "--tail",
    type=click.IntRange(0, MOST),
    help="So many lines at first (100; with --since as many as there are).",
)
@click.option("--grep", metavar="PATTERN", help="Lines in which this regular expression is found.")
@click.option("--no-events", is_flag=True, help="Without the job's events and operations between the lines.")
@click.option("--timestamps", is_flag=True, help="Say when each line was written.")
@pass_session
def logs(
    session: Session,
    job: str,
    follow: bool,
    task: str | None,
    version: int | None,
    files: str | None,
    since_text: str | None,
    tail: int | None,
    grep: str | None,
    no_events: bool,
    timestamps: bool,
) -> None:
    """Read what instances write, all of them together.

    Each line begins with the end of its instance's id; what the scheduler and people did stands between. With -f it
    goes on through a publish, and through a restart of the console, until Ctrl-C. -o json prints a JSON object a line.
    """
    pattern = _pattern(grep)
    tag = resolve(session.api, job)
    query = {
        "task": task and _whole_task(session.api, tag, task),
        "version": version,
        "file": files,
        "since": since(since_text).isoformat() if since_text else None,
        "events": False if no_events else None,
        # A person could not read so fast; a file or a program wants every line.
        "skip": None if session.out.console.is_terminal else False,
    }
    if tail is None:
        tail = MOST if since_text else 100
    if follow:
        session.api.patience_s = max(session.api.patience_s, AWAY_S)
    printer = Printer(session.out, timestamps=timestamps, several=task is None)
    for line in read(session.api, f"{path_of(tag)}logs/merged/", query, tail=tail, follow=follow):
        if pattern is None or pattern.search(line["text"]):
            printer.show(line)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as exc:
        raise Usage(f"'{text}' is no regular expression: {exc}") from exc


def _whole_task(api: Api, tag: str, text: str) -> str:
    """The id of the instance that is shown by this short one; as it is, where the scheduler lists none such."""
    found = [row["task_id"] for row in api.pages(f"{path_of(tag)}instances/", limit=2, search=text)]
    return str(found[0]) if len(found) == 1 else text


def read(api: Api, path: str, query: Mapping[str, Any], *, tail: int, follow: bool) -> Iterator[JSON]:
    """The lines, the last `tail` first; with `follow` whatever comes, for ever."""
    answer = api.get(path, limit=max(tail, 1), **query)
    # The console counts what instances wrote; what happened meanwhile comes on top.
    yield from answer["lines"][-tail:] if tail else []
    pause = SHORTEST_S
    while follow:
        if not answer["more"]:
            time.sleep(pause)
        answer = api.get(path, limit=PIECE, cursor=answer["cursor"], **query)
        yield from answer["lines"]
        pause = SHORTEST_S if answer["lines"] else min(LONGEST_S, pause * 1.5)


class Printer:
    """Lines as people read them, a colour for each instance; or one JSON object a line."""

    def __init__(self, out: Output, *, timestamps: bool, several: bool) -> None:
        self._out = out
        self._timestamps = timestamps
        self._several = several
        self._colors: dict[str, str] = {}

    def show(self, line: Mapping[str, Any]) -> None:
        if self._out.for_programs:
            self._out.record(line)
        elif self._out.quiet:
            self._write(_plain(line["text"]))
        elif self._out.console.is_terminal:
            self._out.console.print(self._styled(line), soft_wrap=True)
        else:
            # Without styles, and without what they cost: some thousand lines a second go into files.
            whose = self._whose(line)
            self._write(f"{self._when(line)}{whose and whose + ' '}{_plain(line['text'])}")

    def _styled(self, line: Mapping[str, Any]) -> Text:
        from rich.text import Text

        text = Text(self._when(line), style="dim")
        if whose := self._whose(line):
            text.append(f"{whose} ", style=self._color(line.get("task_id", "")))
        if line["source"] != "log":
            styles = {"warning": "yellow", "error": "red"}
            return text.append(_plain(line["text"]), style=styles.get(line.get("level", ""), "bold"))
        content = _ESCAPES.sub("", line["text"])
        shown = Text.from_ansi(content) if _COLORS.search(content) else Text(content)
        if line.get("file") == "stderr":
            shown.stylize_before("red")
        return text.append_text(shown)

    def _when(self, line: Mapping[str, Any]) -> str:
        shown = self._timestamps or line["source"] != "log"
        return f"{local(line.get('time'))} " if shown else ""

    def _whose(self, line: Mapping[str, Any]) -> str:
        if line["source"] != "log":
            return "—"
        return short_task(line["task_id"]) if self._several else ""

    def _color(self, task: str) -> str:
        return self._colors.setdefault(task, PALETTE[len(self._colors) % len(PALETTE)])

    def _write(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _plain(text: str) -> str:
    return _COLORS.sub("", _ESCAPES.sub("", text)).rstrip()


def short_task(task: str) -> str:
    """Enough of a task's id to tell it from its brothers: `….instance-4f3a2b1c-….…` → `4f3a2b1c`."""
    found = re.search(r"instance-([0-9a-f]{8})", task)
    return found[1] if found else task[-8:]
