"""Jobs as people write them down."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocean_cli.documents import documents_load, parse
from ocean_cli.errors import BadInput, Usage

WEB = """\
# The shop's front.
product_line: pdl.ocean_owt.inf_cop.xiaomi
service: shop
cluster: staging
name: web
spec:
  command: exec ./serve
  env:
    VERSION: 1.10
    PORT: 8080
    FEATURE: yes
    EMPTY: ""
    PASSWORD: {secret: db-password}
  labels: {owner: no, since: 2026-11-20}
  ports:
    - name: http
      container_port: 8080
"""


def test_values_of_env_and_labels_are_taken_as_they_are_written() -> None:
    [document] = parse(WEB, "job.yaml")
    spec = document.content["spec"]
    assert spec["env"] == {
        "VERSION": "1.10",
        "PORT": "8080",
        "FEATURE": "yes",
        "EMPTY": "",
        "PASSWORD": {"secret": "db-password"},
    }
    assert spec["labels"] == {"owner": "no", "since": "2026-11-20"}
    assert spec["ports"] == [{"name": "http", "container_port": 8080}]
    assert document.name == "shop/web@staging"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("08:30", "08:30"),
        ("010", 10),
        ("0x10", 16),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2026-11-20", "2026-11-20"),
        ("~", None),
        ("", None),
        ('"5"', "5"),
        ("1_000", "1_000"),
    ],
)
def test_other_values_follow_yaml_1_2(text: str, value: object) -> None:
    [document] = parse(f"spec: {{}}\nname: {text}\n", "x.yaml")
    found = document.content["name"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("name", 5),
        ("spec.command", 7),
        ("spec.env.PORT", 10),
        ("spec.ports", 15),
        ("spec.ports[0].container_port", 17),
        ("spec.ports[0].protocol", 16),
        ("spec.cpus", 6),
        ("colour", 2),
    ],
)
def test_every_field_knows_its_line_or_the_nearest(path: str, line: int) -> None:
    [document] = parse(WEB, "job.yaml")
    assert document.where(path) == f"job.yaml:{line}"


def test_several_documents_as_stream_or_as_list() -> None:
    assert [one.content["name"] for one in parse("name: a\n---\n---\nname: b\n", "x")] == ["a", "b"]
    assert [one.content["name"] for one in parse('[{"name": "a"},\n {"name": "b"}]', "x")] == ["a", "b"]
    second = list(parse("name: a\n---\nname: b\nspec:\n  cpus: 1\n", "x"))[1]
    assert second.where("spec.cpus") == "x:5"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "x.yaml:1: "),
        ("name: a\nname: b", "x.yaml:2: 'name' stands twice"),
        ("name: a\n---\n- 5", "x.yaml:3: a job is written as `name: value` lines"),
        ("spec: &a\n  b: *a", "x.yaml: something is part of itself"),
        ("name: !!python/object/apply:os.system [ls]", "x.yaml:1: "),
    ],
)
def test_what_is_no_document_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadInput) as raised:
        list(parse(text, "x.yaml"))
    assert str(raised.value).startswith(said)


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "c.yml", "README.md"):
        (tmp_path / name).write_text(f'{{"name": "{name}"}}')
    found = documents_load([str(tmp_path)])
    assert [one.content["name"] for one in found] == ["a.json", "b.yaml", "c.yml"]


def test_nothing_written_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Usage):
        documents_load([str(tmp_path)])
