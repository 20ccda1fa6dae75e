"""Fields that several kinds of channels have."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.core.notifications.channels.base import egress
from clients.egress import Forbidden


class AddressField(serializers.CharField):
    """An http(s) address that Ocean may call. Looked at again whenever it is called."""

    def to_internal_value(self, data: Any) -> str:
        url: str = super().to_internal_value(data)
        try:
            egress().check_url(url)
        except Forbidden as exc:
            text = _("Ocean does not call this address: %(why)s.") % {"why": exc}
            raise serializers.ValidationError(text, code="forbidden_address") from exc
        return url
