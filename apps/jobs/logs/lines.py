"""Bytes of a log into lines. Pure: the same lines come out however the bytes were cut into pieces on their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 16 * 1024
"""A longer line comes in pieces of this size, each but the last marked as cut."""


@dataclass(frozen=True, slots=True)
class Line:
    """`start` and `end` in bytes from the beginning of the data, the line's end included; `text` without it.
    `cut`: the line goes on in the next piece. What is no UTF-8 becomes U+FFFD."""

    start: int
    end: int
    text: str
    cut: bool = False


def split_lines(data: bytes, *, whole: bool = False) -> Iterator[Line]:
    """The complete lines; read on at the last one's `end`. `whole`: nothing will follow, so what stands after the
    last line's end is a line too."""
    start = 0
    while start < len(data):
        newline = data.find(b"\n", start, start + MAX_LINE_BYTES + 1)
        if newline >= 0:
            yield Line(start, newline + 1, _text(data[start:newline].removesuffix(b"\r")))
            start = newline + 1
        elif len(data) - start > MAX_LINE_BYTES:
            end = _letter_boundary(data, start + MAX_LINE_BYTES)
            yield Line(start, end, _text(data[start:end]), cut=True)
            start = end
        else:
            break
    if whole and start < len(data):
        yield Line(start, len(data), _text(data[start:]))


def first_line_start(data: bytes) -> int:
    """Where the first line begins in data that may start inside one: behind its first line end, or its first letter
    where the whole of it is one line."""
    newline = data.find(b"\n")
    if newline >= 0:
        return newline + 1
    return len(data) - len(data.lstrip(bytes(range(0x80, 0xC0))))


def _letter_boundary(data: bytes, end: int) -> int:
    """`end`, or up to three bytes before it where that would cut a letter in two."""
    for back in range(4):
        if data[end - back] & 0xC0 != 0x80:
            return end - back
    return end


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
