"""Leaving a helper that is away alone for a while, so that not every request waits for its time-out."""

from __future__ import annotations

import time


class Breaker:
    """Opens with a failure and closes by itself `rest_s` seconds later. One for each process and helper.

    Only for what may be left out: a doorbell that the sweeper makes good, a hint to pages that look by themselves too.
    """

    def __init__(self, *, rest_s: float) -> None:
        self._rest_s = rest_s
        self._closed_from = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the helper failed just now and should not be asked again yet."""
        return time.monotonic() < self._closed_from

    def failed(self) -> None:
        self._closed_from = time.monotonic() + self._rest_s

    def reset(self) -> None:
        self._closed_from = 0.0
