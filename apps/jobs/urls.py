"""Pages that show jobs: beside the jobs' own, the dashboard and what shows jobs of a product line or a host."""

from __future__ import annotations

from django.urls import path

from apps.jobs.views import hosts, product_lines, templates
from apps.jobs.views.dashboard import dashboard

app_name = "jobs"
urlpatterns = [
    path("", dashboard, name="dashboard"),
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
