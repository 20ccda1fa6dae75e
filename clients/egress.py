"""Where Ocean lets itself be sent by an address that somebody typed (a webhook).

The console stands in a network of machines that trust it: a scheduler, a database, a cloud's metadata service. A
webhook must not become a way to speak to those. So an address is looked at twice: when it is typed (to say in words
what is wrong), and, since a name can point somewhere else a moment later (DNS rebinding), at each call by the address
that the connection really reached, before a byte is sent over it.

Private networks are allowed: a company's own receivers are there. Link-local addresses (169.254.169.254 is the metadata
service of clouds), multicast and reserved ones never are; loopback only where Ocean itself is the embedded default.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_METADATA = frozenset(ip_address(text) for text in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
"""Metadata services that are not link-local: Alibaba Cloud's, Oracle Cloud's, and AWS's by IPv6."""

Address = IPv4Address | IPv6Address


class Forbidden(ValueError):
    """An address that Ocean does not call. `str(error)` says why, in English."""


@dataclass(frozen=True, slots=True)
class Egress:
    """`refused_networks` are refused besides those that always are; `refused_servers` are (host, port) of
    what the console itself works with, refused by name and by every address that the name has."""

    loopback: bool = False
    refused_networks: tuple[str, ...] = ()
    refused_servers: frozenset[tuple[str, int]] = frozenset()

    def check_url(self, url: str) -> None:
        """Raises Forbidden for what is no HTTP address, carries a password, or leads where Ocean does not call. A name
        that nobody knows at present passes: the call itself will fail."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as exc:
            raise Forbidden(f"not an address: {exc}") from exc
        if parts.scheme not in SCHEMES or not host:
            raise Forbidden("not an address that begins with https:// or http://")
        if parts.username is not None or parts.password is not None:
            raise Forbidden("a name and password do not belong into an address")
        if (host, port) in self.refused_servers:
            raise Forbidden(f"{host}:{port} is a server that Ocean itself works with")
        for address in _addresses(host, port):
            self.check_peer(address, port)

    def check_peer(self, address: str, port: int) -> None:
        """Raises Forbidden unless a connection to this IP address may be used."""
        ip = _plain(ip_address(address.partition("%")[0]))
        if ip.is_loopback:
            if not self.loopback:
                raise Forbidden(f"{ip} is this machine itself")
        elif ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved or ip in _METADATA:
            raise Forbidden(f"{ip} is link-local or reserved")
        if any(ip in ip_network(network, strict=False) for network in self.refused_networks):
            raise Forbidden(f"{ip} is in a network that Ocean is told not to call")
        for host, refused_port in self.refused_servers:
            if port == refused_port and str(ip) in (
                str(_plain(ip_address(other))) for other in _addresses(host, port)
            ):
                raise Forbidden(f"{ip}:{port} is a server that Ocean itself works with")


def servers_of(urls: Iterable[str]) -> frozenset[tuple[str, int]]:
    """The (host, port) of each address."""
    parts = (urlsplit(url) for url in urls)
    return frozenset((part.hostname or "", part.port or _PORTS.get(part.scheme, 0)) for part in parts)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def _plain(ip: Address) -> Address:
    """An IPv4 address in IPv6's clothes as what it is."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.sixtofour:
            return ip.sixtofour
    return ip
