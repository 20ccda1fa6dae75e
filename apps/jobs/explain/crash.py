"""Instances that end though they should run on: exit codes and signals in words."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_noop

from apps.jobs.explain.exits import Exit, read_exit, unhealthy_cause
from apps.jobs.explain.facts import Ended, Facts
from apps.jobs.explain.problem import Change, Problem, line
from apps.jobs.explain.programs import (
    files_of,
    forbidden_program,
    meant_program,
    missing_program,
    with_program,
)
from apps.jobs.explain.words import duration, listed, mib
from engines.base import InstanceState

NOT_FOUND = gettext_noop("The command was not found: %(program)s (exit code 127 on %(host)s%(often)s).")
NOT_FOUND_MEANT = gettext_noop("Perhaps %(meant)s was meant.")
NOT_FOUND_HINT = gettext_noop(
    "Correct the command, or bring the program along: in the image, or as a file that is fetched."
)
NOT_EXECUTABLE = gettext_noop(
    "The command cannot be executed: %(program)s (exit code 126 on %(host)s%(often)s)."
)
FETCHED_HINT = gettext_noop("Mark the fetched file %(program)s as executable.")
NOT_EXECUTABLE_HINT = gettext_noop("Make the file executable first (chmod +x), or call its interpreter.")
SIGNALLED = gettext_noop("The instance on %(host)s was killed by %(signal)s%(as_code)s%(often)s.")
AS_CODE = gettext_noop(" (exit code %(code)s = 128 + %(number)s)")
OUT_OF_MEMORY = gettext_noop(
    "The instance on %(host)s used more than its memory, %(memory)s, and was killed%(often)s."
)
OUT_OF_DISK = gettext_noop(
    "The instance on %(host)s wrote more than its disk, %(disk)s, and was killed%(often)s."
)
LIMIT_HINT = gettext_noop("Ask for more: %(more)s.")
KILL_WHY = gettext_noop(
    "Nobody asked for it here. Most often the host's kernel does that to what uses too much "
    "memory; it has %(memory)s."
)
TERM_WHY = gettext_noop("Somebody or something outside of Ocean asked it to end.")
SEGV_WHY = gettext_noop(
    "It used memory that is not its own: a fault of the program, or a library that does not fit."
)
ABRT_WHY = gettext_noop("It gave up by itself after an error that it could not handle.")
SIGNAL_HINT = gettext_noop("Its log may say more.")
MEMORY_HINT = gettext_noop("Ask for more memory, %(more)s for example, or see in its log what ended it.")
FINISHED = gettext_noop(
    "The command ends by itself, with success, though it should run on (on %(host)s%(often)s)."
)
FINISHED_WHY = gettext_noop(
    "A job's command has to stay in the foreground; one that starts a daemon and returns looks ended."
)
FINISHED_HINT = gettext_noop(
    "Run the server itself in the foreground; for work that ends, use a scheduled job."
)
PORT_TAKEN = gettext_noop(
    "The instance on %(host)s could not listen: its port is taken there (exit code %(code)s%(often)s)."
)
PORT_TAKEN_HINT = gettext_noop("Listen on the port that the host gives ($PORT0) instead of a fixed one.")
EXITED = gettext_noop("The instance on %(host)s ended with exit code %(code)s%(often)s.")
ENDED = gettext_noop("An instance ended on %(host)s%(often)s.")
SAID = gettext_noop('The scheduler said: "%(message)s".')
WROTE = gettext_noop('It last wrote: "%(wrote)s".')
EXITED_HINT = gettext_noop("Read the whole log of that instance; publish a version that stays up.")
OFTEN = gettext_noop(", %(count)s times in %(within)s")
AFTER = gettext_noop(", %(ran)s after its start")
NOT_FETCHED = gettext_noop("The host %(host)s could not fetch a file that the job needs.")
NOT_FETCHED_HINT = gettext_noop(
    "See whether the address is right and can be reached from the hosts: %(uris)s."
)
NO_IMAGE = gettext_noop("The host %(host)s could not get or start the image %(image)s.")
NO_IMAGE_HINT = gettext_noop(
    "See whether the image's name and tag are right, and whether the registry can be reached."
)
NOT_LAUNCHED = gettext_noop("The host %(host)s could not start the instance.")

_TAKEN = re.compile(r"address already in use|EADDRINUSE|port is already allocated", re.IGNORECASE)
_FETCH = re.compile(r"failed to fetch|failed to copy|error fetching|fetcher", re.IGNORECASE)
_LAUNCH = re.compile(
    r"failed to launch|container launch failed|failed to run|failed to pull|docker", re.IGNORECASE
)
_MEMORY = re.compile(
    r"memory limit exceeded|CONTAINER_LIMITATION_MEMORY|\bOOM\b|out of memory", re.IGNORECASE
)
_DISK = re.compile(r"disk (?:limit|usage|quota)\b.*exceed|CONTAINER_LIMITATION_DISK", re.IGNORECASE)
_FIXED_PORT = re.compile(r"(?<![\w.$])(\d{4,5})(?![\w.])")


def latest(facts: Facts) -> Ended | None:
    """The latest end that a crash rule has to tell of: while the job is short of instances, or its instances end again
    and again."""
    ended = facts.ended[0] if facts.ended else None
    if ended is None or unhealthy_cause(ended.message) is not None:
        return None
    return ended if facts.is_short or facts.is_crash_loop else None


def out_of_limits(facts: Facts) -> Problem | None:
    """Killed for using more memory or disk than it asked for."""
    ended = latest(facts)
    if ended is None:
        return None
    for pattern, field, code, what in (
        (_MEMORY, "memory_mib", "out_of_memory", OUT_OF_MEMORY),
        (_DISK, "disk_mib", "out_of_disk", OUT_OF_DISK),
    ):
        if pattern.search(ended.message):
            before = int(facts.spec.get(field) or 0)
            values = _values(facts, ended) | {
                "memory": mib(before),
                "disk": mib(before),
                "more": mib(_more(before)),
                "message": ended.message,
            }
            change = Change(f"spec.{field}", before, _more(before))
            return Problem("error", code, what, SAID, LIMIT_HINT, values, change, _hosts(ended))
    return None


def not_fetched(facts: Facts) -> Problem | None:
    """A file that could not be fetched before the start."""
    ended = latest(facts)
    if ended is None or not _FETCH.search(ended.message):
        return None
    uris = [row["uri"] for row in facts.spec.get("fetch", ())]
    values = _values(facts, ended) | {"message": ended.message, "uris": listed(uris)}
    return Problem(
        "error",
        "fetch_failed",
        NOT_FETCHED,
        SAID,
        NOT_FETCHED_HINT if uris else "",
        values,
        hosts=_hosts(ended),
    )


def not_launched(facts: Facts) -> Problem | None:
    """An image that could not be had, or a container that could not be started."""
    ended = latest(facts)
    if ended is None or read_exit(ended.message) != Exit() or not _LAUNCH.search(ended.message):
        return None
    image = facts.spec.get("image") or ""
    values = _values(facts, ended) | {"message": ended.message, "image": image}
    if image:
        return Problem("error", "image_failed", NO_IMAGE, SAID, NO_IMAGE_HINT, values, hosts=_hosts(ended))
    return Problem("error", "launch_failed", NOT_LAUNCHED, SAID, values=values, hosts=_hosts(ended))


def command_not_found(facts: Facts) -> Problem | None:
    """Exit code 127: the shell does not know the program."""
    ended = latest(facts)
    if ended is None or read_exit(ended.message).code != 127:
        return None
    program = missing_program(_wrote(facts), facts.spec)
    meant = meant_program(program, facts.spec) if program else None
    values = _values(facts, ended) | {"program": program or "?", "meant": meant, "wrote": _shown(facts)}
    change = None
    command = facts.spec.get("command")
    if meant and command and (corrected := with_program(command, program, meant)):
        change = Change("spec.command", command, corrected)
    hint = NOT_FOUND_MEANT if meant else NOT_FOUND_HINT
    why = WROTE if values["wrote"] else ""
    return Problem("error", "command_not_found", NOT_FOUND, why, hint, values, change, _hosts(ended))


def not_executable(facts: Facts) -> Problem | None:
    """Exit code 126: there is such a file, but it cannot be executed."""
    ended = latest(facts)
    if ended is None or read_exit(ended.message).code != 126:
        return None
    program = forbidden_program(_wrote(facts), facts.spec)
    name = program.removeprefix("./")
    values = _values(facts, ended) | {"program": program or "?", "wrote": _shown(facts)}
    why = WROTE if values["wrote"] else ""
    change, hint = None, NOT_EXECUTABLE_HINT
    for index, row in enumerate(facts.spec.get("fetch", ())):
        if name in files_of({"fetch": [row]}) and not row.get("executable"):
            change, hint = Change(f"spec.fetch[{index}].executable", False, True), FETCHED_HINT
    return Problem("error", "not_executable", NOT_EXECUTABLE, why, hint, values, change, _hosts(ended))


def killed_by_signal(facts: Facts) -> Problem | None:
    """A signal, also as a shell tells it: 137 is 128 + 9."""
    ended = latest(facts)
    end = read_exit(ended.message) if ended else Exit()
    if ended is None or end.signal is None:
        return None
    as_code = line(AS_CODE, code=end.code, number=end.signal) if end.code is not None else ""
    memory = int(facts.spec.get("memory_mib") or 0)
    values = _values(facts, ended) | {
        "signal": end.signal_name,
        "as_code": as_code,
        "memory": mib(memory),
        "more": mib(_more(memory)),
    }
    code = f"killed_by_{end.signal_name.lower().replace(' ', '_')}"
    if end.signal_name == "SIGKILL":
        change = Change("spec.memory_mib", memory, _more(memory))
        return Problem("error", code, SIGNALLED, KILL_WHY, MEMORY_HINT, values, change, _hosts(ended))
    why = {
        "SIGTERM": TERM_WHY,
        "SIGINT": TERM_WHY,
        "SIGSEGV": SEGV_WHY,
        "SIGBUS": SEGV_WHY,
        "SIGABRT": ABRT_WHY,
    }
    return Problem(
        "error", code, SIGNALLED, why.get(end.signal_name, ""), SIGNAL_HINT, values, hosts=_hosts(ended)
    )


def finished(facts: Facts) -> Problem | None:
    """Exit code 0: the command is done, though a job should stay up."""
    ended = latest(facts)
    if ended is None or not (ended.state == InstanceState.FINISHED or read_exit(ended.message).code == 0):
        return None
    values = _values(facts, ended)
    return Problem("error", "finished", FINISHED, FINISHED_WHY, FINISHED_HINT, values, hosts=_hosts(ended))


def port_taken(facts: Facts) -> Problem | None:
    """It ended because somebody else listens where it wants to."""
    ended = latest(facts)
    said = next((text for text in reversed(_wrote(facts)) if _TAKEN.search(text)), None)
    if ended is None or said is None:
        return None
    values = _values(facts, ended) | {"code": read_exit(ended.message).code, "wrote": said}
    change = listen_on_given(facts)
    return Problem("error", "port_taken", PORT_TAKEN, WROTE, PORT_TAKEN_HINT, values, change, _hosts(ended))


def exited(facts: Facts) -> Problem | None:
    """Any other end: its exit code, and the last that it wrote."""
    ended = latest(facts)
    if ended is None:
        return None
    code = read_exit(ended.message).code
    wrote = _shown(facts)
    values = _values(facts, ended) | {"code": code, "message": ended.message, "wrote": wrote}
    what = ENDED if code is None else EXITED
    return Problem(
        "error", "exited" if code is not None else "ended", what, WROTE if wrote else SAID, EXITED_HINT, values,
        hosts=_hosts(ended),
    )  # fmt: skip


def listen_on_given(facts: Facts) -> Change | None:
    """The command with the host's port in place of the only fixed one in it."""
    command = facts.spec.get("command") or ""
    ports = _FIXED_PORT.findall(command)
    if "$PORT" in command or "${PORT" in command or len(ports) != 1 or not facts.spec.get("ports"):
        return None
    return Change("spec.command", command, _FIXED_PORT.sub("$PORT0", command))


def _values(facts: Facts, ended: Ended) -> dict[str, Any]:
    return {"host": ended.host or "?", "often": _often(facts, ended)}


def _often(facts: Facts, ended: Ended) -> Any:
    """How often within what time, or how soon after the start."""
    ends = [one for one in facts.ended if unhealthy_cause(one.message) is None]
    if len(ends) > 1:
        within = max(1.0, (ends[0].at - ends[-1].at).total_seconds())
        return line(OFTEN, count=len(ends), within=duration(within))
    return line(AFTER, ran=duration(ended.ran_s)) if ended.ran_s is not None else ""


def _wrote(facts: Facts) -> tuple[str, ...]:
    return facts.last_words.lines if facts.last_words else ()


def _shown(facts: Facts) -> str:
    """The last line that says anything."""
    return next((text[-300:] for text in reversed(_wrote(facts)) if text.strip()), "")


def _more(mib_now: int) -> int:
    return max(2 * mib_now, 64)


def _hosts(ended: Ended) -> tuple[str, ...]:
    return (ended.host,) if ended.host else ()
