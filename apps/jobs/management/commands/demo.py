"""`manage.py demo`: the people and product lines of the embedded default, its job templates and its
notification group."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.demo import demo_prepare
from apps.core.notifications.demo import demo_group_prepare
from apps.jobs.templating.seeds import job_templates_seed


class Command(BaseCommand):
    help = "Adds the demo people, their product lines and the job templates; logins are kept in $OCEAN_VAR/demo.json."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--show", action="store_true", help="print the passwords and API tokens")

    def handle(self, *args: Any, show: bool, **options: Any) -> None:
        if not settings.OCEAN_EMBEDDED:
            raise CommandError(
                "The demo people are for the embedded default only (OCEAN_EMBEDDED=1): "
                "their tokens lie in a file. Use `manage.py createsuperuser` here."
            )
        path = settings.OCEAN_VAR / "demo.json"
        logins = demo_prepare(path)
        job_templates_seed()
        demo_group_prepare()
        self.stdout.write(f"demo people: their passwords and API tokens are in {path}")
        if show:
            for name, login in logins.items():
                self.stdout.write(f"{name}: password {login['password']}  token {login['token']}")
