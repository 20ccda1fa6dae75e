"""A console to talk to, a clock that does not keep anybody waiting, and a home of one's own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ocean_cli.main import run
from ocean_cli.tests.fake import FakeOcean, serving


@dataclass
class Clock:
    """Sleeping moves it, and notes for how long."""

    now: float = 1000.0
    naps: list[float] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds
        self.on_sleep()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Ocean = Callable[..., Ended]


@pytest.fixture
def fake() -> Iterator[FakeOcean]:
    with serving() as found:
        yield found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in ("http", "following", "saving", "commands.logs"):
        monkeypatch.setattr(f"ocean_cli.{module}.time", made)
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without anything that the person's own environment says."""
    for name in ("URL", "TOKEN", "CONTEXT", "CONFIG", "LANG"):
        monkeypatch.delenv(f"OCEAN_{name}", raising=False)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ocean(
    fake: FakeOcean,
    clock: Clock,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ocean:
    """`ocean("jobs", "-q")`, as somebody with a token; `stdin` is what is written to it."""
    monkeypatch.setenv("OCEAN_URL", fake.url)
    monkeypatch.setenv("OCEAN_TOKEN", "ocean_secret")

    def call(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run(arguments)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call
