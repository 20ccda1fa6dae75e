"""Run several of Django's commands in one process, in order: `manage_each.py "migrate --no-input" clusters_sync`.

Loading Ocean takes longer than most commands do, so `make run` loads it once.
"""

import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocean_portal.settings")

import django
from django.core.management import CommandError, call_command

django.setup()
for command in sys.argv[1:]:
    try:
        call_command(*shlex.split(command))
    except CommandError as exc:
        sys.exit(f"manage.py {command}: {exc}")
