"""`manage.py job_templates`: add the job templates that every installation starts with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.jobs.templating.seeds import job_templates_seed


class Command(BaseCommand):
    help = "Adds the job templates that are missing. Those that are there, edited or not, are left alone."

    def handle(self, *args: Any, **options: Any) -> None:
        for name in job_templates_seed():
            self.stdout.write(f"job template {name}: added")
