"""YAML as people write it, with the line of every field, and what makes YAML dangerous left out.

A subset of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema): mappings with text keys, lists and
plain values. No anchors and aliases (a short text could become a huge one), no tags, no second document, no key twice.
A number that starts with 0 is text, so that a file's mode stays what was written, and `yes` and `on` are text too.
Comments are lost when a document is written again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

MAX_BYTES = 512 * 1024
MAX_DEPTH = 32
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_OTHER_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")
"""Line ends of YAML 1.1 alone."""
_MAX_DIGITS = 300
_TEXT_TAGS = {"tag:yaml.org,2002:str", "!"}
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """The text is no YAML that is taken. `str(error)` says why, in the active language; `line` counts from 1."""

    def __init__(self, text: str, *, line: int) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says, and the line of each value by its path (`spec.ports[0].name`; "" is the whole).
    `groups`: the paths of mappings and lists."""

    data: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    groups: Set[str] = frozenset()

    def line_of(self, path: str) -> int:
        """The line of a field, or of the nearest thing around it that is written down."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


def read_yaml(text: str) -> Document:
    """What the text says. Raises YamlError at the first thing that is wrong."""
    if len(text.encode()) > MAX_BYTES:
        raise YamlError(_("The text is larger than %(size)s KiB.") % {"size": MAX_BYTES // 1024}, line=1)
    try:
        return _Reader(yaml.parse(text, Loader=_Parser)).document()
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise YamlError(_("There is a character that a text cannot hold."), line=line) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = _("This is not YAML: %(problem)s.") % {"problem": exc.problem or exc.context}
        # What is missing at the end is reported behind it.
        raise YamlError(problem, line=min(mark.line, text.count("\n")) + 1 if mark else 1) from exc


def write_yaml(data: Any) -> str:
    """The data as YAML that `read_yaml` reads back as the same data; longer texts as blocks, in their own lines."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


class _Reader:
    """Builds values from the parser's events, which are few whatever the text says."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lines: dict[str, int] = {}
        self._groups: set[str] = set()

    def document(self) -> Document:
        data = None
        documents = 0
        event: Any
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _error(event, _("There is a second document: only one is read."))
                data = self._value(next(self._events), path="", depth=0)
        return Document(data, self._lines, self._groups)

    def _value(self, event: Any, *, path: str, depth: int) -> Any:
        self._lines[path] = _line(event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _error(event, _("Anchors and aliases (& and *) are not taken: write the value out."))
        if depth > MAX_DEPTH:
            raise _error(event, _("This is nested too deeply."))
        if isinstance(event, yaml.CollectionStartEvent):
            self._groups.add(path)
        if isinstance(event, yaml.MappingStartEvent):
            _refuse_tag(event)
            return self._mapping(path=path, depth=depth)
        if isinstance(event, yaml.SequenceStartEvent):
            _refuse_tag(event)
            return self._sequence(path=path, depth=depth)
        return _scalar(event)

    def _mapping(self, *, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _error(event, _("A field's name is a plain text."))
            key = event.value
            if key in found:
                raise _error(event, _("The field '%(name)s' is there twice.") % {"name": key})
            inner = f"{path}.{key}" if path else key
            found[key] = self._value(next(self._events), path=inner, depth=depth + 1)
            self._lines[inner] = _line(event)
        return found

    def _sequence(self, *, path: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, path=f"{path}[{len(found)}]", depth=depth + 1))
        return found


def _scalar(event: Any) -> Any:
    text: str = event.value
    if "\0" in text:
        raise _error(event, _("Text cannot hold the character U+0000."))
    if event.tag in _TEXT_TAGS or (event.tag is None and not event.implicit[0]):
        return text
    _refuse_tag(event)
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _MAX_DIGITS:
        if _INTEGER.match(text):
            return int(text)
        if _NUMBER.match(text):
            return float(text)
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refuse_tag(event: Any) -> None:
    if event.tag is not None:
        raise _error(event, _("Tags (!…) are not taken."))


def _error(event: Any, text: str) -> YamlError:
    return YamlError(text, line=_line(event))


class _Dumper(yaml.SafeDumper):
    """PyYAML's, whose quoting is right for readers of 1.1 and 1.2 alike."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A block keeps lines readable; PyYAML takes another style by itself where a block could not say the text.
    style = "|" if "\n" in text else None
    if _OTHER_LINE_ENDS.search(text):
        style = '"'
    elif _NUMBER.match(text):  # 1e3 is one by YAML 1.2 alone
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
