"""Sessions, users, teams. Source: app/controller/uic."""

from __future__ import annotations

import hashlib
import re

from aiohttp import web

from sandbox.falcon.portal.binding import (
    TABLES,
    Field,
    PortalError,
    bind,
    paged,
    path_id,
    reply,
    session_user,
)
from sandbox.falcon.portal.tables import Tables, Team, User, new_session

_SALT = "sandbox"
_PERSON = {key: Field("string", required=key in ("name", "cnname", "password", "email")) for key in (
    "name", "cnname", "password", "email", "phone", "im", "qq",
)}  # fmt: skip


def routes() -> list[web.RouteDef]:
    return [
        web.post("/api/v1/user/login", login),
        web.get("/api/v1/user/logout", logout),
        web.get("/api/v1/user/auth_session", auth_session),
        web.post("/api/v1/user/create", create_user),
        web.get("/api/v1/user/users", list_users),
        web.get("/api/v1/user/current", current_user),
        web.get("/api/v1/user/u/{id}", get_user),
        web.get("/api/v1/user/name/{name}", get_user_by_name),
        web.get("/api/v1/user/u/{id}/teams", teams_of_user),
        web.get("/api/v1/user/u/{id}/in_teams", is_in_teams),
        web.put("/api/v1/admin/change_user_role", change_role),
        web.post("/api/v1/admin/login", admin_login),
        web.get("/api/v1/team", list_teams),
        web.post("/api/v1/team", create_team),
        web.put("/api/v1/team", update_team),
        web.post("/api/v1/team/user", add_team_users),
        web.get("/api/v1/team/t/{id}", get_team),
        web.get("/api/v1/team/name/{name}", get_team_by_name),
        web.delete("/api/v1/team/{id}", delete_team),
    ]


def hashed(password: str) -> str:
    """As upstream: md5 hex of salt and password."""
    return hashlib.md5((_SALT + password).encode()).hexdigest()  # noqa: S324


async def login(request: web.Request) -> web.Response:
    name, password = await _credentials(request)
    if not name or not password:
        raise PortalError(400, "name or password is blank")
    users = request.app[TABLES].users
    user = users.first(lambda row: row.name == name)
    if user is None:
        raise PortalError(400, "no such user")
    if user.passwd != hashed(password):
        raise PortalError(400, "password error")
    if not user.sig:
        user.sig = new_session()
        users.changed(user)
    return reply({"sig": user.sig, "name": user.name, "admin": user.is_admin})


async def logout(request: web.Request) -> web.Response:
    user = session_user(request)
    user.sig = ""
    request.app[TABLES].users.changed(user)
    return reply(f"logout successful by {user.name}")


async def auth_session(request: web.Request) -> web.Response:
    session_user(request)
    return reply("session is valid!")


async def create_user(request: web.Request) -> web.Response:
    """Open to everybody, as upstream unless `signup_disable`. Whoever is called root becomes it."""
    body = await bind(request, "APIUserInput", _PERSON)
    users = request.app[TABLES].users
    if users.first(lambda row: row.name == body["name"]):
        raise PortalError(400, "name is already existing")
    password = body.pop("password")
    role = 2 if body["name"] == "root" else 0
    user = users.add(
        lambda number: User(number, passwd=hashed(password), role=role, sig=new_session(), **body)
    )
    return reply({"sig": user.sig, "name": user.name})


async def list_users(request: web.Request) -> web.Response:
    session_user(request)
    test = re.compile(request.query.get("q", ".+"))
    rows = [user.shown() for user in request.app[TABLES].users if test.search(user.name)]
    return reply(paged(request, rows))


async def current_user(request: web.Request) -> web.Response:
    return reply(session_user(request).shown())


async def get_user(request: web.Request) -> web.Response:
    session_user(request)
    user = request.app[TABLES].users.get(path_id(request))
    # Upstream panics on an unknown id.
    return web.Response(status=500) if user is None else reply(user.shown())


async def get_user_by_name(request: web.Request) -> web.Response:
    session_user(request)
    name = request.match_info["name"]
    user = request.app[TABLES].users.first(lambda row: row.name == name)
    if user is None:
        raise PortalError(417, "record not found")
    return reply(user.shown())


async def teams_of_user(request: web.Request) -> web.Response:
    session_user(request)
    number = path_id(request)
    teams = [_bare(team) for team in request.app[TABLES].teams if number in team.users]
    return reply({"teams": teams})


async def is_in_teams(request: web.Request) -> web.Response:
    session_user(request)
    number, names = path_id(request), request.query.get("team_names", "").split(",")
    found = any(team.name in names and number in team.users for team in request.app[TABLES].teams)
    return reply("true" if found else "false")


