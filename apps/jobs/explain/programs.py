"""Which program a shell could not find, and which one was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from apps.jobs.explain.words import closest

KNOWN = (
    "bash", "bundle", "bun", "caddy", "celery", "cp", "curl", "daphne", "deno", "dotnet", "echo", "env", "envoy",
    "erl", "etcd", "exec", "flask", "go", "gunicorn", "haproxy", "httpd", "java", "julia", "memcached", "mkdir",
    "mongod", "mysqld", "nginx", "node", "npm", "npx", "perl", "php", "php-fpm", "pip", "pnpm", "postgres", "puma",
    "python", "python2", "python3", "rails", "redis-server", "ruby", "sh", "sleep", "supervisord", "tail", "tar",
    "tini", "uvicorn", "wget", "yarn",
)  # fmt: skip
"""Programs that commands of services often begin with."""
_MISSING = (
    re.compile(r"(?:^|\s)(?:exec: )?(?P<word>\S+): (?:command )?not found\s*$"),
    re.compile(r"(?:^|\s)(?P<word>\S+): cannot execute: required file not found"),
    re.compile(r"env: [‘'\"]?(?P<word>[^‘’'\":]+)[’'\"]?: No such file or directory"),
    re.compile(r"(?:^|\s)(?P<word>\S+): No such file or directory\s*$"),
    re.compile(r"""exec(?:v|vp|utable)?\W+"?(?P<word>[^\s":]+)"?: (?:executable file )?not found"""),
)
_FORBIDDEN = re.compile(r"(?:^|\s)(?:exec: )?(?P<word>\S+): Permission denied\s*$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_BEFORE = {"exec", "env", "nohup", "sudo", "time", "command", "&&", "then", "do"}


def missing_program(lines: Iterable[str], spec: Mapping[str, Any]) -> str:
    """The program that was not found: as the shell said, else the first of the command; "
    "empty where unknown."""
    for said in reversed(list(lines)):
        for pattern in _MISSING:
            if match := pattern.search(said):
                return match["word"].strip("'\"‘’")
    return first_program(spec)


def forbidden_program(lines: Iterable[str], spec: Mapping[str, Any]) -> str:
    """The program that could not be executed."""
    for said in reversed(list(lines)):
        if match := _FORBIDDEN.search(said):
            return match["word"].strip("'\"‘’")
    return first_program(spec)


def first_program(spec: Mapping[str, Any]) -> str:
    """The word of the command that is a program, after assignments and `exec`."""
    words: list[str] = list(spec.get("args") or ())
    if spec.get("command"):
        try:
            words = shlex.split(spec["command"])
        except ValueError:
            words = spec["command"].split()
    return next((word for word in words if word not in _BEFORE and not _ASSIGNMENT.match(word)), "")


def meant_program(word: str, spec: Mapping[str, Any]) -> str | None:
    """The program, or fetched or written file, whose name is closest to a word that was not found."""
    known = [*KNOWN, *(f"./{name}" for name in files_of(spec))]
    found = closest(word, known)
    if found is not None or "/" not in word:
        return found
    path = PurePosixPath(word)
    name = closest(path.name, KNOWN)
    return str(path.with_name(name)) if name else None


def files_of(spec: Mapping[str, Any]) -> list[str]:
    """The files that the spec puts into the instance's folder."""
    fetched = [PurePosixPath(row["uri"].split("?")[0]).name for row in spec.get("fetch", ())]
    return [name for name in (*fetched, *(row["path"] for row in spec.get("files", ()))) if name]


def with_program(command: str, word: str, meant: str) -> str | None:
    """The command with the program that was meant in place of the word; None where the word is not in it."""
    pattern = re.compile(rf"(?<![\w./-]){re.escape(word)}(?![\w./-])")
    return pattern.sub(lambda _match: meant, command) if pattern.search(command) else None
