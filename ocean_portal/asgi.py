"""The door for `uvicorn ocean_portal.asgi:application`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from apps.elastic.falcon.callback import FalconCallback
from ocean_portal.processes import end_with_parent, settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocean_portal.settings")

application = FalconCallback(get_asgi_application())
settle()
end_with_parent()
