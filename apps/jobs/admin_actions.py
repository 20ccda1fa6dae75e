"""What SREs can do from the admin site's lists of jobs, clusters and releases: each through the service, or the page
that says first what will happen."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.core.admin_site import person_of
from apps.core.models import Cluster
from apps.jobs.models import Job, Release, ScaleExpiry
from apps.jobs.services.expiry import expiry_keep
from apps.jobs.services.look import cluster_look_again
from apps.jobs.services.releases import release_cancel

MAX_JOBS = 50
"""More do not fit the address of a release's page."""


@admin.action(description=gettext_lazy("Restart the selected jobs as one release…"), permissions=["view"])
def restart_jobs(_admin: Any, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
    return _release_page(request, queryset, action="restart")


@admin.action(description=gettext_lazy("Stop the selected jobs as one release…"), permissions=["view"])
def stop_jobs(_admin: Any, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
    return _release_page(request, queryset, action="stop")


@admin.action(description=gettext_lazy("Start the selected jobs as one release…"), permissions=["view"])
def start_jobs(_admin: Any, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
    return _release_page(request, queryset, action="start")


@admin.action(description=gettext_lazy("Look at the selected jobs' clusters now"), permissions=["view"])
def look_at_clusters_of_jobs(_admin: Any, request: HttpRequest, queryset: QuerySet[Job]) -> None:
    _look(request, Cluster.objects.filter(pk__in=queryset.order_by().values("cluster")))


@admin.action(description=gettext_lazy("Look at the selected clusters now"), permissions=["view"])
def look_at_clusters(_admin: Any, request: HttpRequest, queryset: QuerySet[Cluster]) -> None:
    _look(request, queryset)


@admin.action(description=gettext_lazy("Call off the selected releases"), permissions=["view"])
def cancel_releases(_admin: Any, request: HttpRequest, queryset: QuerySet[Release]) -> None:
    count = sum(
        release_cancel(release=release, by=person_of(request))
        for release in queryset.select_related("operation")
    )
    text = ngettext("Asked to call off %(count)s release.", "Asked to call off %(count)s releases.", count)
    messages.success(request, text % {"count": count})


@admin.action(description=gettext_lazy("Keep the number of instances for good"), permissions=["view"])
def keep_scalings(_admin: Any, request: HttpRequest, queryset: QuerySet[ScaleExpiry]) -> None:
    count = sum(
        expiry_keep(job=expiry.job, by=person_of(request))
        for expiry in queryset.select_related("job__product_line")
    )
    text = ngettext("%(count)s scaling stays as it is.", "%(count)s scalings stay as they are.", count)
    messages.success(request, text % {"count": count})


def _release_page(request: HttpRequest, queryset: QuerySet[Job], *, action: str) -> HttpResponse | None:
    """The page that shows the plan and asks; nothing is done here."""
    tags = list(queryset.filter(deleted_at__isnull=True).values_list("tag", flat=True)[: MAX_JOBS + 1])
    if not tags:
        messages.error(request, _("None of them is there any more."))
        return None
    if len(tags) > MAX_JOBS:
        text = _("Choose %(max)s jobs at most; the list of jobs takes more.")
        messages.error(request, text % {"max": MAX_JOBS})
        return None
    query = urlencode([("action", action), *(("job", tag) for tag in tags)])
    return HttpResponseRedirect(f"{reverse('jobs:release_new')}?{query}")


def _look(request: HttpRequest, clusters: QuerySet[Cluster]) -> None:
    names = []
    for cluster in clusters.filter(enabled=True):
        cluster_look_again(cluster=cluster, by=person_of(request))
        names.append(cluster.name)
    text = _("A worker takes a snapshot of: %(clusters)s.")
    messages.success(request, text % {"clusters": ", ".join(names) or "–"})
