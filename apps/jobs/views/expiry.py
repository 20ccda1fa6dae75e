"""Keeping a number of instances that would have expired."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.views.pages import PageRequest
from apps.jobs.services.expiry import expiry_keep
from apps.jobs.views.job_page import find_job


@require_POST
def keep(request: PageRequest, tag: str) -> HttpResponse:
    job = find_job(request, tag)
    if expiry_keep(job=job, by=request.user):
        messages.success(request, _("The number of instances stays as it is."))
    else:
        messages.info(request, _("Nothing was about to expire any more."))
    return HttpResponseRedirect(job.get_absolute_url())
