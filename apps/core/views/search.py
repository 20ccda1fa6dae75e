"""Searching everything: a page of its own, and what the box of every page shows while one types."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.core.search import search as find
from apps.core.views.pages import PageRequest, render_page

PARTS = {"search-results": "core/search/_results.html", "search-found": "core/search/_options.html"}


@require_safe
def search(request: PageRequest) -> HttpResponse:
    """`?q=`: what was typed. The box asks for `search-found` (options to choose from by keys), the page for
    `search-results`."""
    text = request.GET.get("q", "")
    groups = find(request.user, text)
    context = {"q": text, "groups": groups, "count": sum(len(group.hits) for group in groups)}
    return render_page(request, "core/search.html", context, parts=PARTS)
