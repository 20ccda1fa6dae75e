"""The group of the embedded default, so that policies have somebody to tell from the first minute."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import transaction

from apps.core.models import NotificationChannel, NotificationGroup
from apps.core.notifications.groups import group_create

NAME = "sre_ocean"
MEMBERS = ("dev", "sre")


@transaction.atomic
def demo_group_prepare() -> None:
    """Make sure that it was made once. Who deletes or changes it has their way: it is made only where there is no group
    at all."""
    if NotificationGroup.objects.exists():
        return
    people = get_user_model().objects.filter(username__in=MEMBERS).values_list("username", flat=True)
    fields = {"name": NAME, "title": "SREs of Ocean", "members": list(people)}
    group = group_create(product_line=None, fields=fields, by=None)
    # Without a mail server each mail is a file in $OCEAN_VAR/mail.
    NotificationChannel.objects.create(group=group, kind=NotificationChannel.Kind.MAIL, name="mail")
