"""Running PostgreSQL where Ocean runs as root: it refuses root, so another account has to start it."""

import os
import pwd
import shutil
import subprocess
from functools import cache
from pathlib import Path
from signal import Signals

from embedded.errors import EmbeddedError

# Every Unix has it, so nothing is added to the machine. (The wheel's own Python creates an account and opens
# each folder above the data to everyone: neither is ours to do.)
ACCOUNT = "nobody"


@cache
def setpriv() -> str | None:
    """The path of util-linux's `setpriv`, or None where there is none (macOS, some small containers)."""
    return shutil.which("setpriv")


def account_id() -> int:
    """The user id that PostgreSQL runs with: our own, or as root the account's."""
    return pwd.getpwnam(ACCOUNT).pw_uid if os.geteuid() == 0 else os.geteuid()


def give_to_account(path: Path | int) -> None:
    """As root, make the account owner of this file or folder (path or open descriptor); else do nothing."""
    if os.geteuid() == 0:
        os.chown(path, account_id(), pwd.getpwnam(ACCOUNT).pw_gid)


def as_account(*, reached: tuple[Path, ...]) -> list[str]:
    """The words to put before a command so that it runs as an account that is not root; none when not root.

    The account has to get at the paths in `reached`. Where a folder above them is closed to it (a checkout in
    `/root`, say), the command keeps root's right to pass closed folders, and nothing else of root's.

    Raises EmbeddedError when neither way works here.
    """
    if os.geteuid() != 0:
        return []
    tool = setpriv()
    if tool is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and setpriv, which changes the account, is not here: "
            "install util-linux, or run as an ordinary user."
        )
    account = pwd.getpwnam(ACCOUNT)
    plain = [tool, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    # Without the secure bit, access(2) would still say no, and PostgreSQL asks it about its own programs.
    passing = [
        *plain,
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]
    for words in (plain, passing):
        if all(_can_enter(words, path) for path in reached):
            return words
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and the account {ACCOUNT} cannot get at "
        f"{' and '.join(map(str, reached))}: run as an ordinary user, or move the checkout to a folder "
        "that others may enter."
    )


def _can_enter(words: list[str], path: Path) -> bool:
    done = subprocess.run([*words, "test", "-x", str(path)], cwd="/", capture_output=True, check=False)
    return done.returncode == 0


def ending_with_parent(end: Signals) -> list[str]:
    """The words to put before a command so that it gets the signal `end` when its parent dies, even killed.

    None where `setpriv` is missing: the parent's own clean-up is then all there is.
    """
    tool = setpriv()
    return [tool, f"--pdeathsig={end.name.removeprefix('SIG')}"] if tool else []
