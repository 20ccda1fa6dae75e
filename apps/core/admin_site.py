"""The admin site: for SREs, by the same rights as everything else, and writing only where a row is a setting.

What an operation, the mirror or the history writes is read-only: a row changed here would be a lie. What has a service
is changed through it, so that the audit trail and the rules are the same as on the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.rights import is_sre

if TYPE_CHECKING:
    from apps.accounts.models import User


def person_of(request: HttpRequest) -> User:
    """Who is at work in the admin: its door lets in SREs only, so it is somebody."""
    return cast("User", request.user)


class OceanAdminSite(admin.AdminSite):
    site_header = _("Ocean administration")
    site_title = _("Ocean administration")
    index_title = _("Everything that Ocean keeps")
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return is_sre(request.user)


class SreAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # generic only in the stubs
    """SREs may look, add and change. Deleting is for those that say so: history hangs on most rows."""

    list_per_page = 50
    show_full_result_count = False
    deletable = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_sre(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_sre(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_sre(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_sre(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.deletable and is_sre(request.user)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """One by one: each goes through its service."""
        for row in queryset:
            self.delete_model(request, row)


class ReadOnlyAdmin(SreAdmin):
    """To look at only."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg] # generic only in the stubs
    """Rows that belong to one, to look at only."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_sre(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
