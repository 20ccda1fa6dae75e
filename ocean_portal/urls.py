"""Every address of the portal. An app's own are in its `urls.py`; the API's are gathered in `ocean_portal.api`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from apps.core.views.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("", include("apps.core.urls")),
    path("accounts/", include("apps.accounts.urls")),
    path("hosts/", include("apps.hosts.urls")),
    path("jobs/", include("apps.jobs.urls")),
    path("language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("ocean_portal.api")),
]
