"""Typed readers of the environment. A missing or malformed variable stops start-up with its name.

Every variable read through here is collected in `SEEN`, so that a test can hold the documented list
(`docs/install.md`) equal to the code's.
"""

from __future__ import annotations

import json
import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SEEN: set[str] = set()


def env_str(name: str, default: str | None = None) -> str:
    """The variable's text; without a default, a missing or empty one stops start-up."""
    SEEN.add(name)
    value = os.environ.get(name, "")
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set: see docs/install.md for what it takes.")
    return default


def env_bool(name: str, *, default: bool) -> bool:
    """1/true/yes/on or 0/false/no/off, in any case."""
    text = env_str(name, "true" if default else "false").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is '{text}': use true or false.")


def env_int(name: str, default: int) -> int:
    """A whole number."""
    text = env_str(name, str(default))
    try:
        return int(text)
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name} is '{text}': use a whole number.") from exc


def env_list(name: str, default: str = "") -> list[str]:
    """Comma-separated values, blanks dropped."""
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


def env_networks(name: str) -> list[str]:
    """Comma-separated networks (`10.1.0.0/16`) or addresses."""
    networks = env_list(name)
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError as exc:
            raise ImproperlyConfigured(f"{name}: {exc}.") from exc
    return networks


def env_mail(name: str) -> dict[str, Any]:
    """`smtp://user:password@host:25` (`smtps://` for TLS from the start, `?starttls=true` for TLS by STARTTLS) as
    Django's EMAIL_ settings; none without it."""
    text = env_secret(name, "")
    if not text:
        return {}
    url = urlsplit(text)
    if url.scheme not in {"smtp", "smtps"} or not url.hostname:
        raise ImproperlyConfigured(f"{name} must look like smtp://user:password@host:25.")
    return {
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or (465 if url.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": url.scheme == "smtps",
        "EMAIL_USE_TLS": parse_qs(url.query).get("starttls") == ["true"],
        "EMAIL_TIMEOUT": 10,
    }


def env_secret(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that `NAME_FILE` names (a mounted secret)."""
    SEEN.add(f"{name}_FILE")
    path = os.environ.get(f"{name}_FILE", "")
    if not path:
        return env_str(name, default)
    SEEN.add(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise ImproperlyConfigured(
            f"{name}_FILE names {path}, which cannot be read: {exc.strerror}."
        ) from exc


def env_json(name: str, default: str) -> Any:
    """JSON text, or the path of a file that holds it."""
    text = env_str(name, default)
    try:
        if not text.lstrip().startswith(("{", "[")):
            text = Path(text).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError) as exc:
        raise ImproperlyConfigured(f"{name} is neither JSON nor a readable JSON file: {exc}") from exc


def env_database(name: str, default: str | None = None) -> dict[str, Any]:
    """`postgresql://user:password@host:port/name` as one of Django's DATABASES."""
    url = urlsplit(env_str(name, default))
    if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must look like postgresql://user:password@host:5432/name.")
    return {
        "ENGINE": "ocean_portal.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
        "OPTIONS": {"connect_timeout": 3, "options": "-c lock_timeout=5000 -c statement_timeout=30000"},
    }
