"""The machines of the pool, as Mesos reports them: a mirror, refreshed by the watcher."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Host(models.Model):
    """A Mesos agent of one cluster. Scalars by name (`cpus`, `mem` and `disk` in MiB, custom ones as reported).

    `promised` is Ocean's own account of what Marathon cannot ask for (disk I/O, bandwidth): the sum of what the
    instances on the host were promised.
    """

    cluster = models.ForeignKey(
        "core.Cluster", on_delete=models.CASCADE, related_name="hosts", verbose_name=_("cluster")
    )
    agent_id = models.CharField(_("agent id"), max_length=120)
    hostname = models.CharField(_("host name"), max_length=253)
    address = models.CharField(_("address"), max_length=253, blank=True)
    rack = models.CharField(_("rack"), max_length=120, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict)
    resources = models.JSONField(_("resources"), default=dict)
    used = models.JSONField(_("used"), default=dict)
    promised = models.JSONField(_("promised"), default=dict)
    instances = models.PositiveIntegerField(pgettext_lazy("number", "instances"), default=0)
    active = models.BooleanField(_("in service"), default=True)
    draining = models.BooleanField(_("draining"), default=False)
    registered_at = models.DateTimeField(_("registered"), null=True)
    gone_since = models.DateTimeField(_("gone since"), null=True, help_text=_("Mesos no longer lists it."))

    class Meta:
        verbose_name = _("host")
        verbose_name_plural = _("hosts")
        ordering = ["cluster", "hostname", "id"]
        constraints = [models.UniqueConstraint(fields=["cluster", "agent_id"], name="host_agent_once")]
        indexes = [models.Index(fields=["cluster", "rack", "hostname"], name="host_by_rack")]

    def __str__(self) -> str:
        return self.hostname

    @property
    def in_service(self) -> bool:
        return self.active and not self.draining and self.gone_since is None
