"""Artifacts of a task (`fetch`), brought into its sandbox folder before it starts, as Mesos' fetcher does.

`http`, `https` and files of this machine; archives are unpacked unless told otherwise. Nothing is cached.
Source: Mesos docs/fetcher.md.
"""

from __future__ import annotations

import asyncio
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from sandbox.definitions.app import Artifact

FETCH_TIMEOUT_S = 60.0
_CHUNK = 1 << 20
_FAILURES = (OSError, ValueError, aiohttp.ClientError, tarfile.TarError, zipfile.BadZipFile)


class FetchError(Exception):
    """An artifact could not be had; the text is what Mesos' agent says."""


async def fetch_all(artifacts: Sequence[Artifact], folder: Path) -> None:
    """Raises FetchError at the first that fails."""
    for artifact in artifacts:
        try:
            await _fetch(artifact, folder)
        except _FAILURES as error:
            reason = str(error) or type(error).__name__
            raise FetchError(
                f"Failed to launch container: Failed to fetch all URIs: '{artifact.uri}': {reason}"
            ) from error


async def _fetch(artifact: Artifact, folder: Path) -> None:
    url = urlsplit(artifact.uri)
    target = _target(artifact, unquote(url.path), folder)
    if url.scheme in ("http", "https"):
        await _download(artifact.uri, target)
    elif url.scheme in ("", "file"):
        await asyncio.to_thread(shutil.copyfile, unquote(url.path), target)
    else:
        raise ValueError(f"the sandbox fetches http, https and file, not '{url.scheme}'")
    if artifact.executable:
        target.chmod(0o755)
    elif artifact.extract and _archive_format(target) is not None:
        await asyncio.to_thread(_unpack, target)


def _target(artifact: Artifact, source: str, folder: Path) -> Path:
    """Where the artifact goes; its folder exists then. Raises ValueError when that is not in the sandbox."""
    target = folder / (artifact.dest_path or Path(source).name or "artifact")
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ValueError("the destination lies outside the sandbox folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


async def _download(uri: str, target: Path) -> None:
    timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(uri) as reply:
        reply.raise_for_status()
        with target.open("wb") as file:
            async for chunk in reply.content.iter_chunked(_CHUNK):
                file.write(chunk)


def _archive_format(target: Path) -> str | None:
    """The archive's kind by its name, as `shutil` calls it."""
    for name, suffixes, _ in shutil.get_unpack_formats():
        if target.name.endswith(tuple(suffixes)):
            return name
    return None


def _unpack(target: Path) -> None:
    # `data` refuses members that would land outside the folder.
    kind = _archive_format(target)
    if kind == "zip":
        shutil.unpack_archive(target, target.parent, kind)
    else:
        shutil.unpack_archive(target, target.parent, kind, filter="data")
