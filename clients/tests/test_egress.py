"""Where a typed address may lead."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from clients.egress import Egress, Forbidden, servers_of
from clients.errors import Refused
from clients.http import HttpClient
from clients.tests.server import LocalServer, Reply


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "example.com/hook",
        "http://",
        "http://[::1",
        "http://user:pw@example.com/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://localhost:8080/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://100.100.100.200/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "http://10.9.1.2/",
        "http://10.8.0.7:8080/v2/apps",
    ],
)
def test_an_address_that_is_refused(url: str) -> None:
    servers = servers_of(["http://10.8.0.7:8080"])
    with pytest.raises(Forbidden):
        Egress(refused_networks=("10.9.0.0/16",), refused_servers=servers).check_url(url)


@pytest.mark.parametrize("url", ["https://10.1.2.3/hook", "http://192.168.1.1:8080/", "http://8.8.8.8/"])
def test_private_and_public_addresses_are_allowed(url: str) -> None:
    Egress(refused_networks=("10.9.0.0/16",)).check_url(url)


def test_a_scheduler_is_refused_by_each_of_its_names() -> None:
    egress = Egress(loopback=True, refused_servers=servers_of(["http://localhost:8080"]))
    for url in ("http://localhost:8080/x", "http://127.0.0.1:8080/x", "http://[::ffff:127.0.0.1]:8080/"):
        with pytest.raises(Forbidden, match="works with"):
            egress.check_url(url)
    egress.check_url("http://127.0.0.1:8081/x")


def test_a_name_that_points_elsewhere_when_it_is_called_gets_no_byte(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name was fine when it was looked at."""
    server.on("POST", "/hook", Reply({}))
    port = int(server.url.rpartition(":")[2])
    real = socket.getaddrinfo
    answers = ["8.8.8.8"]

    def rebinding(host: Any, *args: Any, **more: Any) -> Any:
        if host == "hook.example.com":
            host = answers.pop(0) if answers else "127.0.0.1"
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    egress = Egress()
    url = f"http://hook.example.com:{port}/hook"
    egress.check_url(url)
    with pytest.raises(Refused, match="this machine itself"):
        HttpClient("webhook", egress=egress).send("POST", url, operation="notify", data=b"x")
    assert server.asked == []
    HttpClient("webhook", egress=Egress(loopback=True)).send("POST", url, operation="notify", data=b"x")
    assert server.calls() == ["POST /hook"]
