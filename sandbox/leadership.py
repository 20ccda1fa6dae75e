"""Which of a cluster's Marathons leads. One process serves all their ports; only who answers changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Leadership:
    """Until `open`, and between leaders, nobody leads. `on_step_down()` is called when a leader goes."""

    def __init__(self, host: str, abdication_s: float) -> None:
        self._host = host
        self._abdication_s = abdication_s
        self._ports: list[int] = []
        self._leader: int | None = None
        self._elected = asyncio.Event()
        self.on_step_down: Callable[[], None] = lambda: None

    def open(self, ports: list[int]) -> None:
        """These are the cluster's Marathons; the first one leads."""
        self._ports = ports
        if ports:
            self._elect(ports[0])

    @property
    def leader(self) -> int | None:
        """The leader's port."""
        return self._leader

    @property
    def leader_address(self) -> str | None:
        return None if self._leader is None else f"{self._host}:{self._leader}"

    def abdicate(self) -> None:
        """Step down after `abdication_s`; as long again, and the next in turn (perhaps the same) is
        elected."""
        asyncio.get_running_loop().call_later(self._abdication_s, self._step_down)

    async def wait_for_leader(self, timeout_s: float) -> int | None:
        """The leader's port, None when nobody is elected in time."""
        try:
            await asyncio.wait_for(self._elected.wait(), timeout_s)
        except TimeoutError:
            return None
        return self._leader

    def _step_down(self) -> None:
        if self._leader is None:
            return
        following = self._ports[(self._ports.index(self._leader) + 1) % len(self._ports)]
        self._leader = None
        self._elected.clear()
        self.on_step_down()
        asyncio.get_running_loop().call_later(self._abdication_s, self._elect, following)

    def _elect(self, port: int) -> None:
        self._leader = port
        self._elected.set()
