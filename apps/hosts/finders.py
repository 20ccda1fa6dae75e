"""Finding hosts, by name, address or rack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from apps.core.search import Finder, Hit, Question, best_first, each_word, rank_of, register
from apps.hosts.models import Host
from apps.hosts.selectors import hosts_visible

if TYPE_CHECKING:
    from apps.accounts.models import User


_SHOWN = ("hostname", "address", "rack", "active", "draining", "gone_since", "cluster__name")


def find_hosts(user: User, question: Question) -> list[Hit]:
    matches = each_word(question, "hostname__icontains", "address__contains", "rack__icontains")
    hosts = hosts_visible(user).filter(matches).only(*_SHOWN)
    hosts = best_first(hosts, question, names=("hostname", "address"))
    return [_hit(host) for host in hosts]


def _hit(host: Host) -> Hit:
    state, label = _state(host)
    return Hit(
        kind="host",
        title=host.hostname,
        detail=" · ".join(filter(None, [host.cluster.name, host.rack, host.address])),
        url=reverse("jobs:host", args=[host.cluster.name, host.hostname]),
        api=reverse("host-detail", args=[host.cluster.name, host.hostname]),
        rank=rank_of(host),
        state=state,
        state_label=label,
    )


def _state(host: Host) -> tuple[str, str]:
    if host.gone_since is not None:
        return "gone", pgettext("host", "gone")
    if host.draining:
        return "draining", pgettext("host", "draining")
    if host.active:
        return "active", pgettext("host", "in service")
    return "inactive", pgettext("host", "not in service")


register(Finder("host", _("Hosts"), "server-2", 40, find_hosts))
