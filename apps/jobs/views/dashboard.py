"""The first page: is everything of mine all right, and if not, what, since when, and why?"""

from __future__ import annotations

from django.http import HttpResponse

from apps.core.views.pages import PageRequest, render_page
from apps.jobs.dashboard import Dashboard

PARTS = {
    "dashboard-jobs": "jobs/dashboard/_jobs.html",
    "dashboard-operations": "jobs/dashboard/_operations.html",
    "dashboard-clusters": "jobs/dashboard/_clusters.html",
}


def dashboard(request: PageRequest) -> HttpResponse:
    context = {"dashboard": Dashboard(request.user)}
    return render_page(request, "jobs/dashboard.html", context, parts=PARTS)
