"""YAML as it is read and written: values, lines, and what is not taken."""

from __future__ import annotations

from typing import Any

import pytest

from apps.jobs.spec.yaml_text import MAX_BYTES, YamlError, read_yaml, write_yaml
from apps.jobs.tests.factories import make_spec


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -1.5e3", {"a": -1500.0}),
        ("a: 0600", {"a": "0600"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 2026-01-02", {"a": "2026-01-02"}),
        ("a: [yes, on, true, ~, '1', \"2\"]", {"a": ["yes", "on", True, None, "1", "2"]}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: .inf", {"a": ".inf"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ('{"json": {"is": ["yaml", 1, null]}}', {"json": {"is": ["yaml", 1, None]}}),
        ("1: x", {"1": "x"}),
        ("<<: x", {"<<": "x"}),
        ("", None),
        ("# only a comment\n", None),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert read_yaml(text).data == value


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1,\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is there twice"),
        ("a: &x 1\n", 1, "Anchors"),
        ("a: 1\nb: *x\n", 2, "Anchors"),
        ("a: !!python/object:os.system x\n", 1, "Tags"),
        ("a: !!binary aGk=\n", 1, "Tags"),
        ("a: !custom {b: 1}\n", 1, "Tags"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [a, b]\n: 1\n", 1, "plain text"),
        ("a: 1\nb: \"\\0\"\n", 2, "U+0000"),
        ("a: 1\nb: \x07\n", 2, "cannot hold"),
        ("[" * 40 + "]" * 40, 1, "nested too deeply"),
        ("a: " + "x" * MAX_BYTES, 1, "larger than"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_said_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)
    assert said in str(caught.value)
    assert caught.value.line == line


def test_a_text_that_would_grow_without_end_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [lol, lol]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(YamlError) as caught:
        read_yaml(bomb)
    assert caught.value.line == 1


def test_every_field_has_its_line_and_what_is_not_there_that_of_what_is_around_it() -> None:
    document = read_yaml(
        "name: web\nspec:\n  ports:\n    - name: http\n    - name: admin\n      protocol: udp\n  cpus: 1\n"
    )
    paths = (
        "name",
        "spec",
        "spec.ports",
        "spec.ports[0].name",
        "spec.ports[1]",
        "spec.ports[1].protocol",
        "spec.cpus",
    )
    assert [document.line_of(path) for path in paths] == [1, 2, 3, 4, 5, 6, 7]
    assert document.line_of("spec.ports[1].container_port") == 5
    assert document.line_of("spec.memory_mib") == 2
    assert document.line_of("cluster") == 1


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a", "yes", "null", "~", "0600", "1", "1.5", "1e3", "12:30:00", "2026-01-02", "=", "<<",
        "- a", "a: b", "#", "'", '"',
        "a\nb", "a\nb\n", "\na", "a\n\n", " a\n b", "a \nb\t\n", "\ta\n", "中文\n😀", "a\r\nb", "a\x85b",
        "\u2028", "\ufeffa", "${secret:x}",
        "x" * 300, "word " * 60, "{{ a }}", "!tag", "&a", "*a", "%", "@", "`", "|", ">", "a\n---\nb", "...\n",
    ],
)  # fmt: skip
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    data = {"a": text, "b": [text, {text or "k": text}]}
    assert read_yaml(write_yaml(data)).data == data


def test_a_spec_is_read_back_as_it_was_and_its_files_are_blocks() -> None:
    spec = make_spec(
        files=[{"path": "a.conf", "content": "level = info\n\n  indented\n", "mode": "0600"}],
        env={"A": "1", "B": {"secret": "b"}, "C": ""},
        hooks={"pre_stop": {"command": "a\nb", "timeout_s": 2}},
    )
    text = write_yaml(spec)
    assert read_yaml(text).data == spec
    assert "content: |\n" in text
