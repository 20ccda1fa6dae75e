"""Jobs, their versions and history, what runs, templates and secrets, for SREs."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import ClusterAdmin
from apps.core.admin_site import ReadOnlyAdmin, ReadOnlyInline, person_of
from apps.core.models import Cluster
from apps.jobs.admin_actions import (
    cancel_releases,
    keep_scalings,
    look_at_clusters,
    look_at_clusters_of_jobs,
    restart_jobs,
    start_jobs,
    stop_jobs,
)
from apps.jobs.models import (
    DefinitionStamp,
    Favourite,
    GoneInstance,
    Instance,
    Job,
    JobEvent,
    JobOrigin,
    JobTemplate,
    JobTemplateVersion,
    JobVersion,
    LineUsage,
    Release,
    ReleaseItem,
    SavedView,
    ScaleExpiry,
    Secret,
    SideWorkload,
)
from apps.jobs.services import secret_delete
from apps.jobs.services.personal import view_delete


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs are changed on their pages and by the API, where the scheduler hears of it."""

    list_display = [
        "tag", "state", "state_since", "wanted", "running", "healthy", "running_version", "latest_version",
        "managed_by",
    ]  # fmt: skip
    list_filter = ["state", "cluster", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["tag", "workload_id", "managed_by"]
    date_hierarchy = "created_at"
    actions = [restart_jobs, stop_jobs, start_jobs, look_at_clusters_of_jobs]


class WatchedClusterAdmin(ClusterAdmin):
    """Core's, with what the mirror adds."""

    actions = [look_at_clusters]


admin.site.unregister(Cluster)
admin.site.register(Cluster, WatchedClusterAdmin)


class ReleaseItemInline(ReadOnlyInline):
    model = ReleaseItem
    fields = ["stage", "job", "version", "state", "operation", "undo_operation"]


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "action",
        "state",
        "on_failure",
        "requested_by",
        "reason",
        "created_at",
        "finished_at",
    ]
    list_filter = ["action", "state", "on_failure"]
    list_select_related = ["requested_by"]
    search_fields = ["reason", "requested_by__username", "items__job__tag"]
    date_hierarchy = "created_at"
    inlines = [ReleaseItemInline]
    actions = [cancel_releases]


@admin.register(ScaleExpiry)
class ScaleExpiryAdmin(ReadOnlyAdmin):
    """What goes back by itself, and when."""

    list_display = ["job", "at", "during", "instances", "operation"]
    list_select_related = ["job", "operation"]
    search_fields = ["job__tag"]
    date_hierarchy = "at"
    actions = [keep_scalings]


@admin.register(JobVersion)
class JobVersionAdmin(ReadOnlyAdmin):
    list_display = ["job", "number", "author", "note", "created_at"]
    list_select_related = ["job", "author"]
    search_fields = ["job__tag", "note", "author__username"]
    date_hierarchy = "created_at"


@admin.register(DefinitionStamp)
class DefinitionStampAdmin(ReadOnlyAdmin):
    list_display = ["job", "changed_at", "version"]
    list_select_related = ["job"]
    search_fields = ["job__tag"]
    date_hierarchy = "changed_at"


@admin.register(SideWorkload)
class SideWorkloadAdmin(ReadOnlyAdmin):
    """What runs beside jobs during their canary and blue-green publishes; a mirror, too."""

    list_display = ["job", "version", "wanted", "running", "healthy", "seen_at"]
    list_select_related = ["job"]
    search_fields = ["job__tag"]


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    """A mirror of what the scheduler lists."""

    list_display = ["task_id", "job", "state", "healthy", "host", "version", "restarts", "started_at"]
    list_filter = ["state", "healthy", "job__cluster"]
    list_select_related = ["job"]
    search_fields = ["task_id", "host", "ip", "job__tag"]


@admin.register(GoneInstance)
class GoneInstanceAdmin(ReadOnlyAdmin):
    """Where the logs of instances are that the scheduler does not list any more."""

    list_display = ["task_id", "job", "host", "version", "started_at", "gone_at"]
    list_filter = ["job__cluster"]
    list_select_related = ["job"]
    search_fields = ["task_id", "host", "job__tag"]
    date_hierarchy = "gone_at"


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "level", "kind", "job", "rendered", "actor"]
    list_filter = ["level", "kind"]
    list_select_related = ["job", "actor"]
    search_fields = ["job__tag"]
    date_hierarchy = "at"
    fields = ["at", "level", "kind", "rendered", "job", "operation", "actor", "key"]

    @admin.display(description=_("text"))
    def rendered(self, event: JobEvent) -> str:
        return event.rendered


class JobTemplateVersions(ReadOnlyInline):
    """A template is edited on its page, where every save is a version."""

    model = JobTemplateVersion
    fields = ["number", "author", "note", "created_at"]


@admin.register(JobTemplate)
class JobTemplateAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "title", "title_zh", "product_line", "latest_version", "created_at"]
    list_filter = ["kind", ("product_line", admin.EmptyFieldListFilter)]
    list_select_related = ["product_line"]
    search_fields = ["name", "title", "title_zh", "product_line__tag"]
    inlines = [JobTemplateVersions]


@admin.register(JobTemplateVersion)
class JobTemplateVersionAdmin(ReadOnlyAdmin):
    list_display = ["template", "number", "author", "note", "created_at"]
    list_select_related = ["template", "author"]
    search_fields = ["template__name", "note", "author__username"]
    date_hierarchy = "created_at"


@admin.register(JobOrigin)
class JobOriginAdmin(ReadOnlyAdmin):
    """Which job follows which template."""

    list_display = ["job", "version", "parameters"]
    list_select_related = ["job", "version__template"]
    search_fields = ["job__tag", "version__template__name"]


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """That a secret is there, never its value. Its product line's members set it."""

    list_display = ["product_line", "name", "updated_at", "updated_by"]
    list_select_related = ["product_line", "updated_by"]
    search_fields = ["product_line__tag", "name"]
    exclude = ["value"]
    deletable = True

    def delete_model(self, request: HttpRequest, obj: Secret) -> None:
        secret_delete(secret=obj, by=person_of(request))


@admin.register(Favourite)
class FavouriteAdmin(ReadOnlyAdmin):
    """Who follows which job."""

    list_display = ["user", "job", "created_at"]
    list_select_related = ["user", "job"]
    search_fields = ["user__username", "job__tag"]
    date_hierarchy = "created_at"


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    """People's named filters of the list of jobs; one that nobody needs any more can be deleted here."""

    list_display = ["name", "product_line", "author", "query", "created_at"]
    list_filter = [("product_line", admin.EmptyFieldListFilter)]
    list_select_related = ["product_line", "author"]
    search_fields = ["name", "query", "author__username", "product_line__tag"]
    deletable = True

    def delete_model(self, request: HttpRequest, obj: SavedView) -> None:
        view_delete(view=obj, by=person_of(request))


@admin.register(LineUsage)
class LineUsageAdmin(ReadOnlyAdmin):
    """What was held for product lines, hour by hour; see docs/operations.md."""

    list_display = ["product_line", "hour", "cpu_h", "memory_gib_h", "instance_h", "counted_at"]
    list_filter = ["product_line"]
    list_select_related = ["product_line"]
    search_fields = ["product_line__tag"]
    date_hierarchy = "hour"
