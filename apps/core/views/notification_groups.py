"""Notification groups: the list, one group with its members, channels and what it was told."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.accounts.rights import is_sre
from apps.core.errors import InvalidInput
from apps.core.filters import NotificationGroupFilter
from apps.core.forms import add_errors
from apps.core.models import Notification, NotificationChannel, NotificationGroup
from apps.core.notifications.access import (
    group_lines,
    groups_visible,
    may_change_group,
    notifications_visible,
    require_group_change,
)
from apps.core.notifications.channels import kind_of
from apps.core.notifications.channels.base import config_of
from apps.core.notifications.forms import GroupForm, MemberForm, NewGroupForm
from apps.core.notifications.groups import (
    group_create,
    group_delete,
    group_save,
    member_add,
    member_take_out,
)
from apps.core.tables import NUMBER, OceanTable
from apps.core.views.notifications import with_deliveries
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage

LOG_SHOWN = 15
PARTS = {
    "group-channels": "core/notification/_channels.html",
    "group-log": "core/notification/_log.html",
}


class GroupTable(OceanTable):
    region = "notification-groups"
    live = "notifications"
    caption = gettext_lazy("Notification groups")
    empty_template = "core/notification/_empty.html"

    name = tables.TemplateColumn(
        template_name="core/notification/_group_link.html", verbose_name=gettext_lazy("name")
    )
    product_line = tables.TemplateColumn(
        template_name="core/notification/_line.html",
        verbose_name=gettext_lazy("product line"),
        order_by="product_line__tag",
    )
    members_count = tables.Column(verbose_name=gettext_lazy("members"), attrs=NUMBER)
    channels = tables.TemplateColumn(
        template_name="core/notification/_kinds.html", verbose_name=gettext_lazy("channels"), orderable=False
    )


class GroupList(TablePage):
    table_class = GroupTable
    filterset_class = NotificationGroupFilter
    template_name = "core/notification/groups.html"
    toolbar = ("search", "product_line")

    def get_queryset(self) -> QuerySet[NotificationGroup]:
        groups = groups_visible(self.request.user).annotate(members_count=Count("members"))
        return groups.prefetch_related("channels")

    def choices(self) -> dict[str, list[tuple[str, str]]]:
        lines = group_lines(self.request.user)
        return {"product_line": [(line.tag, line.title or line.tag) for line in lines]}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "may_create": is_sre(self.request.user) or group_lines(self.request.user).exists(),
        }


def new(request: PageRequest) -> HttpResponse:
    """A new group, of a product line or (SREs) for everybody."""
    lines = {line.tag: line for line in group_lines(request.user)}
    choices = [(tag, line.title or tag) for tag, line in lines.items()]
    if is_sre(request.user):
        choices.insert(0, ("", _("for everybody")))
    form = NewGroupForm(
        request.POST or None, lines=choices, initial={"product_line": request.GET.get("product_line", "")}
    )
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        line = lines.get(fields.pop("product_line"))
        try:
            made = group_create(product_line=line, fields=fields, by=request.user)
        except InvalidInput as exc:
            add_errors(form, exc)
        else:
            messages.success(request, _("The group is made. Add people and channels to it."))
            return redirect(made)
    status = 422 if form.errors else 200
    return render_page(request, "core/notification/new.html", {"form": form}, status=status)


def group(request: PageRequest, name: str) -> HttpResponse:
    """The group's page, or (POST) its settings saved."""
    found = _group(request, name)
    if request.method != "POST":
        return _page(request, found)
    form = GroupForm(request.POST, instance=NotificationGroup.objects.get(pk=found.pk))
    if form.is_valid():
        try:
            group_save(group=found, fields=form.cleaned_data, by=request.user)
        except InvalidInput as exc:
            add_errors(form, exc)
        else:
            messages.success(request, _("The group is saved."))
            return redirect(found)
    return _page(request, found, form=form)


@require_POST
def delete(request: PageRequest, name: str) -> HttpResponse:
    found = _group(request, name)
    require_group_change(request.user, found)
    if request.POST.get("confirm") != found.name:
        messages.error(request, _("The name that was typed is another one: nothing was deleted."))
        return redirect(found)
    group_delete(group=found, by=request.user)
    messages.success(request, _("The group %(name)s is deleted.") % {"name": name})
    return redirect("core:notification_groups")


@require_POST
def member(request: PageRequest, name: str) -> HttpResponse:
    found = _group(request, name)
    form = MemberForm(request.POST)
    if form.is_valid():
        username = form.cleaned_data["username"]
        try:
            member_add(group=found, username=username, by=request.user)
        except InvalidInput as exc:
            add_errors(form, exc)
        else:
            messages.success(request, _("%(user)s is told from now on.") % {"user": username})
            return redirect(found)
    return _page(request, found, member_form=form)


@require_POST
def member_end(request: PageRequest, name: str, user_id: int) -> HttpResponse:
    found = _group(request, name)
    person = get_object_or_404(get_user_model(), pk=user_id, notification_groups=found)
    member_take_out(group=found, user=person, by=request.user)
    messages.success(request, _("%(user)s is no longer told.") % {"user": person})
    return redirect(found)


def _group(request: PageRequest, name: str) -> NotificationGroup:
    return get_object_or_404(groups_visible(request.user), name=name)


def _page(request: PageRequest, found: NotificationGroup, **forms: Any) -> HttpResponse:
    may_change = may_change_group(request.user, found)
    context = {
        "group": found,
        "may_change": may_change,
        "members": found.members.order_by("username"),
        "channels": [_channel(channel, may_change) for channel in found.channels.all()],
        "kinds": NotificationChannel.Kind.choices,
        "log": told_recently(request, found),
        "form": GroupForm(instance=found),
        "member_form": MemberForm(),
        **forms,
    }
    return render_page(
        request, "core/notification/group.html", context, parts=PARTS, status=422 if forms else 200
    )


def told_recently(request: PageRequest, found: NotificationGroup) -> QuerySet[Notification]:
    """The group's last messages that the person may read, with how each channel took them."""
    return with_deliveries(notifications_visible(request.user).filter(group=found))[:LOG_SHOWN]


def _channel(channel: NotificationChannel, may_change: bool) -> dict[str, Any]:
    """A channel with what may be shown of its configuration."""
    shown = kind_of(channel).shown(config_of(channel)) if may_change else {}
    return {"row": channel, "shown": shown}
