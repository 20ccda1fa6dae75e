"""Templates, the pure part: placeholders, parameters, and the three-way merge."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from apps.core.errors import InvalidInput
from apps.jobs.templating.merge import Conflict, Merged, merge
from apps.jobs.templating.parameters import parameters_validate, values_validate
from apps.jobs.templating.placeholders import escape, fill, names_in

VALUES = {"n": 3, "cpus": 0.5, "on": True, "off": False, "word": "a b"}


def errors_of(call: Any, *args: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        call(*args)
    return {error.field: error.code for error in caught.value.errors}


class TestPlaceholders:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{{ n }}", 3),
            ("{{n}}", 3),
            ("{{ cpus }}", 0.5),
            ("{{ on }}", True),
            ("{{ word }}", "a b"),
            (" {{ n }}", " 3"),
            ("-n {{ n }} --on={{ on }},{{ off }} '{{ word }}'", "-n 3 --on=true,false 'a b'"),
            ("{{ '{{' }} .Name }}", "{{ .Name }}"),
            ("{ n } ${n} }} %n", "{ n } ${n} }} %n"),
            ("", ""),
        ],
    )
    def test_values_are_put_in(self, text: str, value: Any) -> None:
        assert fill({"a": [{"b": text}]}, VALUES) == {"a": [{"b": value}]}

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("{{ nothing }}", "unknown_parameter"),
            ("x {{ nothing }}", "unknown_parameter"),
            ("{{ n + 1 }}", "malformed_placeholder"),
            ("{{ n|upper }}", "malformed_placeholder"),
            ("{{ ''.__class__ }}", "malformed_placeholder"),
            ("{{}}", "malformed_placeholder"),
            ("{{ n", "malformed_placeholder"),
            ("x {{ n\n}}", "malformed_placeholder"),
            ("{{{ n }}}", "malformed_placeholder"),
        ],
    )
    def test_anything_else_is_an_error_at_its_field(self, text: str, code: str) -> None:
        assert errors_of(fill, {"ports": [{"name": text}], "env": {"A": "{{ n }}"}}, VALUES) == {
            "spec.ports[0].name": code
        }

    def test_a_value_is_not_looked_through_again(self) -> None:
        assert fill({"a": "{{ x }}!"}, {"x": "{{ y }}", "y": "z"}) == {"a": "{{ y }}!"}

    @pytest.mark.parametrize("text", ["{{", "a {{ b }} {{{ c }}}", "{{ '{{' }}", "}}", "{{{{"])
    def test_whatever_a_job_says_can_be_a_template(self, text: str) -> None:
        assert fill(escape({"a": [text]}), {}) == {"a": [text]}

    def test_names(self) -> None:
        assert set(names_in({"a": ["{{ x }} {{ y }}", {"b": "{{ '{{' }} z"}], "c": 1})) == {"x", "y"}


class TestParameters:
    def test_what_is_left_out_has_its_default(self) -> None:
        [row] = parameters_validate([{"name": "level", "required": True}])
        assert row == {
            "name": "level", "type": "text", "label_en": "", "label_zh": "", "help_en": "", "help_zh": "",
            "required": True,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("row", "field", "code"),
        [
            ({"name": "Level", "default": ""}, "name", "invalid_name"),
            ({"name": "a-b", "default": ""}, "name", "invalid_name"),
            ({"default": ""}, "name", "required"),
            ({"name": "a"}, "default", "required"),
            ({"name": "a", "required": True, "default": "x"}, "default", "invalid"),
            ({"name": "a", "type": "file", "default": "x"}, "type", "invalid_choice"),
            ({"name": "a", "type": "integer", "default": "many"}, "default", "invalid"),
            ({"name": "a", "type": "integer", "default": 5, "max": 4}, "default", "max_value"),
            ({"name": "a", "type": "number", "default": 1, "min": 3, "max": 2}, "max", "min_value"),
            ({"name": "a", "type": "choice", "required": True}, "choices", "required"),
            ({"name": "a", "type": "choice", "choices": ["x"], "default": "y"}, "default", "invalid_choice"),
            ({"name": "a", "choices": ["x"], "default": "x"}, "choices", "invalid"),
            ({"name": "a", "default": ["x"]}, "default", "invalid"),
            ({"name": "a", "default": "x", "secret": True}, "secret", "unknown_field"),
        ],
    )
    def test_a_bad_one_is_named_by_its_path(self, row: dict[str, Any], field: str, code: str) -> None:
        assert errors_of(parameters_validate, [row]) == {f"parameters[0].{field}": code}

    def test_two_of_one_name(self) -> None:
        rows = [{"name": "a", "default": ""}, {"name": "a", "default": ""}]
        assert errors_of(parameters_validate, rows) == {"parameters[1].name": "unique"}

    PARAMETERS: ClassVar[list[dict[str, Any]]] = [
        {"name": "word", "required": True, "max": 5},
        {"name": "count", "type": "integer", "default": 2, "min": 1, "max": 9},
        {"name": "share", "type": "number", "default": 0.5},
        {"name": "debug", "type": "boolean", "default": False},
        {"name": "level", "type": "choice", "choices": ["low", "high"], "default": "low"},
    ]

    def test_values_are_of_their_types_and_defaults_fill_the_rest(self) -> None:
        parameters = parameters_validate(self.PARAMETERS)
        assert values_validate(parameters, {"word": " x ", "count": "3", "debug": "true"}) == {
            "word": " x ", "count": 3, "share": 0.5, "debug": True, "level": "low",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, {"parameters.word": "required"}),
            ({"word": ""}, {"parameters.word": "blank"}),
            ({"word": "longer than"}, {"parameters.word": "max_length"}),
            ({"word": "x", "count": 10}, {"parameters.count": "max_value"}),
            ({"word": "x", "count": 1.5}, {"parameters.count": "invalid"}),
            ({"word": "x", "level": "mid"}, {"parameters.level": "invalid_choice"}),
            ({"word": "x", "colour": "red"}, {"parameters.colour": "unknown_field"}),
            ([], {"parameters": "invalid"}),
        ],
    )
    def test_a_bad_value_is_named(self, given: Any, expected: dict[str, str]) -> None:
        assert errors_of(values_validate, parameters_validate(self.PARAMETERS), given) == expected


class TestMerge:
    @pytest.mark.parametrize(
        ("base", "mine", "theirs", "merged"),
        [
            ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}),
            ({"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}),
            ({"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}),
            ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}),
            ({"env": {}}, {"env": {"X": "1"}}, {"env": {"Y": "2"}}, {"env": {"X": "1", "Y": "2"}}),
            ({"env": {"X": "1"}}, {"env": {}}, {"env": {"X": "1", "Y": "2"}}, {"env": {"Y": "2"}}),
            (
                {"env": {"X": "1", "Y": "1"}},
                {"env": {"X": "1", "Y": "2"}},
                {"env": {"Y": "1"}},
                {"env": {"Y": "2"}},
            ),
            (
                {"ports": [{"name": "http"}]},
                {"ports": [{"name": "admin"}, {"name": "http"}]},
                {"ports": [{"name": "http", "protocol": "tcp"}, {"name": "dns"}]},
                {"ports": [{"name": "admin"}, {"name": "http", "protocol": "tcp"}, {"name": "dns"}]},
            ),
            (
                {"health_checks": [{"path": "/", "grace_s": 1}]},
                {"health_checks": [{"path": "/mine", "grace_s": 1}]},
                {"health_checks": [{"path": "/", "grace_s": 9}]},
                {"health_checks": [{"path": "/mine", "grace_s": 9}]},
            ),
            ({"args": ["a"]}, {"args": ["a"]}, {"args": []}, {"args": []}),
        ],
    )
    def test_what_one_side_changed_is_taken(self, base: Any, mine: Any, theirs: Any, merged: Any) -> None:
        assert merge(base, mine, theirs) == Merged(merged, ())

    def test_what_both_changed_stays_the_job_s_and_is_named(self) -> None:
        base = {"cpus": 1, "env": {"A": "1"}, "args": ["a"], "p": {"secret": "x"}}
        mine = {"cpus": 2, "env": {}, "args": ["a", "b"], "p": {"secret": "y"}}
        theirs = {"cpus": 3, "env": {"A": "2"}, "args": ["c", "d", "e"], "p": {"secret": "z"}}
        merged = merge(base, mine, theirs)
        assert merged.spec == mine
        assert merged.conflicts == (
            Conflict("cpus", 1, 2, 3),
            Conflict("env.A", "1", None, "2"),
            Conflict("args", ["a"], ["a", "b"], ["c", "d", "e"]),
            Conflict("p", {"secret": "x"}, {"secret": "y"}, {"secret": "z"}),
        )

    def test_a_person_decides(self) -> None:
        base, mine, theirs = {"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": 3}
        assert merge(base, mine, theirs, take={"a": "template", "b": "job"}) == Merged({"a": 3, "b": 2}, ())
