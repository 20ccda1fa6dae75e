from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HostsConfig(AppConfig):
    name = "apps.hosts"
    label = "hosts"
    verbose_name = _("Hosts")

    def ready(self) -> None:
        import_module("apps.hosts.finders")
        import_module("apps.hosts.topics")
