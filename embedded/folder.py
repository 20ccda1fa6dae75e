"""The data folder (OCEAN_VAR): what is where in it, who holds it, and its secrets."""

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.errors import EmbeddedError

# sun_path holds 104 bytes on macOS and 108 on Linux, its closing zero included.
_LONGEST_SOCKET_PATH = 100


class FolderInUseError(EmbeddedError):
    """Another run holds this data folder."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder by its absolute path."""

    root: Path

    @property
    def ports_file(self) -> Path:
        return self.root / "ports.json"

    @property
    def demo_file(self) -> Path:
        return self.root / "demo.json"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def supervisor_configuration(self) -> Path:
        return self.root / "run" / "supervisord.conf"

    @property
    def sandbox_configuration(self) -> Path:
        return self.root / "run" / "sandbox.json"

    @property
    def clusters_file(self) -> Path:
        return self.root / "run" / "clusters.json"

    @property
    def _lock_file(self) -> Path:
        return self.root / "ocean.lock"

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord listens: in the folder, or in a private temporary one where that is too deep."""
        path = self.root / "run" / "supervisor.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"ocean-{os.getuid()}-{name}" / "supervisor.sock"

    def prepare(self) -> None:
        """Make the folder and what is always in it. Raises EmbeddedError where someone else's files are."""
        if self.root.exists() and not self._lock_file.exists() and any(self.root.iterdir()):
            raise EmbeddedError(
                f"OCEAN_VAR is {self.root}, which holds files that are not Ocean's: name an empty folder."
            )
        for path in (self.root, self.logs, self.supervisor_configuration.parent):
            path.mkdir(parents=True, exist_ok=True)
        self._lock_file.touch()
        socket_folder = self.supervisor_socket.parent
        socket_folder.mkdir(mode=0o700, exist_ok=True)
        if socket_folder.stat().st_uid != os.geteuid():
            raise EmbeddedError(f"{socket_folder} belongs to another user: remove it, or set TMPDIR.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process alone; the system lets go of it however the process ends.

        Raises FolderInUseError with the number of the process that holds it.
        """
        with self._lock_file.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise FolderInUseError(
                    f"Ocean already runs with {self.root} (process {lock.read().strip() or 'unknown'}): "
                    "`make status` says where. For a second copy, set OCEAN_VAR and OCEAN_PORT."
                ) from exc
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def secret_file(self, name: str) -> Path:
        """The file of this secret, made at first use: 32 random bytes in URL-safe base64, like Fernet's."""
        path = self.root / "secrets" / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            fresh = path.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(urlsafe_b64encode(secrets.token_bytes(32)))
            fresh.rename(path)
        return path

    def secret(self, name: str) -> str:
        """The secret itself."""
        return self.secret_file(name).read_text()

    def delete(self) -> None:
        """Delete the folder with all it holds. Raises FolderInUseError while Ocean runs with it."""
        if not self._lock_file.exists():
            raise EmbeddedError(f"{self.root} is not a data folder of Ocean: nothing was deleted.")
        with self.held():
            shutil.rmtree(self.root)
