"""Signing in, one's own profile, API tokens, members."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts import throttle
from apps.accounts.models import Role, User


class LoginForm(AuthenticationForm):
    """Django's own, which says the same for an unknown name and a wrong password, with a limit to guessing."""

    def clean(self) -> dict[str, Any]:
        username = str(self.cleaned_data.get("username", ""))
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        if not throttle.attempt(username=username, address=address):
            minutes = throttle.WINDOW_S // 60
            raise ValidationError(
                _("Too many failed attempts. Wait %(minutes)s minutes and try again."),
                code="throttled",
                params={"minutes": minutes},
            )
        cleaned: dict[str, Any] = super().clean()
        throttle.succeeded(username=username, address=address)
        return cleaned


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    """What a person chooses for themselves; empty means as the browser says."""

    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    class Meta:
        model = User
        fields = ["email", "phone", "language", "time_zone", "theme"]
        labels = {
            "email": _("Mail address"),
            "phone": _("Phone"),
            "language": _("Language"),
            "theme": _("Theme"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].help_text = _("For mails of the notification groups that you are in.")
        zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
        by_browser = ("", _("as the browser says"))
        self.fields["time_zone"].choices = [by_browser, ("UTC", "UTC"), *((zone, zone) for zone in zones)]  # type: ignore[attr-defined]
        self.fields["language"].choices = [by_browser, *self.fields["language"].choices[1:]]  # type: ignore[attr-defined]


class OwnPasswordForm(PasswordChangeForm):
    """Django's own, without taking the focus: it is not alone on its page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["old_password"].widget.attrs["autofocus"]


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("Where it will be used, so that you know it again.")
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        initial=365,
        choices=[
            (30, _("30 days")),
            (90, _("90 days")),
            (365, _("1 year")),
            (0, pgettext_lazy("token", "until revoked")),
        ],
    )

    def expires_at(self) -> Any:
        """When the token ends (aware), or None."""
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None


class MemberForm(forms.Form):
    """A person's role on a product line. People are named, not listed: who works here is not everyone's to read."""

    username = forms.CharField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.DEVELOPER)

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"], is_active=True).first()
        if user is None:
            raise ValidationError(_("There is nobody of this name."), code="unknown_user")
        return user
