"""Config files: their fields, the secrets that their content names, and how they reach the instance's folder.

Why they travel in the environment: docs/decisions/0005.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from apps.core.errors import DomainError
from apps.core.serializers import Strict

MAX_FILE_BYTES = 64 * 1024
"""A config file travels in one environment variable, and Linux allows 128 KiB for one."""
MAX_FILES_BYTES = 256 * 1024
"""All together: Marathon keeps a definition in one ZooKeeper node, which holds 1 MiB."""
FILE_ENV = "OCEAN_FILE_"

validate_relative_path = RegexValidator(
    r"^(?!/)(?!.*(^|/)\.\.?(/|$))[^\0'\n]+\Z",
    gettext_lazy("Use a path inside the instance's folder: not starting with / and without . or .. parts."),
    code="invalid_path",
)
validate_mode = RegexValidator(
    r"^0?[0-7]{3}\Z",
    gettext_lazy("Write a file's mode as three octal digits, such as 0600 or 0755."),
    code="invalid_mode",
)
_SECRET = re.compile(r"(\$?)\$\{secret:([^}\s]*)\}")
"""`${secret:name}`; with one more `$` in front it is that text itself."""


class FileFields(Strict):
    path = serializers.CharField(max_length=255, validators=[validate_relative_path])
    content = serializers.CharField(allow_blank=True, trim_whitespace=False, default="")
    mode = serializers.CharField(required=False, validators=[validate_mode])

    def validate_content(self, value: str) -> str:
        if len(value.encode()) > MAX_FILE_BYTES:
            text = gettext_lazy("A config file holds at most %(size)s KiB.")
            raise serializers.ValidationError(text % {"size": MAX_FILE_BYTES // 1024}, code="max_length")
        return value

    def validate_mode(self, value: str) -> str:
        return value.zfill(4)


class FilesTooLarge(DomainError):
    """With the values of their secrets the files are larger than what can be sent."""

    code = "files_too_large"


def check_files(files: Sequence[Mapping[str, Any]]) -> None:
    """Raises ValidationError where the files together are more than a definition holds."""
    if sum(len(file["content"].encode()) for file in files) > MAX_FILES_BYTES:
        raise serializers.ValidationError(
            _(
                "Config files hold at most %(size)s KiB together. Fetch larger ones, or put them into the image."
            )
            % {"size": MAX_FILES_BYTES // 1024},
            code="max_length",
        )


def content_secrets(content: str) -> list[str]:
    """The names of the secrets that a file's content puts in, in their order."""
    return [name for escaped, name in _SECRET.findall(content) if not escaped]


def filled_content(content: str, *, secrets: Mapping[str, str]) -> str:
    """The content with the secrets' values in place of their names."""
    return _SECRET.sub(lambda found: found[0][1:] if found[1] else secrets[found[2]], content)


def file_environment(files: Sequence[Mapping[str, Any]], *, secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables that carry the files. Raises FilesTooLarge where their secrets make them so."""
    contents = [filled_content(file["content"], secrets=secrets).encode() for file in files]
    if (
        any(len(content) > MAX_FILE_BYTES for content in contents)
        or sum(map(len, contents)) > MAX_FILES_BYTES
    ):
        raise FilesTooLarge
    return {f"{FILE_ENV}{i}": base64.b64encode(content).decode() for i, content in enumerate(contents)}


def secret_file_variables(files: Sequence[Mapping[str, Any]]) -> set[str]:
    """The variables that carry a file with a secret in it."""
    return {f"{FILE_ENV}{i}" for i, file in enumerate(files) if content_secrets(file["content"])}


def writing_lines(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of shell that write the files into the instance's folder and forget the variables."""
    lines = []
    for index, file in enumerate(files):
        path = PurePosixPath(file["path"])
        quoted = shlex.quote(str(path))
        if str(path.parent) != ".":
            lines.append(f"mkdir -p {shlex.quote(str(path.parent))}")
        variable, mode = f"{FILE_ENV}{index}", file.get("mode")
        # Never readable by others, not even for a moment, where its mode says so.
        write = f'printf %s "${variable}" | base64 -d > {quoted}'
        lines.append(f"(umask 077; {write})\nchmod {mode} {quoted}" if mode else write)
        lines.append(f"unset {variable}")
    return lines
