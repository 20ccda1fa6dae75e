"""What the foreground shows: one line for each thing worth knowing."""

import json
import re
import sys

from embedded.folder import Folder

_EXITED = re.compile(r"WARN exited: (?P<name>\S+) \((?P<how>.*); not expected\)")
_SPAWNED = re.compile(r"INFO spawned: '(?P<name>\S+)' with pid (?P<pid>\d+)")
_STOPPED = re.compile(r"INFO stopped: (?P<name>\S+) \((?P<how>.*)\)")


def say(text: str) -> None:
    """Write a line (or several) at once, so that a pipe or a log file has it too."""
    for line in text.splitlines():
        sys.stdout.write(f"ocean: {line}\n")
    sys.stdout.flush()


def event_line(line: str) -> str | None:
    """supervisord's log line in fewer words; None for what nobody needs at the terminal."""
    if match := _EXITED.search(line):
        return f"{match['name']} ended ({match['how']}); it will be started again"
    if match := _SPAWNED.search(line):
        return f"{match['name']} started (process {match['pid']})"
    if match := _STOPPED.search(line):
        return f"{match['name']} stopped, as asked ({match['how']})"
    return None


def logins(folder: Folder) -> str:
    """The demo people's names, passwords and API tokens as a table, and where the logs are."""
    lines = [f"logs in {folder.logs}; ports in {folder.ports_file}; Ctrl-C stops everything"]
    if folder.demo_file.exists():
        people: dict[str, dict[str, str]] = json.loads(folder.demo_file.read_text())
        width = max(len(person["password"]) for person in people.values())
        lines.append(f"  {'login':6} {'password':{width}} API token")
        lines += [
            f"  {name:6} {person['password']:{width}} {person['token']}" for name, person in people.items()
        ]
    return "\n".join(lines)
