from __future__ import annotations

from django.urls import path

from apps.elastic.views import job

app_name = "elastic"
urlpatterns = [
    path("jobs/<str:tag>/scaling/", job.ScalingPage.as_view(), name="scaling"),
    path("jobs/<str:tag>/scaling/pause/", job.pause, name="pause"),
    path("jobs/<str:tag>/scaling/resume/", job.resume, name="resume"),
    path("jobs/<str:tag>/scaling/approve/", job.approve, name="approve"),
]
