"""How a benchmark is asked to run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.company import FULL, SMALL, Size


@dataclass(frozen=True, slots=True)
class Options:
    """`full`: the size and the times of the definition; else about a tenth. `seconds` overrides how long it lasts."""

    full: bool = False
    seconds: float | None = None

    @property
    def size(self) -> Size:
        return FULL if self.full else SMALL

    @property
    def size_name(self) -> str:
        return "full" if self.full else "small"

    def lasting(self, *, full: float, small: float) -> float:
        if self.seconds is not None:
            return self.seconds
        return full if self.full else small
