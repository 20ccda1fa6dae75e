"""The first page: is everything of mine all right, and if not, what, since when, and why?"""

from __future__ import annotations

from django.http import HttpResponse

from apps.core.views.pages import PageRequest, render_page


def dashboard(request: PageRequest) -> HttpResponse:
    return render_page(request, "jobs/dashboard.html", {})
