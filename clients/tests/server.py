"""A real HTTP server on loopback that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


class Reply:
    """What is said to one request: a status with a JSON, text or byte body."""

    def __init__(
        self,
        body: object = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {"Content-Type": content_type, **(headers or {})}

    def send(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        handler.send_response(self.status)
        for name, value in {**self.headers, "Content-Length": str(len(self.body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body)


class Hang(Reply):
    """Takes the request and never answers."""

    def send(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        closing.wait()


class Reset(Reply):
    """Takes the request and resets the connection, after `body` if there is one."""

    def send(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        handler.close_connection = True
        if self.body:
            handler.send_response(self.status)
            handler.send_header("Content-Length", str(len(self.body) + 1000))
            handler.end_headers()
            handler.wfile.write(self.body)
            handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.shutdown(socket.SHUT_RDWR)


class Stream(Reply):
    """An endless body as Marathon's event stream has it: no length, no chunks. A bytes piece is sent; an
    Event is waited for first; None leaves the connection open and silent until the server closes."""

    def __init__(self, *pieces: bytes | threading.Event | None) -> None:
        super().__init__(content_type="text/event-stream;charset=utf-8")
        self.pieces = pieces

    def send(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Content-Type", self.headers["Content-Type"])
        handler.send_header("Connection", "close")
        handler.end_headers()
        for piece in self.pieces:
            if isinstance(piece, bytes):
                handler.wfile.write(piece)
                handler.wfile.flush()
            else:
                (piece or closing).wait()


Answer = Reply | Callable[[Asked], Reply]


@dataclass
class LocalServer:
    """`on` says what a call is answered with: one answer for ever, or a list of them, one after another."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def calls(self, method: str = "") -> list[str]:
        """What was asked, `GET /v2/info`, of one method or all."""
        return [f"{a.method} {a.path}" for a in self.asked if a.method.startswith(method)]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        answers = self.answers.get((asked.method, asked.path))
        if answers is None:
            return Reply({"message": f"no answer for {asked.method} {asked.path}"}, status=404)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return found if isinstance(found, Reply) else found(asked)


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """A server on a free port; its threads end with the block."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            asked = Asked(
                method=self.command,
                path=parts.path,
                query=parse_qs(parts.query, keep_blank_values=True),
                headers=dict(self.headers.items()),
                body=self.rfile.read(length),
            )
            server.answer(asked).send(self, closing)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  (http.server's names)

        def log_message(self, format: str, *args: object) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a client that went away, or Reset's own doing

    httpd = Quiet(("127.0.0.1", 0), Handler)
    server = LocalServer(url=f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        closing.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def closed_port_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
