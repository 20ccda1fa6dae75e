"""Several addresses of one service in one setting, and which of them to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from clients.errors import TimedOut, Unavailable

T = TypeVar("T")


class Addresses:
    """The base URLs of one service's servers; the one that answered last is asked first."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Raises ValueError for an empty list, or a URL that is not plain http(s) or carries a password."""
        if not urls:
            raise ValueError("a service needs at least one address")
        self._urls = tuple(_checked(url) for url in urls)
        self._preferred = self._urls[0]

    def __len__(self) -> int:
        return len(self._urls)

    @property
    def preferred(self) -> str:
        """The address that answered last; at first the first of the setting."""
        return self._preferred

    def first_answer(self, ask: Callable[[str], T]) -> T:
        """Ask one address after another until one answers, and prefer that one. For reads only.

        Raises the last Unavailable or TimedOut when none does; any other error at once: it is an answer.
        """
        for url in (self._preferred, *(url for url in self._urls if url != self._preferred)):
            try:
                answer = ask(url)
            except (Unavailable, TimedOut) as exc:
                failure: Unavailable | TimedOut = exc
            else:
                self._preferred = url
                return answer
        raise failure


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http(s) address: {parts.scheme}://{parts.hostname or ''}")
    if parts.username is not None:
        raise ValueError(f"{parts.hostname}: put name and password in the credentials, not in the address")
    return url.rstrip("/")
