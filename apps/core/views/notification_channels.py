"""A group's channels: adding, changing, trying out, deleting."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.errors import InvalidInput
from apps.core.models import NotificationChannel, NotificationGroup
from apps.core.notifications.access import groups_visible, require_group_change
from apps.core.notifications.channel_settings import (
    channel_create,
    channel_delete,
    channel_save,
    channel_test,
)
from apps.core.notifications.channels import kind_of
from apps.core.notifications.channels.base import config_of
from apps.core.notifications.forms import FORMS, ChannelForm
from apps.core.views.pages import PageRequest, render_page


def new(request: PageRequest, name: str, kind: str) -> HttpResponse:
    """A new channel of this kind."""
    group = _group(request, name)
    if kind not in FORMS:
        raise Http404
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            channel_create(group=group, fields={"kind": kind, **form.asked()}, by=request.user)
        except InvalidInput as exc:
            form.refused(exc)
        else:
            messages.success(request, _("The channel is added. Try it out with a test."))
            return redirect(group)
    return _page(request, group, NotificationChannel(group=group, kind=kind), form)


def edit(request: PageRequest, name: str, channel_id: int) -> HttpResponse:
    group = _group(request, name)
    channel = get_object_or_404(group.channels, pk=channel_id)
    form = FORMS[channel.kind](request.POST or None, channel=channel)
    if request.method == "POST" and form.is_valid():
        try:
            channel_save(channel=channel, fields=form.asked(), by=request.user)
        except InvalidInput as exc:
            form.refused(exc)
        else:
            messages.success(request, _("The channel is saved."))
            return redirect(group)
    return _page(request, group, channel, form)


@require_POST
def delete(request: PageRequest, name: str, channel_id: int) -> HttpResponse:
    group = _group(request, name)
    channel = get_object_or_404(group.channels, pk=channel_id)
    channel_delete(channel=channel, by=request.user)
    messages.success(request, _("The channel “%(name)s” is deleted.") % {"name": channel.name})
    return redirect(group)


@require_POST
def test(request: PageRequest, name: str, channel_id: int) -> HttpResponse:
    """Send a message by this channel alone; its line in the group's log shows what comes of it."""
    group = _group(request, name)
    channel = get_object_or_404(group.channels, pk=channel_id)
    channel_test(channel=channel, by=request.user)
    messages.info(
        request,
        _("A test goes out by “%(name)s”: its result shows in the log below.") % {"name": channel.name},
    )
    return redirect(f"{group.get_absolute_url()}#log")


def _group(request: PageRequest, name: str) -> NotificationGroup:
    """The group, of those whose channels the person may change."""
    group = get_object_or_404(groups_visible(request.user), name=name)
    require_group_change(request.user, group)
    return group


def _page(
    request: PageRequest, group: NotificationGroup, channel: NotificationChannel, form: ChannelForm
) -> HttpResponse:
    stored = channel.pk is not None
    context = {
        "group": group,
        "channel": channel if stored else None,
        "kind": NotificationChannel.Kind(channel.kind),
        "shown": kind_of(channel).shown(config_of(channel)) if stored else {},
        "form": form,
    }
    status = 422 if form.errors else 200
    return render_page(request, "core/notification/channel.html", context, status=status)
