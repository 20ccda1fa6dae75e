"""Forms of groups and channels. Their rules are the services'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.errors import FieldError, InvalidInput
from apps.core.forms import LinesField, add_errors
from apps.core.models import NotificationChannel, NotificationGroup, Severity
from apps.core.models.notification import MAX_MERGE_S
from apps.core.notifications.channels.base import config_of
from apps.core.notifications.channels.sms import BODY
from clients.sms import FORM, JSON

CONFIG = "config."
_AS_TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class GroupForm(forms.ModelForm):  # type: ignore[type-arg] # generic only in the stubs
    """A group's settings."""

    merge_s = forms.IntegerField(
        label=_("At most one message every"),
        min_value=0,
        max_value=MAX_MERGE_S,
        initial=60,
        help_text=_("About the same matter; what happens meanwhile is told together in the next one."),
    )
    merge_s.unit = pgettext_lazy("unit", "s")  # type: ignore[attr-defined] # shown by our field template

    class Meta:
        model = NotificationGroup
        fields = ["title", "language", "merge_s", "enabled"]
        labels = {"title": _("Title"), "language": _("Language"), "enabled": _("Enabled")}


class NewGroupForm(GroupForm):
    """With its name and place, which are for good."""

    product_line = forms.ChoiceField(label=_("Product line"), required=False)

    class Meta(GroupForm.Meta):
        fields = ["name", *GroupForm.Meta.fields]
        labels = {**GroupForm.Meta.labels, "name": _("Name")}
        help_texts = {"name": _("By it policies and the monitoring know the group: sre_ocean.")}

    field_order = ["name", "product_line", "title"]

    def __init__(self, *args: Any, lines: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["product_line"].choices = lines  # type: ignore[attr-defined]


class MemberForm(forms.Form):
    """One person more. People are named, not listed: who works here is not everyone's to read."""

    username = forms.CharField(label=_("User name"), max_length=150, widget=forms.TextInput(attrs=_AS_TYPED))


class WriteOnlyInput(forms.TextInput):
    """Never sends back what was typed or stored: a secret is not in any page."""

    def format_value(self, value: Any) -> str:
        return ""


def _secret(label: Any, help_text: Any, *, required: bool = False) -> forms.CharField:
    widget = WriteOnlyInput(attrs=_AS_TYPED)
    return forms.CharField(
        label=label, help_text=help_text, required=required, strip=False, max_length=2000, widget=widget
    )


class ChannelForm(forms.Form):
    """What every channel has. A subclass adds its kind's configuration, `secrets` those of it that are written only."""

    secrets: ClassVar[tuple[str, ...]] = ()
    common: ClassVar[tuple[str, ...]] = ("name", "from_severity", "enabled")

    name = forms.CharField(label=_("Name"), max_length=60)
    from_severity = forms.ChoiceField(
        label=_("Told from"),
        choices=Severity.choices,
        initial=Severity.INFO,
        help_text=_("What matters less does not go out by this channel."),
    )
    enabled = forms.BooleanField(label=_("Enabled"), required=False, initial=True)

    def __init__(self, *args: Any, channel: NotificationChannel | None = None, **kwargs: Any) -> None:
        if channel is not None:
            stored = {name: value for name, value in config_of(channel).items() if name not in self.secrets}
            kept = {name: getattr(channel, name) for name in self.common}
            kwargs["initial"] = {**kept, **stored, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        for name in self.secrets:
            if channel is not None:
                self.fields[name].required = False
                self.fields[name].help_text = _("It is kept, and not shown. Left empty, it stays as it is.")
        self.order_fields(["name", *[name for name in self.fields if name not in self.common]])

    def asked(self) -> dict[str, Any]:
        """What the form asks for, as the services take it."""
        cleaned = self.cleaned_data
        config = {
            name: value
            for name, value in cleaned.items()
            if name not in self.common and not (name in self.secrets and not value)
        }
        return {**{name: cleaned[name] for name in self.common}, "config": config}

    def refused(self, error: InvalidInput) -> None:
        """A service's errors at their fields: `config.addresses[1]` is the field `addresses`."""
        at_fields = (
            FieldError(found.field.removeprefix(CONFIG).partition("[")[0], found.code, found.detail)
            for found in error.errors
        )
        add_errors(self, InvalidInput(*at_fields))


class MailForm(ChannelForm):
    addresses = LinesField(
        label=_("Further addresses"),
        required=False,
        help_text=_("Besides the members' own; one on each line."),
    )


class WebhookForm(ChannelForm):
    secrets = ("url", "secret")

    url = _secret(
        _("Address"),
        _("Takes JSON by POST. It is kept encrypted: such addresses often hold a key."),
        required=True,
    )
    secret = _secret(
        _("Secret"),
        _("Signs each message (X-Ocean-Signature), so that the receiver knows that it is from Ocean."),
    )


class SmsForm(ChannelForm):
    secrets = ("url", "token")

    url = _secret(
        _("Gateway's address"), _("{phone}, {text} and {token} stand for the values."), required=True
    )
    method = forms.ChoiceField(label=_("Method"), choices=[("POST", "POST"), ("GET", "GET")])
    content_type = forms.ChoiceField(
        label=_("Body's type"), choices=[(JSON, "JSON"), (FORM, _("form fields"))], initial=JSON
    )
    body = forms.CharField(
        label=_("Body"),
        required=False,
        initial=BODY,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, **_AS_TYPED}),
        help_text=_("Of a POST, with the same places as the address."),
    )
    token = _secret(_("Token"), _("What {token} stands for. Also sent as “Authorization: Bearer …”."))
    phones = LinesField(
        label=_("Further numbers"),
        required=False,
        help_text=_("Besides the members' own; one on each line."),
    )


class ChatForm(ChannelForm):
    secrets = ("url",)

    url = _secret(
        _("Apprise address"),
        _(
            "feishu://token, dingtalk://token, wecombot://key, slack://a/b/c and many others; kept encrypted. "
            "Services that name a server of their own (ntfy, json …) are for SREs to set."
        ),
        required=True,
    )


FORMS: Mapping[str, type[ChannelForm]] = {
    NotificationChannel.Kind.MAIL: MailForm,
    NotificationChannel.Kind.WEBHOOK: WebhookForm,
    NotificationChannel.Kind.SMS: SmsForm,
    NotificationChannel.Kind.CHAT: ChatForm,
}
