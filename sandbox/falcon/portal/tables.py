"""The portal's rows, named and shaped as its JSON is. Every change is marked for the disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sandbox.codec import decode, encode
from sandbox.falcon.graph import CLUSTER
from sandbox.store import Store


class _Row(Protocol):
    id: int


R = TypeVar("R", bound=_Row)


@dataclass(slots=True)
class User:
    """`role` 2: root, 1: admin, 0: anybody. `passwd` is salted and hashed."""

    id: int
    name: str
    passwd: str
    cnname: str = ""
    email: str = ""
    phone: str = ""
    im: str = ""
    qq: str = ""
    role: int = 0
    sig: str = ""  # of its session; "": not logged in

    @property
    def is_admin(self) -> bool:
        return self.role > 0

    def shown(self) -> dict[str, Any]:
        return {
            key: getattr(self, key) for key in ("id", "name", "cnname", "email", "phone", "im", "qq", "role")
        }


@dataclass(slots=True)
class Team:
    id: int
    name: str
    resume: str
    creator: int
    users: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Host:
    id: int
    hostname: str
    ip: str = ""
    agent_version: str = ""
    plugin_version: str = ""
    maintain_begin: int = 0
    maintain_end: int = 0


@dataclass(slots=True)
class HostGroup:
    """`hosts`: ids; `templates`: id and who bound it."""

    id: int
    grp_name: str
    create_user: str
    hosts: list[int] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "grp_name": self.grp_name, "create_user": self.create_user}


@dataclass(slots=True)
class Template:
    id: int
    tpl_name: str
    parent_id: int
    action_id: int
    create_user: str


@dataclass(slots=True)
class Strategy:
    id: int
    metric: str
    tags: str
    max_step: int
    priority: int
    func: str
    op: str
    right_value: str
    note: str
    run_begin: str
    run_end: str
    tpl_id: int


@dataclass(slots=True)
class Action:
    id: int
    uic: str
    url: str
    callback: int
    before_callback_sms: int
    before_callback_mail: int
    after_callback_sms: int
    after_callback_mail: int


@dataclass(slots=True)
class Expression:
    id: int
    expression: str
    func: str
    op: str
    right_value: str
    max_step: int
    priority: int
    note: str
    action_id: int
    create_user: str
    pause: int


@dataclass(slots=True)
class Aggregator:
    """A cluster metric, as upstream names it."""

    id: int
    grp_id: int
    numerator: str
    denominator: str
    endpoint: str
    metric: str
    tags: str
    ds_type: str
    step: int
    creator: str


@dataclass(slots=True)
class NoData:
    id: int
    name: str
    obj: str
    obj_type: str
    metric: str
    tags: str
    dstype: str
    step: int
    mock: float
    creator: str


@dataclass(slots=True)
class Plugin:
    id: int
    grp_id: int
    dir: str
    create_user: str


class Table(Generic[R]):
    """Rows by id, as MySQL numbers them."""

    def __init__(self, store: Store, kind: type[R], on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change
        self._kind = f"portal-{kind.__name__.lower()}"
        self._rows: dict[int, R] = {
            row.id: row for row in (decode(kind, record) for _, record in store.load(CLUSTER, self._kind))
        }
        self._last_id = max(self._rows, default=0)

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def get(self, row_id: int) -> R | None:
        return self._rows.get(row_id)

    def first(self, test: Callable[[R], bool]) -> R | None:
        return next((row for row in self._rows.values() if test(row)), None)

    def add(self, make: Callable[[int], R]) -> R:
        """`make` gets the row's id."""
        self._last_id += 1
        row = self._rows[self._last_id] = make(self._last_id)
        self.changed(row)
        return row

    def changed(self, row: R) -> None:
        self._on_change()
        self._store.mark(CLUSTER, self._kind, f"{row.id:010}", lambda: encode(self._rows.get(row.id)))

    def delete(self, row_id: int) -> None:
        self._on_change()
        self._rows.pop(row_id, None)
        self._store.mark(CLUSTER, self._kind, f"{row_id:010}", lambda: None)


class Tables:
    """The portal's database. `version` goes up with every change."""

    def __init__(self, store: Store) -> None:
        self.version = 0
        self.users: Table[User] = Table(store, User, self._changed)
        self.teams: Table[Team] = Table(store, Team, self._changed)
        self.hosts: Table[Host] = Table(store, Host, self._changed)
        self.groups: Table[HostGroup] = Table(store, HostGroup, self._changed)
        self.templates: Table[Template] = Table(store, Template, self._changed)
        self.strategies: Table[Strategy] = Table(store, Strategy, self._changed)
        self.actions: Table[Action] = Table(store, Action, self._changed)
        self.expressions: Table[Expression] = Table(store, Expression, self._changed)
        self.aggregators: Table[Aggregator] = Table(store, Aggregator, self._changed)
        self.nodata: Table[NoData] = Table(store, NoData, self._changed)
        self.plugins: Table[Plugin] = Table(store, Plugin, self._changed)
        self._hosts_by_name = {host.hostname: host.id for host in self.hosts}

    def _changed(self) -> None:
        self.version += 1

    def host_named(self, hostname: str) -> Host | None:
        return self.hosts.get(self._hosts_by_name.get(hostname, 0))

    def known_host(self, hostname: str, *, ip: str = "", agent_version: str = "") -> Host:
        """The host's row, made where there is none: by a heartbeat, or by being bound to a group."""
        host = self.host_named(hostname)
        if host is None:
            host = self.hosts.add(lambda number: Host(number, hostname, ip, agent_version))
            self._hosts_by_name[hostname] = host.id
        return host


def new_session() -> str:
    return secrets.token_hex(16)
