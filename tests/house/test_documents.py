"""The documents hold together: links lead somewhere, and the list of a spec's fields is the code's."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from rest_framework import serializers
from rest_framework.fields import empty

from apps.core.serializers import Strict
from apps.jobs.spec.fields import SpecFields
from embedded.stack import CHECKOUT

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def _documents() -> list[Path]:
    return sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])


def _anchors(document: Path) -> set[str]:
    """The names of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", _documents(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    broken = []
    for groups in _LINK.findall(_CODE.sub("", document.read_text())):
        address = "".join(groups)
        if re.match(r"[a-z]+:", address):
            continue
        name, _, anchor = address.partition("#")
        target = document.parent / unquote(name) if name else document
        if not target.exists() or (anchor and unquote(anchor) not in _anchors(target)):
            broken.append(address)
    assert broken == []


def test_each_decision_has_a_number_of_its_own_and_a_date() -> None:
    records = sorted((CHECKOUT / "docs" / "decisions").glob("*.md"))
    for number, record in enumerate(records, start=1):
        title, _, date = record.read_text().splitlines()[:3]
        assert record.name.startswith(f"{number:04}-"), "the next free number, and no other"
        assert title.startswith(f"# {number}. "), record.name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date), record.name


def test_every_document_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [CHECKOUT / "README.md"]
    while ahead:
        document = ahead.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        links = ("".join(groups).partition("#")[0] for groups in _LINK.findall(document.read_text()))
        targets = [(document.parent / link).resolve() for link in links if link and ":" not in link]
        ahead += [target for target in targets if target.is_file()]
        # A link to a folder is a link to all that lies in it.
        ahead += [file for target in targets if target.is_dir() for file in target.glob("*.md")]
    assert set(_documents()) - reached == set()


def _documented_fields() -> dict[str, dict[str, str]]:
    """docs/jobs.md's tables whose second column is the default: field → default, by heading ("" is the spec itself)."""
    tables: dict[str, dict[str, str]] = {}
    section = (CHECKOUT / "docs" / "jobs.md").read_text().partition("## The spec, field by field")[2]
    section = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0]
    heading = ""
    rows: dict[str, str] | None = None
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if line.startswith("### "):
            heading = line.removeprefix("### ").strip("`")
        elif not cells:
            rows = None
        elif cells[1:2] == ["default"]:
            name = heading if cells[0] == "field" else cells[0].strip("`")
            rows = tables.setdefault(name, {})
        elif rows is not None and not cells[0].startswith("---"):
            rows[cells[0].strip("`")] = cells[1]
    return tables


def _fields(serializer: Strict) -> dict[str, str]:
    return {name: _default(field) for name, field in serializer.fields.items()}


def _default(field: serializers.Field[Any, Any, Any, Any]) -> str:
    if field.default is empty:
        return "required" if field.required else "none"
    if isinstance(field, Strict):
        return "see there"
    value = field.default() if callable(field.default) else field.default
    return f"`{json.dumps(value)}`"


def test_the_documented_fields_of_a_spec_and_their_defaults_are_the_codes() -> None:
    spec = SpecFields()
    groups = {name: getattr(field, "child", field) for name, field in spec.fields.items()}
    nested = {name: _fields(group) for name, group in groups.items() if isinstance(group, Strict)}
    assert _documented_fields() == {"": _fields(spec), **nested}
