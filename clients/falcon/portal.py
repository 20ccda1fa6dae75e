"""Host groups, templates, strategies, actions, teams and users of a Falcon.

Source: falcon-plus modules/api/app/controller (v0.3), and its quirks: what was created is sometimes answered without
its id, and lists are found by a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from clients.errors import NotFound, ProtocolError
from clients.falcon.transport import FalconTransport
from clients.falcon.wire import Action, HostGroup, Strategy, Team, Template, User

T = TypeVar("T")


class FalconPortal:
    """Raises the errors of `clients.errors`; writes are sent once."""

    def __init__(self, transport: FalconTransport) -> None:
        self._transport = transport

    def ping(self) -> None:
        """Raises Unauthorized, Unavailable or TimedOut unless it answers and knows us."""
        self._transport.ask("GET", "/user/auth_session", operation="ping")

    # --- host groups

    def groups(self, *, prefix: str = "") -> list[HostGroup]:
        """Those whose name begins so."""
        rows = self._ask("GET", "/hostgroup", "list host groups", params={"q": _begins(prefix)})
        found = self._parsed(
            lambda: [HostGroup(row["id"], row["grp_name"]) for row in rows], "list host groups"
        )
        return [group for group in found if group.name.startswith(prefix)]

    def create_group(self, name: str) -> HostGroup:
        """Raises Conflict where the name is taken."""
        row = self._ask("POST", "/hostgroup", f"create host group {name}", body={"name": name})
        return self._parsed(lambda: HostGroup(row["id"], row["grp_name"]), "create host group")

    def delete_group(self, group_id: int) -> None:
        """One that is gone already is no error."""
        with suppress(NotFound):
            self._ask("DELETE", f"/hostgroup/{group_id}", f"delete host group {group_id}")

    def group_hosts(self, group_id: int) -> frozenset[str]:
        """The hostnames in it. Raises NotFound."""
        operation = f"host group {group_id}"
        row = self._ask("GET", f"/hostgroup/{group_id}", operation)
        return self._parsed(lambda: frozenset(host["hostname"] for host in row["hosts"] or ()), operation)

    def change_group_hosts(
        self, group_id: int, *, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> None:
        """Unknown hostnames are registered. By difference, since replacing the list loses another writer's hosts."""
        for action, hosts in (("add", add), ("remove", remove)):
            if hosts:
                body = {"action": action, "hosts": sorted(hosts)}
                operation = f"{action} hosts of group {group_id}"
                self._ask("PATCH", f"/hostgroup/{group_id}/host", operation, body=body)

    def group_templates(self, group_id: int) -> frozenset[int]:
        """The ids of the templates bound to it."""
        operation = f"templates of group {group_id}"
        row = self._ask("GET", f"/hostgroup/{group_id}/template", operation)
        return self._parsed(lambda: frozenset(item["id"] for item in row["templates"] or ()), operation)

    def bind_template(self, group_id: int, template_id: int) -> None:
        """Raises Conflict where it is bound already."""
        body = {"tpl_id": template_id, "grp_id": group_id}
        self._ask("POST", "/hostgroup/template", f"bind template {template_id}", body=body)

    def unbind_template(self, group_id: int, template_id: int) -> None:
        body = {"tpl_id": template_id, "grp_id": group_id}
        self._ask("PUT", "/hostgroup/template", f"unbind template {template_id}", body=body)

    # --- templates

    def templates(self, *, prefix: str = "") -> dict[str, int]:
        """Ids by name, of those whose name begins so."""
        answer = self._ask("GET", "/template", "list templates", params={"q": _begins(prefix)})
        rows = self._parsed(lambda: [row["template"] for row in answer["templates"] or ()], "list templates")
        return {row["tpl_name"]: row["id"] for row in rows if row["tpl_name"].startswith(prefix)}

    def template(self, template_id: int) -> Template:
        """With strategies and action. Raises NotFound."""
        operation = f"template {template_id}"
        answer = self._ask("GET", f"/template/{template_id}", operation)
        return self._parsed(lambda: _template(answer), operation)

    def create_template(self, name: str, *, parent_id: int = 0) -> int:
        """Its id. Raises Conflict where the name is taken."""
        body = {"name": name, "parent_id": parent_id}
        answer = self._ask("POST", "/template", f"create template {name}", body=body)
        if isinstance(answer, dict) and "id" in answer:
            return int(answer["id"])
        return self.templates(prefix=name)[name]  # 0.2 answers with a message only

    def delete_template(self, template_id: int) -> None:
        """With its strategies, its action and its bindings. One that is gone already is no error."""
        with suppress(NotFound):
            self._ask("DELETE", f"/template/{template_id}", f"delete template {template_id}")

    def create_strategy(self, template_id: int, strategy: Strategy) -> None:
        body = {**strategy.body(), "tpl_id": template_id}
        self._ask("POST", "/strategy", f"create strategy in template {template_id}", body=body)

    def update_strategy(self, strategy_id: int, strategy: Strategy) -> None:
        """Incidents of the strategy go on, which a new one would forget."""
        body = {**strategy.body(), "id": strategy_id}
        self._ask("PUT", "/strategy", f"update strategy {strategy_id}", body=body)

    def delete_strategy(self, strategy_id: int) -> None:
        self._ask("DELETE", f"/strategy/{strategy_id}", f"delete strategy {strategy_id}")

    def create_action(self, template_id: int, action: Action) -> None:
        """The template then points at the new one; an earlier one stays behind, so update where there is one."""
        body = {**action.body(), "tpl_id": template_id}
        self._ask("POST", "/template/action", f"create action of template {template_id}", body=body)

    def update_action(self, action_id: int, action: Action) -> None:
        self._ask(
            "PUT", "/template/action", f"update action {action_id}", body={**action.body(), "id": action_id}
        )

    # --- people

    def users(self) -> list[User]:
        rows = self._ask("GET", "/user/users", "list users")
        return self._parsed(lambda: [User(row["id"], row["name"]) for row in rows], "list users")

    def create_user(
        self, name: str, *, password: str, email: str, phone: str = "", shown_name: str = ""
    ) -> None:
        """Raises Conflict where the name is taken."""
        body = {
            "name": name,
            "cnname": shown_name or name,
            "password": password,
            "email": email,
            "phone": phone,
        }
        self._ask("POST", "/user/create", f"create user {name}", body=body)

    def teams(self) -> list[Team]:
        """All of them, for an admin."""
        rows = self._ask("GET", "/team", "list teams")
        return self._parsed(lambda: [_team(row["team"], row["users"]) for row in rows], "list teams")

    def create_team(self, name: str, *, resume: str, user_ids: Sequence[int]) -> None:
        body = {"team_name": name, "resume": resume, "users": list(user_ids)}
        self._ask("POST", "/team", f"create team {name}", body=body)

    def update_team(self, team: Team, *, user_ids: Sequence[int]) -> None:
        """Replaces the members."""
        body = {"team_id": team.id, "name": team.name, "resume": team.resume, "users": list(user_ids)}
        self._ask("PUT", "/team", f"update team {team.name}", body=body)

    def _ask(self, method: str, path: str, operation: str, **more: Any) -> Any:
        return self._transport.ask(method, path, operation=operation, **more)

    def _parsed(self, parse: Callable[[], T], operation: str) -> T:
        try:
            return parse()
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            text = f"an answer of another shape: {type(exc).__name__} {exc}"
            raise ProtocolError(text, remote=self._transport.name, operation=operation) from exc


def _begins(prefix: str) -> str:
    """MySQL's regular expression for a beginning."""
    return f"^{re.escape(prefix)}" if prefix else ".+"


def _template(answer: Any) -> Template:
    row = answer["template"]
    return Template(
        id=row["id"],
        name=row["tpl_name"],
        parent_id=row["parent_id"],
        action_id=row["action_id"],
        action=Action.parsed(answer["action"]) if row["action_id"] else Action(),
        strategies={item["id"]: Strategy.parsed(item) for item in answer["stratges"] or ()},  # so spelt
    )


def _team(row: Any, users: Any) -> Team:
    members = tuple(User(user["id"], user["name"]) for user in users or ())
    return Team(row["id"], row["name"], row["resume"], members)
