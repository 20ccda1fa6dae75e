"""One address, one view: the whole page, or for htmx the part of it that asked (by the id of its target)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from apps.accounts.models import User


class PageRequest(HttpRequest):
    """The request of a page: of a person who is signed in, perhaps by htmx."""

    htmx: HtmxDetails
    user: User


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    parts: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render `template`, or where htmx refreshes the element with an id in `parts`, only that part's template.

    Both get the same context, so that a part cannot differ from the page that it belongs to.
    """
    target = request.headers.get("HX-Target", "") if request.headers.get("HX-Request") else ""
    response = render(request, (parts or {}).get(target, template), dict(context), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response
