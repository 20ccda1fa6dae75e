"""What one can do to a policy besides saving it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import MAX_REASON
from apps.elastic.services import Rest


class PauseForm(forms.Form):
    """For how long, and why."""

    minutes = forms.TypedChoiceField(
        label=_("For"),
        coerce=int,
        initial=60,
        choices=[
            (15, _("15 minutes")),
            (60, _("1 hour")),
            (240, _("4 hours")),
            (1440, _("1 day")),
            (10080, _("7 days")),
        ],
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def rest(self, *, now: datetime | None = None) -> Rest:
        """The pause that is asked for."""
        asked: dict[str, Any] = self.cleaned_data
        until = (now or timezone.now()) + timedelta(minutes=asked["minutes"])
        return Rest(until=until, reason=asked["reason"])
