"""The Celery application. Tasks say what they do in each app's `tasks.py`; queues are read in the order
`elastic`, `operations`, `background`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocean_portal.settings")

app = Celery("ocean")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
