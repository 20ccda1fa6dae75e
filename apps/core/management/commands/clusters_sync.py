"""`manage.py clusters_sync`: make the clusters' rows say what OCEAN_CLUSTERS says."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.clusters import clusters_sync
from apps.core.errors import InvalidInput


class Command(BaseCommand):
    help = "Creates and updates the clusters that OCEAN_CLUSTERS lists, and disables those that it no longer does."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = clusters_sync(settings.OCEAN_CLUSTERS)
        except InvalidInput as exc:
            lines = [f"  OCEAN_CLUSTERS{error.field}: {error.detail}" for error in exc.errors]
            raise CommandError("\n".join(["Nothing was changed:", *lines])) from exc
        for names, done in (
            (report.created, "created"),
            (report.changed, "changed"),
            (report.disabled, "disabled, as OCEAN_CLUSTERS no longer lists it"),
        ):
            for name in names:
                self.stdout.write(f"cluster {name}: {done}")
