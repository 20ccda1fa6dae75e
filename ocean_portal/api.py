"""The REST API's addresses under `/api/v1/` (docs/api.md)."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
