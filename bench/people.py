"""People at work: clients that look at pages, each with pauses, as people have."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter

from bench.company import SEED
from bench.house import House

CLIENTS = 50


@dataclass(slots=True)
class Answers:
    """What came back: times in seconds, the longest body, and what was not a 200."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, seconds: float, answer: requests.Response) -> None:
        with self._lock:
            if answer.status_code != 200:
                self.failed.append(f"{answer.status_code} {answer.url}")
            self.seconds.setdefault(kind, []).append(seconds)
            self.largest[kind] = max(self.largest.get(kind, 0), len(answer.content))

    @property
    def all_seconds(self) -> list[float]:
        return [one for times in self.seconds.values() for one in times]


def browser() -> requests.Session:
    """Asks once more where the server had just closed a connection that was idle, as browsers do."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=1))
    return session


def signed_in(house: House, person: str) -> requests.Session:
    """A browser's session."""
    session = browser()
    page = session.get(f"{house.url}/accounts/login/", timeout=30)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token is not None
    form = {
        "username": person,
        "password": house.people[person]["password"],
        "csrfmiddlewaretoken": token[1],
    }
    answer = session.post(f"{house.url}/accounts/login/", data=form, timeout=30, allow_redirects=False)
    assert answer.status_code == 302, answer.text[:300]
    return session


def at_work(
    house: House,
    looks: Sequence[tuple[str, Callable[[random.Random], str]]],
    *,
    seconds: float,
    rate: float,
    clients: int = CLIENTS,
) -> Answers:
    """`clients` people open one of `looks` (a name, and what makes its path) again and again, at random moments,
    `rate` pages a second all together."""
    cookies = signed_in(house, "sre").cookies
    answers, over = Answers(), time.monotonic() + seconds

    def person(number: int) -> None:
        chance = random.Random(SEED + number)
        session = browser()
        session.cookies.update(cookies)
        while True:
            pause = chance.expovariate(rate / clients)
            if time.monotonic() + pause > over:
                return
            time.sleep(pause)
            kind, path = chance.choice(looks)
            url = house.url + path(chance)
            began = time.monotonic()
            answer = session.get(url, timeout=60)
            answers.note(kind, time.monotonic() - began, answer)

    threads = [threading.Thread(target=person, args=[number], daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
