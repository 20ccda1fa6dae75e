"""Results on standard output: a table for people, JSON or YAML for programs, names alone when quiet.

What the console sends is text, never an instruction to the terminal: control characters are taken out.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

STATE_STYLES = {
    "running": "green",
    "succeeded": "green",
    "deploying": "cyan",
    "waiting": "cyan",
    "queued": "cyan",
    "staging": "cyan",
    "starting": "cyan",
    "killing": "yellow",
    "unreachable": "red",
    "degraded": "yellow",
    "cancelled": "yellow",
    "failed": "red",
    "draft": "dim",
    "stopped": "dim",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Without control characters, except line ends and tabs."""
    return _CONTROL.sub("", text)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, and the key or function that gives a row's cell. `wide`: only with `-o wide`."""

    title: str
    value: str | Callable[[Mapping[str, Any]], Any]
    wide: bool = False
    state: bool = False

    def cell(self, row: Mapping[str, Any]) -> str:
        found = row.get(self.value) if isinstance(self.value, str) else self.value(row)
        if found is None or found == "":
            return "-"
        if isinstance(found, bool):
            return "yes" if found else "no"
        return clean(str(found))


@dataclass
class Output:
    """`format` is table, wide, json or yaml. `color` None: as the terminal and NO_COLOR say."""

    format: str = "table"
    quiet: bool = False
    color: bool | None = None

    @property
    def for_programs(self) -> bool:
        return self.format in ("json", "yaml")

    def rows(self, rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], *, name: str) -> None:
        """A list. `name` is the key that identifies a row, which is all that quiet shows."""
        if self.for_programs:
            self.data(list(rows))
        elif self.quiet:
            for row in rows:
                self.line(str(row[name]))
        else:
            self._table(rows, columns)

    def fields(self, content: Mapping[str, Any], columns: Sequence[Column], *, name: str) -> None:
        """One thing, a field a line."""
        if self.for_programs:
            self.data(content)
        elif self.quiet:
            self.line(str(content[name]))
        else:
            width = max(len(column.title) for column in columns)
            for column in columns:
                label = f"{column.title + ':':<{width + 2}}"
                style = STATE_STYLES.get(column.cell(content), "") if column.state else ""
                self.line(f"{label}{column.cell(content)}", style=style, skip=len(label))

    def data(self, content: Any) -> None:
        """As JSON or YAML, whichever was asked for (JSON when none was)."""
        if self.format == "yaml":
            import yaml

            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            sys.stdout.write(text)
        else:
            sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def record(self, content: Mapping[str, Any]) -> None:
        """One line of JSON, for what comes bit by bit."""
        sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def line(self, text: str, *, style: str = "", skip: int = 0) -> None:
        """A line for people; `style` colours what follows the first `skip` characters."""
        from rich.text import Text

        shown = Text(clean(text))
        if style:
            shown.stylize(style, skip)
        self.console.print(shown, soft_wrap=True)

    @cached_property
    def console(self) -> Console:
        return self._console(sys.stdout)

    @cached_property
    def errors(self) -> Console:
        """Standard error, where progress and notes go."""
        return self._console(sys.stderr)

    def _console(self, file: TextIO) -> Console:
        from rich.console import Console

        no_color = self.color is False or bool(os.environ.get("NO_COLOR"))
        return Console(
            file=file,
            no_color=no_color,
            force_terminal=True if self.color else None,
            highlight=False,
            markup=False,
            emoji=False,
            # A pipe has no width: a name that is cut is worth nothing to whoever reads it.
            width=None if file.isatty() else 10_000,
        )

    def _table(self, rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> None:
        from rich.table import Table
        from rich.text import Text

        shown = [column for column in columns if not column.wide or self.format == "wide"]
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
        for column in shown:
            table.add_column(column.title.upper(), overflow="fold", no_wrap=not self.console.is_terminal)
        for row in rows:
            cells = [(column, column.cell(row)) for column in shown]
            table.add_row(
                *(
                    Text(cell, style=STATE_STYLES.get(cell, "") if column.state else "")
                    for column, cell in cells
                )
            )
        if table.row_count:
            self.console.print(table)
        else:
            self.errors.print("Nothing found.", style="dim")
