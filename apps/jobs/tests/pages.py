"""What the tests of the job pages share: a person's browser, and forms as the page gave them."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from django.test import Client

from apps.accounts.models import User

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


def browser(user: User | None) -> Client:
    """The person's browser, signed in; that of nobody without a person."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


class FormReader(HTMLParser):
    """Reads what a browser would send: every named control of the form with `form_id` (all forms without one).

    Like a browser with scripts it takes no notice of `<noscript>` and `<template>`.
    """

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.data: dict[str, str] = {}
        self._inside = False
        self._hidden = 0
        self._select = ""
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id", "") == self.form_id or not self.form_id
        if tag in {"noscript", "template"}:
            self._hidden += 1
        if not self._inside or self._hidden:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            if given.get("type") not in {"checkbox", "radio"}:
                self.data[name] = given.get("value", "")
            elif "checked" in given:
                self.data[name] = given.get("value", "on")
        elif tag == "select":
            self._select = name
            self.data[name] = ""
        elif tag == "option" and self._select and "selected" in given:
            self.data[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = name
            self.data[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag in {"noscript", "template"}:
            self._hidden -= 1
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._textarea:
            # Django writes a line end after the tag, and browsers leave out the first one.
            self.data[self._textarea] = self.data[self._textarea].removeprefix("\n")
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea and not self._hidden:
            self.data[self._textarea] += data


def form_data(response: Response, form_id: str = "") -> dict[str, str]:
    """What the form on the page would send if nobody touched it."""
    reader = FormReader(form_id)
    reader.feed(response.content.decode())
    return reader.data


def errors_at(response: Response) -> dict[str, str]:
    """The errors on the page, by the id of the field that they stand at."""
    found = re.findall(
        r'<ul class="[^"]*ocean-errors[^"]*" id="id_(.*?)_error">(.*?)</ul>', response.content.decode()
    )
    return {name: unescape(re.sub(r"<[^>]+>", "", text)).strip() for name, text in found}


def text_of(response: Response) -> str:
    """The page without its tags, in one line."""
    html = response.content.decode().replace("<wbr>", "")
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def add_row(data: dict[str, str], rows: str, **values: Any) -> dict[str, str]:
    """The data with a row that a script has added. It stands behind the spare one that browsers without scripts see,
    so the first of an empty list has index 1."""
    index = int(data[f"{rows}-TOTAL_FORMS"])
    row = {f"{rows}-{index}-{name}": str(value) for name, value in {"kept": "1", **values}.items()}
    return {**data, **row, f"{rows}-TOTAL_FORMS": str(index + 1)}
