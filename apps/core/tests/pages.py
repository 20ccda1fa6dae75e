"""What tests of pages share: reading a page, and counting its queries."""

from __future__ import annotations

import re
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def text(html: str) -> str:
    """What a reader sees: the page without its tags, in one line."""
    bare = re.sub(r"<(script|style|template|dialog).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def read(client: Client, url: str) -> str:
    """The page's text; it must be there, and have exactly one heading of the first rank."""
    html = html_of(client, url)
    assert len(re.findall(r"<h1[ >]", html)) == 1, url
    return text(html)


def html_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, (url, response.status_code)
    return response.content.decode()


def part(client: Client, url: str, target: str) -> str:
    """The part of a page that htmx would put in place of the element with this id."""
    response = client.get(url, headers={"HX-Request": "true", "HX-Target": target})
    assert response.status_code == 200, (url, response.status_code)
    html = response.content.decode().strip()
    assert html.count(f'id="{target}"') == 1
    assert re.match(rf'<[a-z]+[^>]* id="{target}"|<[a-z]+ id="{target}"', html), html[:200]
    assert "<html" not in html
    assert {"HX-Request", "HX-Target"} <= {name.strip() for name in response["Vary"].split(",")}
    return html


def queries(client: Client, url: str) -> int:
    """How often a page asks the database."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
