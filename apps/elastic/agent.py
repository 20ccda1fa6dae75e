"""The account in whose name the loop scales: of nobody, without a password, that cannot sign in."""

from __future__ import annotations

from apps.accounts.models import User

AUTOSCALER = "autoscaler"


def autoscaler() -> User:
    """The account; made when it is missing."""
    user, created = User.objects.get_or_create(username=AUTOSCALER, defaults={"is_active": False})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
