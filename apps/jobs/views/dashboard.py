"""The first page: is everything of mine all right, and if not, what, since when, and why?"""

from __future__ import annotations

from django.http import HttpResponse

from apps.core.views.pages import PageRequest, render_page
from apps.jobs.dashboard import Dashboard
from apps.jobs.personal import favourite, mine

PARTS = {
    "dashboard-jobs": "jobs/dashboard/_jobs.html",
    "dashboard-operations": "jobs/dashboard/_operations.html",
    "dashboard-clusters": "jobs/dashboard/_clusters.html",
}


def dashboard(request: PageRequest) -> HttpResponse:
    context = {"dashboard": _dashboard(request)}
    return render_page(request, "jobs/dashboard.html", context, parts=PARTS)


def _dashboard(request: PageRequest) -> Dashboard:
    """`?mine=true` or `?favourite=true`, as in the list of jobs; without them, of all that the person sees."""
    url = request.get_full_path()
    if request.GET.get("mine") == "true":
        return Dashboard(request.user, url=url, only=mine(request.user), query="mine=true")
    if request.GET.get("favourite") == "true":
        return Dashboard(request.user, url=url, only=favourite(request.user), query="favourite=true")
    return Dashboard(request.user, url=url)
