"""Pages that show jobs: beside the jobs' own, the dashboard and what shows jobs of a product line or a host."""

from __future__ import annotations

from django.urls import path

from apps.jobs.views.dashboard import dashboard

app_name = "jobs"
urlpatterns = [
    path("", dashboard, name="dashboard"),
]
