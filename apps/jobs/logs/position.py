"""Places in a log that is rotated under its reader. Pure.

A log is the file `stdout` and the older ones that it became, `stdout.1` (the latest), `stdout.2` … A file's bytes
are the continuation of those of the next older one, so a log is one long text of which we see the end. An offset
alone does not say where in it one is: after a rotation the same number is another place. So a place is an offset and
a mark of the file before, which is renamed by a rotation but never changed again: the time of its last change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engines.base import FileStatus

OLDER_AT_MOST = 99


@dataclass(frozen=True, slots=True)
class Position:
    """`offset` bytes into the file that follows the one whose last change was at `mark` (microseconds since 1970; 0:
    there was no older one)."""

    offset: int = 0
    mark: int = 0

    def __str__(self) -> str:
        return f"{self.offset}.{self.mark}" if self.mark else str(self.offset)

    @classmethod
    def parse(cls, text: str) -> Position:
        """The reverse of `str`. Raises ValueError."""
        offset, _, mark = text.partition(".")
        if not (offset.isdecimal() and (mark or "0").isdecimal() and len(text) < 40):
            raise ValueError(f"{text!r} is no place in a log")
        return cls(int(offset), int(mark or 0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one file: `length` bytes from `start`. `mark` as in Position."""

    file: str
    start: int
    length: int
    mark: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is to be read from a place on, the oldest first. `lost`: the place itself is not there any more, and this
    begins at the oldest that is."""

    stretches: tuple[Stretch, ...]
    lost: bool = False

    @property
    def length(self) -> int:
        return sum(stretch.length for stretch in self.stretches)


def whole_log(file: str, files: Iterable[FileStatus]) -> tuple[Stretch, ...]:
    """All that is kept of a log, the oldest file first; empty where there is no such file."""
    by_name = {status.name: status for status in files}
    names = [file]
    while len(names) <= OLDER_AT_MOST and f"{file}.{len(names)}" in by_name:
        names.append(f"{file}.{len(names)}")
    kept = [by_name[name] for name in reversed(names) if name in by_name]
    marks = [0, *(round(status.modified_at.timestamp() * 1_000_000) for status in kept)]
    return tuple(
        Stretch(status.name, 0, status.size, mark) for status, mark in zip(kept, marks, strict=False)
    )


def ahead(log: Sequence[Stretch], position: Position) -> Ahead:
    """What `log` holds from `position` on. Where no file has its mark it is taken to be in the oldest one, if there
    are several: of that one the file before has just been dropped."""
    marked = [number for number, stretch in enumerate(log) if stretch.mark == position.mark]
    number = marked[0] if marked else 0
    if (marked or len(log) > 1) and position.offset <= log[number].length:
        rest = replace(log[number], start=position.offset, length=log[number].length - position.offset)
        return Ahead(_not_empty([rest, *log[number + 1 :]]))
    return Ahead(_not_empty(log), lost=bool(log))


def is_same(stretches: Iterable[Stretch], log: Iterable[Stretch]) -> bool:
    """Whether these names still are these files: none was rotated meanwhile."""
    marks = {stretch.file: stretch.mark for stretch in log}
    return all(marks.get(stretch.file) == stretch.mark for stretch in stretches)


def last_bytes(stretches: Sequence[Stretch], length: int) -> tuple[Stretch, ...]:
    """The last `length` bytes of them."""
    found: list[Stretch] = []
    for stretch in reversed(stretches):
        taken = min(length, stretch.length)
        found.append(replace(stretch, start=stretch.start + stretch.length - taken, length=taken))
        length -= taken
        if length <= 0:
            break
    return _not_empty(reversed(found))


def first_bytes(stretches: Sequence[Stretch], length: int) -> tuple[Stretch, ...]:
    """The first `length` bytes of them."""
    found: list[Stretch] = []
    for stretch in stretches:
        taken = min(length, stretch.length)
        found.append(replace(stretch, length=taken))
        length -= taken
        if length <= 0:
            break
    return _not_empty(found)


def place_after(stretches: Sequence[Stretch], consumed: int, *, otherwise: Position) -> Position:
    """The place `consumed` bytes into these stretches; `otherwise` where there are none."""
    for number, stretch in enumerate(stretches):
        if consumed < stretch.length or (consumed == stretch.length and number == len(stretches) - 1):
            return Position(stretch.start + consumed, stretch.mark)
        consumed -= stretch.length
    return otherwise


def end_of(log: Sequence[Stretch]) -> Position:
    return Position(log[-1].start + log[-1].length, log[-1].mark) if log else Position()


def _not_empty(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    return tuple(stretch for stretch in stretches if stretch.length > 0)
