"""Clusters, how their mirrors are doing, and processes' signs of life."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.crypto import EncryptedTextField
from engines.metrics.prometheus import LABEL


class Cluster(models.Model):
    """One Marathon + Mesos + Chronos, in one IDC, for one environment. Several addresses are several masters.

    `metrics` says which monitoring knows how loaded its jobs are; without one nothing is scaled by metric there. Of a
    Prometheus, `metrics_label` holds tasks' ids and `metrics_queries` replace single ones of the usual expressions."""

    class Monitoring(models.TextChoices):
        FALCON = "falcon", "Open-Falcon"
        PROMETHEUS = "prometheus", "Prometheus"

    name = models.SlugField(_("name"), max_length=63, unique=True)
    idc = models.SlugField(_("data centre"), max_length=32, db_index=True)
    environment = models.SlugField(_("environment"), max_length=63)
    marathon_urls = models.JSONField(_("Marathon addresses"), default=list)
    mesos_urls = models.JSONField(_("Mesos addresses"), default=list)
    chronos_urls = models.JSONField(_("Chronos addresses"), default=list, blank=True)
    username = models.CharField(_("user name"), max_length=150, blank=True)
    password = EncryptedTextField(_("password"), blank=True)
    metrics = models.CharField(_("monitoring"), max_length=16, choices=Monitoring.choices, blank=True)
    metrics_url = models.CharField(_("monitoring's address"), max_length=255, blank=True)
    metrics_username = models.CharField(_("monitoring's user name"), max_length=150, blank=True)
    metrics_password = EncryptedTextField(_("monitoring's password or token"), blank=True)
    metrics_label = models.CharField(_("label of the task's id"), max_length=100, default=LABEL)
    metrics_queries = models.JSONField(_("Prometheus' expressions"), default=dict, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ClusterWatch(models.Model):
    """How the mirror of one cluster is doing. Written by its watcher only, every few seconds."""

    ALIVE_WITHIN = timedelta(seconds=15)

    cluster = models.OneToOneField(
        Cluster, on_delete=models.CASCADE, related_name="watch", primary_key=True, verbose_name=_("cluster")
    )
    heartbeat_at = models.DateTimeField(_("watcher's last sign of life"), null=True)
    synced_at = models.DateTimeField(_("mirror last known to be true"), null=True)
    connected = models.BooleanField(_("event stream open"), default=False)
    engine_version = models.CharField(_("engine version"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)
    error_since = models.DateTimeField(_("error since"), null=True)

    class Meta:
        verbose_name = _("cluster watch")
        verbose_name_plural = _("cluster watches")
        ordering = ["cluster_id"]

    def __str__(self) -> str:
        return str(self.cluster)

    @property
    def is_alive(self) -> bool:
        """Whether a watcher reported lately (it may still be cut off from its engine: see `error`)."""
        return self.heartbeat_at is not None and timezone.now() - self.heartbeat_at < self.ALIVE_WITHIN


class Heartbeat(models.Model):
    """A process's last sign of life, by name (`worker`). The web process reads it for /healthz."""

    name = models.CharField(_("name"), max_length=63, primary_key=True)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
