"""The Chinese catalogue holds every text of the sources, translated and compiled; `make messages` updates it."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import polib
import pytest
from django.utils import translation

from apps.core.audit import ACTIONS, DETAILS
from embedded.stack import CHECKOUT

_CATALOGUE = Path("locale/zh_Hans/LC_MESSAGES/django.po")
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sdrif]|\{\w*\}|</?[a-z][^>]*>")
_STORES = {
    # what is given to these is kept in the database in English, and translated when it is read
    "Again", "Cancelled", "Done", "Failed", "Happening", "Problem", "follow_again", "operation_log", "say",
}  # fmt: skip
Key = tuple[str | None, str, str]
Node = TypeVar("Node", bound=ast.AST)


@pytest.fixture(scope="module")
def committed() -> polib.POFile:
    return polib.pofile(str(CHECKOUT / _CATALOGUE))


def _keys(catalogue: polib.POFile) -> set[Key]:
    return {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in catalogue if not entry.obsolete}


@pytest.mark.needs_program("xgettext")
def test_it_holds_the_texts_of_the_sources_and_no_others(committed: polib.POFile, tmp_path: Path) -> None:
    for name in ("apps", "ocean_portal", "templates", "locale"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "django", "makemessages", "--locale", "zh_Hans"),
            *("--no-location", "--no-obsolete", "--ignore", "*/tests/*"),
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        check=True,
        capture_output=True,
    )
    in_the_sources = _keys(polib.pofile(str(tmp_path / _CATALOGUE)))
    assert in_the_sources == _keys(committed), "run `make messages`, then translate what is new"


def test_each_text_is_translated_with_the_same_placeholders(committed: polib.POFile) -> None:
    assert [entry.msgid for entry in committed if not entry.translated()] == []  # fuzzy ones do not count
    differing = [
        entry.msgid
        for entry in committed
        for text in (entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr])
        if set(_PLACEHOLDER.findall(text)) != set(_PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
    ]
    assert differing == []


def test_it_is_compiled(committed: polib.POFile) -> None:
    with translation.override("zh-hans"):
        stale = [
            entry.msgid for entry in committed if not entry.msgid_plural and _shown(entry) != entry.msgstr
        ]
    assert stale == [], "run `make build`"


def _shown(entry: polib.POEntry) -> str:
    if entry.msgctxt:
        return translation.pgettext(entry.msgctxt, entry.msgid)
    return translation.gettext(entry.msgid)


def test_each_sentence_that_is_stored_can_be_translated(committed: polib.POFile) -> None:
    known = {entry.msgid for entry in committed}
    unmarked = {
        name.id: node.value
        for node in _nodes(ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name) and isinstance(node.value, ast.Constant)
    }
    stored = [
        unmarked.get(value.id) if isinstance(value, ast.Name) else value
        for call in _nodes(ast.Call)
        if _name(call) in _STORES
        for value in [*call.args, *(keyword.value for keyword in call.keywords)]
    ]
    sentences = {str(value.value) for value in stored if isinstance(value, ast.Constant)}
    assert sorted(text for text in sentences if " " in text and text not in known) == [], "gettext_noop"


def test_each_action_of_the_audit_trail_has_words() -> None:
    given = [keyword for call in _nodes(ast.Call) if _name(call) == "audit" for keyword in call.keywords]
    actions = {
        keyword.value.value
        for keyword in given
        if keyword.arg == "action" and isinstance(keyword.value, ast.Constant)
    }
    details = {keyword.arg for keyword in given} - {"by", "action", "object", "product_line"}
    assert actions - ACTIONS.keys() == set()
    assert details - DETAILS.keys() == set()


def _nodes(kind: type[Node]) -> Iterator[Node]:
    """Of all apps' sources, without their tests."""
    for path in (CHECKOUT / "apps").rglob("*.py"):
        if "tests" not in path.parts:
            yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kind))


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")
