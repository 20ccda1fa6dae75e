"""Every address of the portal. An app's own are in its `urls.py`; the API's are gathered in `ocean_portal.api`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from apps.accounts.views import preferences
from apps.accounts.views.login import admin_login
from apps.core.views.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("", include("apps.core.urls")),
    path("accounts/", include("apps.accounts.urls")),
    path("hosts/", include("apps.hosts.urls")),
    path("", include("apps.elastic.urls")),
    path("", include("apps.jobs.urls")),
    path("language/", preferences.language, name="set_language"),
    path("theme/", preferences.theme, name="set_theme"),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("api/v1/", include("ocean_portal.api")),
]
