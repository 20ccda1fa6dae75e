"""People, the service tree, members and tokens, for SREs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import ApiToken, Membership, ProductLine, Role, User
from apps.accounts.services import member_remove, member_set, product_line_create, token_revoke
from apps.core.admin_site import ReadOnlyAdmin, ReadOnlyInline, SreAdmin, person_of
from apps.core.audit import audit

# Rights come from roles (apps.accounts.rights); Django's groups and permissions have no say here.
admin.site.unregister(Group)


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = ["product_line", "user", "role"]
    readonly_fields = ["product_line", "user", "role"]


@admin.register(User)
class UserAdmin(SreAdmin, DjangoUserAdmin):  # type: ignore[type-arg] # generic only in the stubs
    """People and their roles everywhere; those on product lines are memberships. Nobody is deleted: what they did
    stays theirs; who leaves is no longer active."""

    list_display = [
        "username",
        "first_name",
        "last_name",
        "email",
        "is_sre",
        "is_dba",
        "is_active",
        "last_login",
    ]
    list_filter = ["is_sre", "is_dba", "is_superuser", "is_active"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email", "language", "time_zone", "theme"]}),
        (_("Roles everywhere"), {"fields": ["is_sre", "is_dba", "is_superuser", "is_active"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "usable_password", "password1", "password2", "is_sre", "is_dba"]})
    ]
    readonly_fields = ["last_login", "date_joined"]
    inlines = [MembershipInline]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        audit(
            by=person_of(request),
            action="user.changed" if change else "user.created",
            object=obj.username,
            fields=[name for name in form.changed_data if "password" not in name],
        )


@admin.register(ProductLine)
class ProductLineAdmin(SreAdmin):
    list_display = ["tag", "title", "cop", "owt", "pdl"]
    list_filter = ["cop", "owt"]
    search_fields = ["tag", "title"]
    inlines = [MembershipInline]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return ["cop", "owt", "pdl", "title", *(["scaling_quota"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["cop", "owt", "pdl"] if obj else []  # jobs are named by them

    def save_model(self, request: HttpRequest, obj: ProductLine, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            audit(by=person_of(request), action="product_line.changed", object=str(obj), product_line=obj)
            return
        line = product_line_create(
            cop=obj.cop, owt=obj.owt, pdl=obj.pdl, title=obj.title, by=person_of(request)
        )  # fmt: skip
        obj.pk = line.pk


@admin.register(Membership)
class MembershipAdmin(SreAdmin):
    list_display = ["product_line", "user", "role"]
    list_filter = ["role"]
    list_select_related = ["product_line", "user"]
    search_fields = ["product_line__tag", "user__username"]
    autocomplete_fields = ["product_line", "user"]
    deletable = True

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["product_line", "user"] if obj else []

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        saved = member_set(
            product_line=obj.product_line, user=obj.user, role=Role(obj.role), by=person_of(request)
        )  # fmt: skip
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        member_remove(membership=obj, by=person_of(request))


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens are made by their owners; here one can end them."""

    list_display = ["user", "name", "prefix", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "name", "prefix"]
    date_hierarchy = "created_at"
    exclude = ["digest"]
    deletable = True

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        token_revoke(token=obj, by=person_of(request))
