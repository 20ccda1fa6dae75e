"""Which consoles one uses, and the token for each: `~/.config/ocean/config.json`, readable by its owner alone.

    {"current": "default", "contexts": {"default": {"url": "https://…", "username": "dev", "token": "ocean_…"}}}

`--context` chooses among them, then OCEAN_URL and OCEAN_TOKEN, then OCEAN_CONTEXT, then `current`. OCEAN_CONFIG names
another file.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ocean_cli.errors import CliError, Usage

DEFAULT = "default"
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Context:
    """One console and who one is there. `token_id` is set where `ocean login` made the token, so that logging out
    revokes it. The token never shows in a repr: tracebacks and logs are read by others."""

    url: str
    token: str = field(default="", repr=False)
    username: str = ""
    token_id: int | None = None


@dataclass(slots=True)
class Config:
    """The file's content."""

    path: Path
    current: str = DEFAULT
    contexts: dict[str, Context] = field(default_factory=dict)

    def save(self) -> None:
        """Replace the file in one step; it is never readable by others, not even for a moment."""
        self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        content = {
            "current": self.current,
            "contexts": {name: asdict(context) for name, context in self.contexts.items()},
        }
        # mkstemp makes files of mode 0600.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".config-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
            Path(name).replace(self.path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    if named := environment.get("OCEAN_CONFIG"):
        return Path(named).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "ocean" / "config.json"


def config_load(path: Path | None = None) -> Config:
    """What the file says, empty without one. Makes a file that others may read private again."""
    path = path or config_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config(path)
    except OSError as exc:
        raise CliError(f"{path} cannot be read: {exc.strerror}") from exc
    if path.stat().st_mode & 0o077:
        with suppress(OSError):
            path.chmod(_FILE_MODE)
    try:
        content = json.loads(text)
        contexts = {
            str(name): Context(
                url=str(row["url"]),
                token=str(row.get("token", "")),
                username=str(row.get("username", "")),
                token_id=row.get("token_id"),
            )
            for name, row in content.get("contexts", {}).items()
        }
        return Config(path, current=str(content.get("current", DEFAULT)), contexts=contexts)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        hint = "Remove it and log in again."
        raise CliError(f"{path} is not what `ocean login` writes: {exc}", hint=hint) from exc


def context_chosen(
    config: Config, *, name: str | None = None, environment: Mapping[str, str] = os.environ
) -> Context:
    """The console to talk to; `name` is what `--context` says.

    A context's token goes to its own console alone: with another OCEAN_URL it stays here."""
    chosen = name or environment.get("OCEAN_CONTEXT") or None
    if chosen is not None and chosen not in config.contexts:
        known = ", ".join(sorted(config.contexts)) or "none yet"
        raise Usage(
            f"There is no context '{chosen}'.", hint=f"Known: {known}. `ocean login --context` adds one."
        )
    stored = config.contexts.get(chosen or config.current)
    if name is not None and stored is not None:
        return stored
    url = environment.get("OCEAN_URL", "").strip()
    if not url and stored is None:
        raise Usage(
            "No console is known yet.", hint="`ocean login https://ocean.example.org`, or set OCEAN_URL."
        )
    url = url_checked(url) if url else stored.url if stored else ""
    if token := environment.get("OCEAN_TOKEN", "").strip():
        return Context(url, token)
    return stored if stored is not None and stored.url == url else Context(url)


def url_checked(text: str) -> str:
    """An address as it is kept: `https://host[:port][/path]`, without a slash at the end."""
    text = text.strip()
    if "://" not in text:
        is_near = re.match(r"(localhost|127\.|\[::1\])", text) is not None
        text = f"{'http' if is_near else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if not port_is_fine or parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise Usage(f"'{text}' is no address of a console.", hint="Write it as https://ocean.example.org")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}".removesuffix("/api/v1")