async def change_role(request: web.Request) -> web.Response:
    _admin(request)
    body = await bind(
        request, "APIRoleUpdate", {"user_id": Field("int", True), "admin": Field("string", True)}
    )
    users = request.app[TABLES].users
    user = users.get(body["user_id"])
    if user is None:
        raise PortalError(400, "record not found")
    user.role = 1 if body["admin"] == "yes" else 0
    users.changed(user)
    return reply(f"user role update sccuessful, affect row: 1, user id: {user.id}, admin: {body['admin']}")


async def admin_login(request: web.Request) -> web.Response:
    """Hands a caller the session of somebody of a lower role."""
    caller = _admin(request)
    body = await bind(request, "APIAdminLoginInput", {"name": Field("string", True)})
    users = request.app[TABLES].users
    user = users.first(lambda row: row.name == body["name"])
    if user is None:
        raise PortalError(400, "no such user")
    if user.role >= caller.role:
        raise PortalError(400, "API_USER not admin, no permissions can do this")
    user.sig = user.sig or new_session()
    users.changed(user)
    return reply({"sig": user.sig, "name": user.name, "admin": user.is_admin})


async def list_teams(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    test = re.compile(request.query.get("q", ".+"))
    rows = [
        {
            "team": _bare(team),
            "creator_name": _name_of(tables, team.creator),
            "users": _members(tables, team),
        }
        for team in tables.teams
        if test.search(team.name) and (user.is_admin or user.id in (team.creator, *team.users))
    ]
    return reply(paged(request, rows))


async def get_team(request: web.Request) -> web.Response:
    session_user(request)
    number = path_id(request)
    return _flat(request.app[TABLES], request.app[TABLES].teams.get(number))


async def get_team_by_name(request: web.Request) -> web.Response:
    session_user(request)
    name = request.match_info["name"]
    tables = request.app[TABLES]
    return _flat(tables, tables.teams.first(lambda row: row.name == name))


async def create_team(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"team_name": Field("string", True), "resume": Field("string"), "users": Field("[]int64")}
    body = await bind(request, "APICreateTeamInput", fields)
    if tables.teams.first(lambda row: row.name == body["team_name"]):
        raise PortalError(400, "team name is already existing")
    tables.teams.add(
        lambda number: Team(number, body["team_name"], body["resume"], user.id, list(body["users"]))
    )
    return reply(f"team created! Afftect row: 1, Affect refer: {len(body['users'])}")


async def update_team(request: web.Request) -> web.Response:
    """Replaces the members."""
    user, tables = session_user(request), request.app[TABLES]
    fields = {
        "team_id": Field("int", True),
        "name": Field("string"),
        "resume": Field("string"),
        "users": Field("[]int64"),
    }
    body = await bind(request, "APIUpdateTeamInput", fields)
    team = _own_team(tables, user, body["team_id"])
    if body["name"]:
        team.name = body["name"]
    team.resume, team.users = body["resume"], list(body["users"])
    tables.teams.changed(team)
    return reply("team updated!")


async def add_team_users(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"team_id": Field("int", True), "users": Field("[]string", True)}
    body = await bind(request, "APIAddTeamUsers", fields)
    team = _own_team(tables, user, body["team_id"])
    found = [row.id for row in tables.users if row.name in body["users"]]
    if len(found) != len(set(body["users"])):
        raise PortalError(400, "record not found")
    team.users = [*team.users, *(number for number in found if number not in team.users)]
    tables.teams.changed(team)
    return reply("add successful")


async def delete_team(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    team = _own_team(tables, user, path_id(request))
    tables.teams.delete(team.id)
    return reply(f"team {team.id} is deleted. Affect row: 1 / refer delete: {len(team.users)}")


async def _credentials(request: web.Request) -> tuple[str, str]:
    if request.content_type == "application/json":
        fields = {"name": Field("string"), "password": Field("string")}
        body = await bind(request, "APILoginInput", fields)
        return body["name"], body["password"]
    form = await request.post()
    return str(form.get("name", "")), str(form.get("password", ""))


def _admin(request: web.Request) -> User:
    user = session_user(request)
    if not user.is_admin:
        raise PortalError(400, "you don't have permission!")
    return user


def _own_team(tables: Tables, user: User, number: int) -> Team:
    team = tables.teams.get(number)
    if team is None:
        raise PortalError(400, "record not found")
    if not user.is_admin and team.creator != user.id:
        raise PortalError(400, "You don't have permission!")
    return team


def _name_of(tables: Tables, number: int) -> str:
    user = tables.users.get(number)
    return user.name if user is not None else ""


def _members(tables: Tables, team: Team) -> list[dict[str, object]]:
    return [user.shown() for number in team.users if (user := tables.users.get(number)) is not None]


def _bare(team: Team) -> dict[str, object]:
    return {"id": team.id, "name": team.name, "resume": team.resume, "creator": team.creator}


def _flat(tables: Tables, team: Team | None) -> web.Response:
    if team is None:
        raise PortalError(400, "record not found")
    names = {"users": _members(tables, team), "creator_name": _name_of(tables, team.creator)}
    return reply({**_bare(team), **names})
