"""Jobs as people write them down: YAML or JSON, several documents in a file, several files in a folder.

Every field keeps its line, so that what the console refuses is said where it stands. YAML is read by the rules of
version 1.2 (`no` is a word, `08:30` is no number), and the values of `env` and `labels` are always taken as they are
written: a variable `VERSION: 1.10` is the text 1.10.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ocean_cli.errors import BadInput, FieldProblem, Usage

SUFFIXES = (".yaml", ".yml", ".json")
_TEXTS = (("spec", "env"), ("spec", "labels"))
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "timestamp")}
_TEXT = "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema; the same key twice is an error."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, yaml.Node] = {}
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"'{key.value}' stands twice", problem_mark=key.start_mark
                    )
                seen[key.value] = key
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))
_Loader.yaml_implicit_resolvers[""] = [("tag:yaml.org,2002:null", re.compile(r"^$"))]


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """1.2's integers: `010` is ten."""
    text = str(loader.construct_scalar(node))
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    return int(text, 10)


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)


@dataclass(frozen=True, slots=True)
class Document:
    """One job: `content` as it goes to the API, `lines` by path (`spec.health_checks[0].path`), counted from 1."""

    source: str
    content: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How people recognise it: `service/name@cluster`."""
        content = self.content
        return f"{content.get('service', '?')}/{content.get('name', '?')}@{content.get('cluster', '?')}"

    def where(self, path: str) -> str:
        """`job.yaml:12`, of the field or of the nearest that is written."""
        steps = _steps(path)
        while steps:
            if line := self.lines.get(_joined(steps)):
                return f"{self.source}:{line}"
            steps = steps[:-1]
        return f"{self.source}:{self.lines.get('', 1)}"


def documents_load(names: list[str]) -> list[Document]:
    """The jobs of files, folders (their .yaml, .yml and .json files, by name), and `-` for standard input.

    Raises BadInput for what is no document, Usage where nothing is found."""
    found = [
        document for name in names for source, text in _sources(name) for document in parse(text, source)
    ]
    if not found:
        raise Usage(f"No jobs are written in {', '.join(names)}.")
    return found


def parse(text: str, source: str) -> Iterator[Document]:
    """The documents of one text. A list at the top is several of them."""
    loader = _Loader(text)
    loader.name = source
    try:
        while loader.check_node() and (node := loader.get_node()) is not None:
            for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                yield from _document(loader, item, source)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        raise BadInput(f"{source}:{line}: {exc.problem or exc.context}") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise BadInput(f"{source}: {exc}") from exc
    except RecursionError as exc:
        raise BadInput(f"{source}: something is part of itself") from exc
    finally:
        loader.dispose()


def _sources(name: str) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "stdin", sys.stdin.read()
        return
    path = Path(name)
    files = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES) if path.is_dir() else [path]
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except OSError as exc:
            raise BadInput(f"{file}: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise BadInput(f"{file}: this is not UTF-8 text") from exc


def _document(loader: _Loader, node: yaml.Node, source: str) -> Iterator[Document]:
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
        return  # `---` without anything after it
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(f"{source}:{line}: a job is written as `name: value` lines")
    for path in _TEXTS:
        _as_texts(node, path)
    content = loader.construct_document(node)
    yield Document(source, content, dict(_lines(node, "")))


def _as_texts(node: yaml.Node, path: tuple[str, ...]) -> None:
    """Take the values under this path as they are written, whatever they look like."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if not path and isinstance(value, yaml.ScalarNode) and value.tag in _SCALARS:
            value.tag = _TEXT
        elif path and key.value == path[0]:
            _as_texts(value, path[1:])


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            yield from _lines(value, inner)
            # A block starts below its name, which is where one looks.
            yield inner, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, f"{path}[{index}]")


def _steps(path: str) -> list[str]:
    return [found[1] if found[1] is not None else f"[{found[2]}]" for found in _STEP.finditer(path)]


def _joined(steps: list[str]) -> str:
    text = ""
    for step in steps:
        text += step if step.startswith("[") or not text else f".{step}"
    return text


def refused(documents: list[Document], fields: list[FieldProblem]) -> str:
    """The console's errors where they stand: `jobs[1].spec.cpus` as `job.yaml:12: spec.cpus: …`."""
    return "\n".join(_refused(documents, problem) for problem in fields)


def _refused(documents: list[Document], problem: FieldProblem) -> str:
    found = re.fullmatch(r"jobs\[(\d+)\](?:\.(.*))?", problem.field)
    if found is None or int(found[1]) >= len(documents):
        return str(problem)
    document, path = documents[int(found[1])], found[2] or ""
    said = FieldProblem(path, problem.code, problem.detail)
    return f"{document.where(path)}: {said}"
