"""Which admin site `django.contrib.admin` serves."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class OceanAdminConfig(AdminConfig):
    default_site = "apps.core.admin_site.OceanAdminSite"
