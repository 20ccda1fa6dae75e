"""Reading hosts. The pool is the whole platform's: every signed-in person sees all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, QuerySet

from apps.hosts.models import Host

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User


def hosts_visible(user: User | AnonymousUser) -> QuerySet[Host]:
    hosts = Host.objects.select_related("cluster")
    return hosts if user.is_authenticated else hosts.none()


def host_get(user: User | AnonymousUser, *, cluster: str, hostname: str) -> Host:
    """The host of that name; an agent that came back under a new id leaves rows of its earlier ones behind.

    Raises Host.DoesNotExist."""
    named = hosts_visible(user).filter(cluster__name=cluster, hostname=hostname)
    host = named.order_by(F("gone_since").desc(nulls_first=True), "-id").first()
    if host is None:
        raise Host.DoesNotExist
    return host
