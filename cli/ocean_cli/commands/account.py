"""Signing in, and the consoles that one knows."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ocean_cli.config import DEFAULT, Config, Context, url_checked
from ocean_cli.errors import CliError, NotFound, Usage
from ocean_cli.options import command
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session


@command("login")
@click.argument("url", required=False)
@click.option("-u", "--username", help="Your name; asked for when left out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--token", metavar="-", help="`--token -` reads a token of yours from standard input instead.")
@click.option("--name", help="What the token is called on your profile page (ocean-cli on this machine).")
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True, help="How long it lasts.")
@pass_session
def login(
    session: Session,
    url: str | None,
    username: str | None,
    password_stdin: bool,
    token: str | None,
    name: str | None,
    days: int,
) -> None:
    """Get a token for a console and keep it.

    The console's URL is needed the first time. The token is kept in ~/.config/ocean/config.json, readable by you
    alone; the password is not kept. --context NAME keeps several consoles side by side.
    """
    if token not in (None, "-"):
        raise Usage(
            "A token on the command line is seen by others on this machine.",
            hint="Give `--token -` and write it to standard input, or set OCEAN_TOKEN.",
        )
    config = session.config
    key = session.context_name or (config.current if url is None else DEFAULT)
    address = url_checked(url) if url else _known_url(config, key)
    if address.startswith("http://") and not _is_near(address):
        session.notice(f"{address} is not encrypted: others on the way can read what you send.")
    if token == "-":  # noqa: S105 - a dash
        context = Context(address, sys.stdin.readline().strip())
    else:
        context = _by_password(
            session, address, username=username, from_stdin=password_stdin, name=name, days=days
        )
    me = session.api_of(context).get("users/me/")
    before = config.contexts.get(key)
    config.contexts[key] = Context(address, context.token, me["username"], context.token_id)
    config.current = key
    config.save()
    if before is not None and before.token != context.token:
        _revoke(session, before)
    session.notice(f"You are {me['username']} at {address}.")


def _known_url(config: Config, key: str) -> str:
    known = config.contexts.get(key)
    if known is None:
        raise Usage("Which console?", hint="`ocean login https://ocean.example.org`")
    return known.url


def _by_password(
    session: Session, address: str, *, username: str | None, from_stdin: bool, name: str | None, days: int
) -> Context:
    if from_stdin:
        if not username:
            raise Usage("--password-stdin needs --username.")
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        if not sys.stdin.isatty():
            raise Usage(
                "Nobody can be asked for a password here.", hint="Give --password-stdin or `--token -`."
            )
        username = username or click.prompt("User name", err=True)
        password = click.prompt("Password", hide_input=True, err=True)
    body = {
        "username": username,
        "password": password,
        "name": (name or f"ocean-cli on {socket.gethostname()}")[:60],
        "expires": (datetime.now(UTC) + timedelta(days=days)).isoformat(),
    }
    try:
        made = session.api_of(Context(address)).call("POST", "tokens/", body=body)
    except NotFound as exc:
        exc.hint = "" if exc.status == 401 else "Is this the address of an Ocean?"
        raise
    return Context(address, made["token"], str(username), made["id"])


def _is_near(address: str) -> bool:
    return address.startswith(("http://127.", "http://localhost", "http://[::1]"))


def _revoke(session: Session, context: Context) -> bool:
    """Whether the console knows the token no more. Only what `login` made itself is revoked."""
    if context.token_id is None:
        return False
    try:
        session.api_of(context).call("DELETE", f"users/me/tokens/{context.token_id}/", repeatable=True)
    except NotFound:
        return True  # it ended before
    except CliError:
        return False
    return True


@command("logout")
@pass_session
def logout(session: Session) -> None:
    """Forget the token, and revoke it.

    A token that you made elsewhere and gave by `login --token -` is only forgotten."""
    config = session.config
    key = session.context_name or config.current
    context = config.contexts.pop(key, None)
    if context is None:
        raise Usage(f"You are not logged in to '{key}'.")
    if config.current == key:
        config.current = next(iter(config.contexts), DEFAULT)
    config.save()
    revoked = _revoke(session, context)
    session.notice(f"The token for {context.url} is {'revoked' if revoked else 'forgotten here'}.")


@command("whoami")
@pass_session
def whoami(session: Session) -> None:
    """Who am I, where, and with which roles?"""
    me = session.api.get("users/me/")
    columns = [
        Column("User", lambda row: f"{row['username']} ({row['name']})" if row["name"] else row["username"]),
        Column("Console", lambda row: session.context.url),
        Column("Roles", _roles),
    ]
    session.out.fields({**me, "console": session.context.url}, columns, name="username")


def _roles(me: Any) -> str:
    everywhere = [word for word, has in (("SRE", me["is_sre"]), ("DBA", me["is_dba"])) if has]
    return ", ".join([*everywhere, *(f"{row['role']} of {row['tag']}" for row in me["product_lines"])])


@command("contexts")
@pass_session
def contexts(session: Session) -> None:
    """The consoles that you logged in to."""
    config = session.config
    rows = [
        {"name": name, "current": name == config.current, "url": one.url, "username": one.username}
        for name, one in sorted(config.contexts.items())
    ]
    columns = [
        Column("", lambda row: "*" if row["current"] else " "),
        Column("Name", "name"),
        Column("Console", "url"),
        Column("User", "username"),
    ]
    session.out.rows(rows, columns, name="name")


@command("use")
@click.argument("name")
@pass_session
def use(session: Session, name: str) -> None:
    """Choose the console for the commands that follow."""
    config = session.config
    if name not in config.contexts:
        known = ", ".join(sorted(config.contexts)) or "none yet"
        raise Usage(f"There is no context '{name}'.", hint=f"Known: {known}.")
    config.current = name
    config.save()
    session.notice(f"{name}: {config.contexts[name].url}")
