from __future__ import annotations

from django.urls import URLPattern

app_name = "elastic"
urlpatterns: list[URLPattern] = []
