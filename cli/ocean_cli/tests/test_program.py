"""The program itself: its help, what it loads, completion, the common options, secrets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocean_cli import __version__
from ocean_cli.main import SECTIONS, run
from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import FakeOcean, job, page

ROOT = Path(__file__).parents[2]
NAMES = [name for section in SECTIONS.values() for name in section]


def loaded_by(*arguments: str) -> set[str]:
    """The packages that a command line loads, in a process of its own."""
    code = f"import sys; from ocean_cli.main import run; run({list(arguments)!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["publish", "--help"]])
def test_help_loads_nothing_that_is_slow_or_not_its_own(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)
    assert "click" in loaded
    assert loaded & {"requests", "urllib3", "django", "apps", "rest_framework", "asyncio"} == set()
    if arguments[0].startswith("--"):
        assert loaded & {"rich", "yaml"} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_there_and_its_help_begins_with_the_short_one(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    short = next(section[name][1] for section in SECTIONS.values() if name in section)
    assert run([name, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert short in said
    assert name == "completion" or "--json" in said or "COMMAND" in said


def test_the_help_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-h"]) == 0
    words = capsys.readouterr().out.split()
    assert set(NAMES) <= set(words)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_a_misspelt_command_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publsh"]) == 2
    assert "Did you mean publish?" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert "_OCEAN_COMPLETE" in said
    assert "ocean" in said


def test_names_of_jobs_are_completed(ocean: Ocean, fake: FakeOcean) -> None:
    from ocean_cli.completing import job_names
    from ocean_cli.session import Session

    fake.on("GET", "jobs/", page(job(), job(cluster="production-c3"), job(name="worker")))
    assert job_names(Session(), "w") == ["web@production-c3", "web@staging", "worker"]
    assert job_names(Session(), "web@s") == ["web@staging"]


def test_completion_is_silent_when_the_console_is_away(
    ocean: Ocean, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ocean_cli.completing import job_names
    from ocean_cli.session import Session

    monkeypatch.setenv("OCEAN_URL", "http://127.0.0.1:1")
    assert job_names(Session(), "w") == []
    assert capsys.readouterr().err == ""


def test_a_reader_who_has_enough_is_no_error(fake: FakeOcean, home: Path) -> None:
    fake.on("GET", "jobs/", page(*[job(name=f"job-{number}") for number in range(2000)]))
    command = f"{sys.executable} -m ocean_cli jobs -q | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "OCEAN_URL": fake.url, "OCEAN_TOKEN": "t", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


class TestSecrets:
    SECRETS = "product-lines/pdl.ocean_owt.inf_cop.xiaomi/secrets/"
    LINES = page({"tag": "pdl.ocean_owt.inf_cop.xiaomi", "pdl": "ocean"})

    def test_a_value_comes_from_standard_input_and_is_never_shown(
        self, ocean: Ocean, fake: FakeOcean
    ) -> None:
        fake.on("GET", "product-lines/", self.LINES)
        fake.on("PUT", f"{self.SECRETS}db-password/", {"name": "db-password"})
        ended = ocean("secrets", "set", "db-password", stdin="s3 cret\n")
        assert ended.code == 0
        assert fake.asked[-1].body == {"value": "s3 cret"}
        assert "s3 cret" not in ended.out + ended.err

    def test_of_several_product_lines_one_has_to_be_named(self, ocean: Ocean, fake: FakeOcean) -> None:
        other = {"tag": "pdl.browser_owt.miui_cop.xiaomi", "pdl": "browser"}
        fake.on("GET", "product-lines/", page(*self.LINES["results"], other))
        fake.on("GET", f"{self.SECRETS}", page())
        ended = ocean("secrets", "list")
        assert (ended.code, other["tag"] in ended.err) == (2, True)
        assert ocean("secrets", "list", "-l", "ocean").code == 0

    def test_an_empty_value_is_refused(self, ocean: Ocean) -> None:
        assert ocean("secrets", "set", "x", "-l", "pdl.x", stdin="\n").code == 2
