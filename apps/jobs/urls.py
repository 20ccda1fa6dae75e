"""Pages that show jobs: beside the jobs' own, the dashboard and what shows jobs of a product line or a host."""

from __future__ import annotations

from django.urls import path

from apps.jobs.views import (
    actions,
    detail,
    engine,
    expiry,
    form,
    history,
    hosts,
    lists,
    logs,
    personal,
    product_lines,
    publish,
    releases,
    templates,
)
from apps.jobs.views.dashboard import dashboard

app_name = "jobs"
urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("jobs/", lists.JobListPage.as_view(), name="list"),
    path("jobs/new/", form.job_new, name="new"),
    path("jobs/views/", personal.view_new, name="view_new"),
    path("jobs/views/<int:view_id>/delete/", personal.view_end, name="view_delete"),
    path("jobs/new/api-call/", form.job_api_call, name="api_call_new"),
    path("jobs/options/dependencies/", lists.dependency_options, name="dependency_options"),
    path("jobs/options/secrets/", lists.secret_options, name="secret_options"),
    path("jobs/<str:tag>/", detail.InstancesPage.as_view(), name="detail"),
    path("jobs/<str:tag>/star/", personal.star, name="star"),
    path("jobs/<str:tag>/history/", history.history, name="history"),
    path("jobs/<str:tag>/compare/", history.compare, name="compare"),
    path("jobs/<str:tag>/versions/", detail.VersionsPage.as_view(), name="versions"),
    path("jobs/<str:tag>/versions/<int:number>/", detail.version_detail, name="version"),
    path("jobs/<str:tag>/diff/", detail.diff, name="diff"),
    path("jobs/<str:tag>/configuration/", detail.configuration, name="configuration"),
    path("jobs/<str:tag>/engine/", engine.engine, name="engine"),
    path("jobs/<str:tag>/logs/", logs.logs, name="logs"),
    path("jobs/<str:tag>/logs/piece/", logs.log_piece, name="log_piece"),
    path("jobs/<str:tag>/edit/", form.job_edit, name="edit"),
    path("jobs/<str:tag>/edit/api-call/", form.job_api_call, name="api_call"),
    path("jobs/<str:tag>/publish/", publish.publish, name="publish"),
    path("jobs/<str:tag>/rollback/", publish.rollback, name="rollback"),
    path("jobs/<str:tag>/scale/", actions.scale, name="scale"),
    path("jobs/<str:tag>/scale/keep/", expiry.keep, name="expiry_keep"),
    path("jobs/<str:tag>/restart/", actions.restart, name="restart"),
    path("jobs/<str:tag>/stop/", actions.stop, name="stop"),
    path("jobs/<str:tag>/start/", actions.start, name="start"),
    path("jobs/<str:tag>/delete/", actions.delete, name="delete"),
    path("jobs/<str:tag>/instances/<str:task_id>/kill/", actions.kill, name="kill"),
    path("releases/", releases.ReleaseList.as_view(), name="releases"),
    path("releases/new/", releases.release_new, name="release_new"),
    path("releases/<int:release_id>/", releases.release, name="release"),
    path("releases/<int:release_id>/cancel/", releases.cancel, name="release_cancel"),
    path("releases/<int:release_id>/undo/", releases.undo, name="release_undo"),
    path("hosts/<str:cluster>/<str:hostname>/", hosts.host, name="host"),
    path("product-lines/", product_lines.ProductLineList.as_view(), name="product_lines"),
    path("product-lines/<str:tag>/", product_lines.product_line, name="product_line"),
    path("product-lines/<str:tag>/members/", product_lines.member, name="member"),
    path(
        "product-lines/<str:tag>/members/<int:membership_id>/remove/",
        product_lines.member_end,
        name="member_remove",
    ),
    path("product-lines/<str:tag>/secrets/", product_lines.secret, name="secret"),
    path(
        "product-lines/<str:tag>/secrets/<int:secret_id>/delete/",
        product_lines.secret_end,
        name="secret_delete",
    ),
    path("templates/", templates.TemplateList.as_view(), name="templates"),
    path("templates/<slug:name>/", templates.template, name="template"),
]
