from __future__ import annotations

from django.urls import path

from apps.core.views.live import live

app_name = "core"
urlpatterns = [
    path("live/", live, name="live"),
]
