"""Stars on jobs, and named filters of their list."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.accounts.rights import Right, lines_with
from apps.core.errors import InvalidInput
from apps.core.views.pages import PageRequest
from apps.jobs.personal import views_of
from apps.jobs.services.personal import favourite_set, view_delete, view_save
from apps.jobs.views.job_page import find_job


@require_POST
def star(request: PageRequest, tag: str) -> HttpResponse:
    """`starred`: `true` or `false`. htmx gets the star as it is now; without scripts one is back at the job."""
    job = find_job(request, tag)
    starred = request.POST.get("starred") == "true"
    favourite_set(job=job, by=request.user, starred=starred)
    if not request.htmx:
        return redirect(job.get_absolute_url())
    return render(request, "jobs/_star.html", {"record": job, "starred": starred})


@require_POST
def view_new(request: PageRequest) -> HttpResponse:
    """Keep the list's filter under a name: for oneself, or for the product line that was chosen."""
    tag = request.POST.get("product_line", "")
    line = get_object_or_404(lines_with(request.user, Right.CHANGE), tag=tag) if tag else None
    query = request.POST.get("query", "")
    try:
        view = view_save(
            name=request.POST.get("name", "")[:60], query=query, by=request.user, product_line=line
        )
    except InvalidInput as exc:
        messages.error(request, str(exc))
        return redirect("jobs:list")
    messages.success(request, _("The view “%(name)s” is saved; its address can be shared.") % {"name": view})
    return redirect(view)


@require_POST
def view_end(request: PageRequest, view_id: int) -> HttpResponse:
    view = get_object_or_404(views_of(request.user), pk=view_id)
    view_delete(view=view, by=request.user)
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view})
    return redirect("jobs:list")
