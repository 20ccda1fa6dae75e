"""`/files/*` of the agents: sandbox folders by their real or virtual path, and nothing outside.

Source: src/files/files.cpp. `data` carries the file's bytes as they are inside the JSON text, so a client
counts bytes, not letters.
"""

from __future__ import annotations

import grp
import json
import mimetypes
import pwd
import stat
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from sandbox.ids import HostId
from sandbox.mesos.http import HostAway, Refusal
from sandbox.model import Cluster

READ_MAX_BYTES = 16 * 4096
"""One read gives 16 pages at most."""


class Files:
    """The files that one cluster's agents show.

    `root` is the cluster's folder; `reachable(hostname)` is whether anything of that host can be reached.
    """

    def __init__(self, cluster: Cluster, root: Path, reachable: Callable[[str], bool]) -> None:
        self._cluster = cluster
        self._root = root.resolve()
        self._reachable = reachable

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/files/browse", self.browse),
            web.get("/files/read", self.read),
            web.get("/files/download", self.download),
            web.get("/files/debug", self.debug),
        ]

    async def browse(self, request: web.Request) -> web.Response:
        """The entries of a folder; a file, like an empty folder, has none."""
        path = self._existing(request)
        entries = sorted(path.iterdir()) if path.is_dir() else []
        asked = request.query["path"].rstrip("/")
        shown = [
            entry for entry in entries if self._inside(entry) and entry.exists()
        ]  # no links to elsewhere
        return web.json_response([_entry_json(entry, f"{asked}/{entry.name}") for entry in shown])

    async def read(self, request: web.Request) -> web.Response:
        """A piece of a file; offset -1 (or none) asks for its size."""
        path = self._existing(request)
        if path.is_dir():
            raise Refusal(400, "Cannot read a directory.")
        offset, length = _number(request, "offset"), _number(request, "length")
        size = path.stat().st_size
        if offset == -1:
            return _piece(b"", size)
        if offset >= size:
            return _piece(b"", offset)
        wanted = READ_MAX_BYTES if length == -1 else min(length, READ_MAX_BYTES)
        with path.open("rb") as file:
            file.seek(offset)
            return _piece(file.read(wanted), offset)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The whole file, raw."""
        path = self._existing(request)
        if path.is_dir():
            raise Refusal(400, "Cannot download a directory.")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {"Content-Disposition": f"attachment; filename={path.name}", "Content-Type": kind}
        return web.FileResponse(path, headers=headers)

    async def debug(self, request: web.Request) -> web.Response:
        """Virtual paths and the real ones behind them."""
        tasks = [task for host in self._cluster.hosts.values() for task in host.tasks.values()]
        return web.json_response(
            {
                f"/frameworks/{task.framework_id}/executors/{task.id}/runs/latest": task.directory
                for task in tasks
                if task.directory
            }
        )

    def _existing(self, request: web.Request) -> Path:
        """The file that `path` means. Raises Refusal."""
        asked = request.query.get("path")
        if not asked:
            raise Refusal(400, "Expecting 'path=value' in query.\n")
        path = self._real(asked)
        if not self._inside(path):
            raise Refusal(400, f"Invalid path: {asked} is outside the sandbox folders.\n")
        if not self._reachable(self._hostname(path)):
            raise HostAway
        if not path.exists():
            raise Refusal(404)
        return path.resolve()

    def _real(self, asked: str) -> Path:
        """The real path; a virtual one is looked up on every host."""
        if not asked.startswith("/frameworks/"):
            return Path(asked)
        relative = asked.lstrip("/")
        hosts = (self._root / "slaves").glob("*")
        found = next((folder / relative for folder in hosts if (folder / relative).exists()), None)
        return found or self._root / "slaves" / "nobody" / relative

    def _inside(self, path: Path) -> bool:
        """Whether a path, with every link in it followed, is a sandbox folder's or a persistent volume's."""
        real = path.resolve()
        return any(real.is_relative_to(self._root / room) for room in ("slaves", "volumes"))

    def _hostname(self, path: Path) -> str:
        """Whose folder it is; a host that is gone for good has no name any more, but its folders are there."""
        real = path.resolve()
        slaves = self._root / "slaves"
        if not real.is_relative_to(slaves) or real == slaves:
            return ""
        host = self._cluster.hosts.get(HostId(real.relative_to(slaves).parts[0]))
        return host.hostname if host else ""


def _piece(data: bytes, offset: int) -> web.Response:
    # Surrogates carry bytes that are no UTF-8 through the JSON encoder and out again as they were.
    body = json.dumps({"data": data.decode("utf-8", "surrogateescape"), "offset": offset}, ensure_ascii=False)
    return web.Response(body=body.encode("utf-8", "surrogateescape"), content_type="application/json")


def _number(request: web.Request, key: str) -> int:
    text = request.query.get(key, "-1")
    try:
        number = int(text)
    except ValueError:
        raise Refusal(400, f"Failed to parse {key}: {text}.\n") from None
    if number < -1:
        raise Refusal(400, f"Negative {key} provided: {number}.\n")
    return number


def _name(look_up: Callable[[int], tuple[object, ...]], number: int) -> str:
    """The name of a user or group; the number where it has none."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def _entry_json(path: Path, shown: str) -> dict[str, object]:
    facts = path.stat()
    return {
        "path": shown,
        "nlink": facts.st_nlink,
        "size": facts.st_size,
        "mtime": facts.st_mtime,
        "mode": stat.filemode(facts.st_mode),
        "uid": _name(pwd.getpwuid, facts.st_uid),
        "gid": _name(grp.getgrgid, facts.st_gid),
    }
