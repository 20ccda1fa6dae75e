"""The Chinese catalogue holds every text of the sources, translated and compiled; `make messages` updates it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.utils import translation

from embedded.stack import CHECKOUT

_CATALOGUE = Path("locale/zh_Hans/LC_MESSAGES/django.po")
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sdrif]|\{\w*\}")
Key = tuple[str | None, str, str]


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
