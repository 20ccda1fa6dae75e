"""An Ocean that answers what a test says, on a real port, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TAG = "job.web_service.shop_cluster.staging_pdl.ocean_owt.inf_cop.xiaomi"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `query` has lists, as addresses do."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Close the connection without an answer."""


Answer = Reply | Callable[[Asked], Reply]


@dataclass
class FakeOcean:
    """`on("GET", "jobs/", …)`: answers one after the other, the last one for ever."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Any) -> None:
        """Plain values are bodies of a 200."""
        self._answers[method, path] = [
            answer if isinstance(answer, Reply) or callable(answer) else Reply(answer) for answer in answers
        ]

    def calls(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        answers = self._answers.get((asked.method, asked.path))
        if not answers:
            return problem(404, "not-found", f"{asked.method} {asked.path} is not there.")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return found(asked) if callable(found) else found


def page(*rows: Any) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": list(rows)}


def problem(status: int, slug: str, detail: str, **extra: Any) -> Reply:
    body = {"type": f"urn:ocean:problem:{slug}", "title": "", "status": status, "detail": detail, **extra}
    headers = {"Content-Type": "application/problem+json"}
    if "retry_after" in body:
        headers["Retry-After"] = str(body.pop("retry_after"))
    return Reply(body, status, headers)


def job(**fields: Any) -> dict[str, Any]:
    """A job as lists show it: running, published, three instances."""
    row = {
        "tag": TAG,
        "product_line": "pdl.ocean_owt.inf_cop.xiaomi",
        "service": "shop",
        "cluster": "staging",
        "name": "web",
        "state": "running",
        "since": "2026-11-20T08:00:00Z",
        "version": 2,
        "running_version": 2,
        "instances": {"wanted": 3, "running": 3, "healthy": 3, "staging": 0},
        "operation": None,
        "problems": [],
        "managed_by": "",
        "created": "2026-11-20T07:00:00Z",
        **fields,
    }
    if "tag" not in fields:
        row["tag"] = (
            f"job.{row['name']}_service.{row['service']}_cluster.{row['cluster']}_{row['product_line']}"
        )
    return row


def operation(
    state: str = "queued", *, id: int = 7, kind: str = "job.publish", **fields: Any
) -> dict[str, Any]:
    return {
        "id": id,
        "kind": kind,
        "target": TAG,
        "state": state,
        "progress": 100 if state == "succeeded" else 0,
        "message": "",
        "error": "",
        "requested_by": "dev",
        "reason": "",
        "created": "2026-11-20T08:00:00Z",
        "started": None,
        "finished": None,
        "controls": [],
        "next": None,
        "takes_over": None,
        "log": [],
        **fields,
    }


def said(text: str, level: str = "info") -> dict[str, str]:
    return {"time": "2026-11-20T08:00:01Z", "level": level, "text": text}


@contextmanager
def serving() -> Iterator[FakeOcean]:
    fake = FakeOcean()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            parts = urlsplit(self.path)
            reply = fake.answer(
                Asked(
                    method=self.command,
                    path=parts.path.removeprefix("/api/v1/"),
                    query=parse_qs(parts.query),
                    headers=dict(self.headers),
                    body=json.loads(content) if content else None,
                )
            )
            if reply.cut:
                self.close_connection = True
                return
            raw = isinstance(reply.body, bytes)
            body = reply.body if raw else b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names are the library's

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
