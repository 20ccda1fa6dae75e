from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ElasticConfig(AppConfig):
    name = "apps.elastic"
    label = "elastic"
    verbose_name = _("Scaling")

    def ready(self) -> None:
        import_module("apps.elastic.topics")
        import_module("apps.elastic.falcon.wiring")
        import_module("apps.elastic.schedules.wiring")
        import_module("apps.elastic.forms")
        import_module("apps.elastic.wiring")
