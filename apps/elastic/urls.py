from __future__ import annotations

from django.urls import path

from apps.elastic.views import all_jobs, backtest, chart, job

app_name = "elastic"
urlpatterns = [
    path("scaling/", all_jobs.PolicyList.as_view(), name="list"),
    path("scaling/card/", all_jobs.card, name="card"),
    path("scaling/pause/", all_jobs.pause, name="pause_all"),
    path("scaling/resume/", all_jobs.resume, name="resume_all"),
    path("jobs/<str:tag>/scaling/", job.ScalingPage.as_view(), name="scaling"),
    path("jobs/<str:tag>/scaling/chart/", chart.chart, name="chart"),
    path("jobs/<str:tag>/scaling/backtest/", backtest.backtest, name="backtest"),
    path("jobs/<str:tag>/scaling/pause/", job.pause, name="pause"),
    path("jobs/<str:tag>/scaling/resume/", job.resume, name="resume"),
    path("jobs/<str:tag>/scaling/approve/", job.approve, name="approve"),
    path("jobs/<str:tag>/scaling/renew-callback/", job.renew_callback, name="renew_callback"),
]
