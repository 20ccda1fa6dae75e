"""The REST API's addresses under `/api/v1/` (docs/api.md)."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from apps.accounts.api.views import TAG as LINE
from apps.accounts.api.views import MemberViewSet, MeView, ProductLineViewSet, SignInView, TokenViewSet
from apps.core.api.base import NoSuchAddress
from apps.core.api.drift import DriftViewSet
from apps.core.api.notifications import (
    NotificationChannelViewSet,
    NotificationGroupViewSet,
    NotificationViewSet,
)
from apps.core.api.search import SearchView
from apps.core.api.views import ClusterViewSet, OperationViewSet
from apps.elastic.api.past import ScalingBacktestView, ScalingSeriesView
from apps.elastic.api.ringing import ScheduleRungView
from apps.elastic.api.scaling import (
    AllScalingPauseView,
    AllScalingResumeView,
    AllScalingView,
    ScalingApproveView,
    ScalingHistoryViewSet,
    ScalingPauseView,
    ScalingRenewCallbackView,
    ScalingResumeView,
    ScalingView,
)
from apps.elastic.api.schedules import CalendarView, ScheduleRunViewSet, ScheduleViewSet
from apps.hosts.api.views import HostView, HostViewSet
from apps.jobs.api.base import JOB
from apps.jobs.api.cloning import ClonePlanView, CloneView, MigratePlanView, MigrateView
from apps.jobs.api.history import CompareView, HistoryView
from apps.jobs.api.jobs import JobViewSet
from apps.jobs.api.logs import LogDownloadView, MergedLogView
from apps.jobs.api.parts import InstanceViewSet, LogView, VersionViewSet
from apps.jobs.api.personal import FavouriteViewSet, SavedViewViewSet
from apps.jobs.api.plans import JobPlanView
from apps.jobs.api.raw import JobEngineView, JobYamlView
from apps.jobs.api.releases import ReleaseViewSet
from apps.jobs.api.shelf import SecretViewSet
from apps.jobs.api.templates import (
    TEMPLATE,
    TemplateJobViewSet,
    TemplateUpdatePlanView,
    TemplateUpdateView,
    TemplateVersionViewSet,
    TemplateViewSet,
)
from apps.jobs.api.usage import UsageView

router = SimpleRouter()
router.register("operations", OperationViewSet, basename="operation")
router.register("clusters", ClusterViewSet, basename="cluster")
router.register("product-lines", ProductLineViewSet, basename="product-line")
router.register(rf"product-lines/(?P<line>{LINE})/members", MemberViewSet, basename="member")
router.register(rf"product-lines/(?P<line>{LINE})/secrets", SecretViewSet, basename="secret")
router.register("jobs", JobViewSet, basename="job")
router.register(rf"{JOB}/versions", VersionViewSet, basename="job-version")
router.register(rf"{JOB}/instances", InstanceViewSet, basename="job-instance")
router.register(rf"{JOB}/scaling/history", ScalingHistoryViewSet, basename="job-scaling-history")
router.register(rf"{JOB}/schedules/runs", ScheduleRunViewSet, basename="job-schedule-run")
router.register(rf"{JOB}/schedules", ScheduleViewSet, basename="job-schedule")
router.register("favourites", FavouriteViewSet, basename="favourite")
router.register("views", SavedViewViewSet, basename="view")
router.register("releases", ReleaseViewSet, basename="release")
router.register("templates", TemplateViewSet, basename="template")
router.register(rf"templates/{TEMPLATE}/versions", TemplateVersionViewSet, basename="template-version")
router.register(rf"templates/{TEMPLATE}/jobs", TemplateJobViewSet, basename="template-job")
router.register("hosts", HostViewSet, basename="host")
router.register("notification-groups", NotificationGroupViewSet, basename="notification-group")
router.register(
    r"notification-groups/(?P<group>[a-z0-9_-]+)/channels",
    NotificationChannelViewSet,
    basename="notification-channel",
)
router.register("drift", DriftViewSet, basename="drift")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("users/me/tokens", TokenViewSet, basename="token")

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/plan/", JobPlanView.as_view(), name="jobs-plan"),  # before the job of this name
    *router.urls,
    re_path(rf"^{JOB}/scaling/calendar/$", CalendarView.as_view(), name="job-scaling-calendar"),
    re_path(
        r"^callbacks/chronos/(?P<schedule_id>[0-9]{1,18})/$", ScheduleRungView.as_view(), name="schedule-rung"
    ),
    re_path(rf"^{JOB}/history/$", HistoryView.as_view(), name="job-history"),
    re_path(rf"^{JOB}/compare/$", CompareView.as_view(), name="job-compare"),
    re_path(rf"^{JOB}/clone/$", CloneView.as_view(), name="job-clone"),
    re_path(rf"^{JOB}/clone/plan/$", ClonePlanView.as_view(), name="job-clone-plan"),
    re_path(rf"^{JOB}/migrate/$", MigrateView.as_view(), name="job-migrate"),
    re_path(rf"^{JOB}/migrate/plan/$", MigratePlanView.as_view(), name="job-migrate-plan"),
    re_path(rf"^{JOB}/yaml/$", JobYamlView.as_view(), name="job-yaml"),
    re_path(rf"^{JOB}/engine/$", JobEngineView.as_view(), name="job-engine"),
    re_path(rf"^{JOB}/scaling/$", ScalingView.as_view(), name="job-scaling"),
    re_path(rf"^{JOB}/scaling/series/$", ScalingSeriesView.as_view(), name="job-scaling-series"),
    re_path(rf"^{JOB}/scaling/backtest/$", ScalingBacktestView.as_view(), name="job-scaling-backtest"),
    re_path(rf"^{JOB}/scaling/pause/$", ScalingPauseView.as_view(), name="job-scaling-pause"),
    re_path(rf"^{JOB}/scaling/resume/$", ScalingResumeView.as_view(), name="job-scaling-resume"),
    re_path(rf"^{JOB}/scaling/approve/$", ScalingApproveView.as_view(), name="job-scaling-approve"),
    re_path(
        rf"^{JOB}/scaling/renew-callback/$",
        ScalingRenewCallbackView.as_view(),
        name="job-scaling-renew-callback",
    ),
    path("scaling/", AllScalingView.as_view(), name="scaling"),
    path("scaling/pause/", AllScalingPauseView.as_view(), name="scaling-pause"),
    path("scaling/resume/", AllScalingResumeView.as_view(), name="scaling-resume"),
    re_path(rf"^{JOB}/logs/$", LogView.as_view(), name="job-logs"),
    re_path(rf"^{JOB}/logs/merged/$", MergedLogView.as_view(), name="job-logs-merged"),
    re_path(rf"^{JOB}/logs/download/$", LogDownloadView.as_view(), name="job-logs-download"),
    re_path(
        r"^hosts/(?P<cluster>[^/\x00]+)/(?P<hostname>[^/\x00]+)/$",
        HostView.as_view(),
        name="host-detail",
    ),
    re_path(
        rf"^templates/{TEMPLATE}/update/plan/$", TemplateUpdatePlanView.as_view(), name="template-update-plan"
    ),
    re_path(rf"^templates/{TEMPLATE}/update/$", TemplateUpdateView.as_view(), name="template-update"),
    path("tokens/", SignInView.as_view(), name="sign-in"),
    re_path(rf"^product-lines/(?P<line>{LINE})/usage/$", UsageView.as_view(), name="product-line-usage"),
    path("search/", SearchView.as_view(), name="search"),
    path("users/me/", MeView.as_view(), name="me"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    re_path(r"^.*$", NoSuchAddress.as_view()),
]
