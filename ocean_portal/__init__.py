"""Settings, URLs, ASGI and Celery: the portal's frame. Nothing of the domain lives here."""

from ocean_portal.celery import app as celery_app

__all__ = ["celery_app"]
