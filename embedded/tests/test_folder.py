"""The data folder: one run at a time, private secrets, and nobody else's files deleted."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.errors import EmbeddedError
from embedded.folder import Folder, FolderInUseError

_HOLD_IT = """
import sys
from pathlib import Path
from embedded.folder import Folder
with Folder(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "var")
    folder.prepare()
    return folder


def test_a_second_holder_is_refused_with_the_number_of_the_first(folder: Folder) -> None:
    with folder.held(), pytest.raises(FolderInUseError, match=rf"process {os.getpid()}\)"), folder.held():
        pass
    with folder.held():
        pass  # free again


def test_a_killed_holder_lets_go(folder: Folder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD_IT, str(folder.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUseError), folder.held():
            pass
        holder.kill()
    with folder.held():
        pass


def test_secrets_are_made_once_and_only_the_owner_reads_them(folder: Folder) -> None:
    first = folder.secret("secret_key")
    assert len(first) == 44
    assert folder.secret("secret_key") == first
    assert folder.secret("other") != first
    path = folder.secret_file("secret_key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_with_other_files_is_neither_used_nor_deleted(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.tex"
    precious.touch()
    with pytest.raises(EmbeddedError, match="not Ocean's"):
        Folder(tmp_path).prepare()
    with pytest.raises(EmbeddedError, match="nothing was deleted"):
        Folder(tmp_path).delete()
    assert precious.exists()


def test_deleting_is_refused_while_it_is_held(folder: Folder) -> None:
    with folder.held(), pytest.raises(FolderInUseError):
        folder.delete()
    folder.delete()
    assert not folder.root.exists()


def test_in_a_deep_folder_the_socket_moves_to_a_private_one(tmp_path: Path) -> None:
    deep = Folder(tmp_path / ("d" * 60) / ("e" * 60))
    deep.prepare()
    assert len(os.fsencode(deep.supervisor_socket)) <= 100
    assert stat.S_IMODE(deep.supervisor_socket.parent.stat().st_mode) == 0o700
    assert Folder(tmp_path / "var").supervisor_socket.is_relative_to(tmp_path)
    deep.supervisor_socket.parent.rmdir()
