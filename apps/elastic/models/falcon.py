"""What Ocean last put into a Falcon for a policy."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.elastic.models.policy import ScalingPolicy


class FalconEntry(models.Model):
    """A policy's template and host group in its cluster's Falcon. `fingerprint` is of the template as Ocean last made
    it: where it is still the one that is wanted, and the Falcon shows another, somebody else has changed it.
    `callback_key` is the policy's as it was then: alarm calls by it, and it counts until the Falcon has a newer one."""

    policy = models.OneToOneField(
        ScalingPolicy, on_delete=models.CASCADE, related_name="falcon", verbose_name=_("scaling policy")
    )
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    instances = models.CharField(_("fingerprint of its instances"), max_length=64)
    callback_key = models.CharField(  # noqa: DJ001 - '' is a key too: that of policies from before there were any
        _("key in the callback's address"), max_length=32, null=True
    )
    applied_at = models.DateTimeField(_("applied"))
    checked_at = models.DateTimeField(_("last compared"), db_index=True)

    class Meta:
        verbose_name = _("entry in Falcon")
        verbose_name_plural = _("entries in Falcon")
        ordering = ["policy"]

    def __str__(self) -> str:
        return f"{self.policy_id}"
