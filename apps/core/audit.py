"""The audit trail of changes inside the database (those outside it are Operations)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from apps.core.models import AuditEntry

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine, User

ACTIONS = {
    "cluster.changed": _("cluster changed"),
    "cluster.created": _("cluster added"),
    "cluster.look": _("snapshot asked for"),
    "drift.adopt": _("drift adopted"),
    "drift.ignore": _("drift ignored"),
    "drift.reapply": _("drift put back"),
    "job.create": _("job created"),
    "job.save_version": _("version saved"),
    "member.remove": _("member removed"),
    "member.set": _("role given"),
    "notification_channel.delete": _("notification channel deleted"),
    "notification_channel.set": _("notification channel set"),
    "notification_group.changed": _("notification group changed"),
    "notification_group.create": _("notification group created"),
    "notification_group.delete": _("notification group deleted"),
    "password.change": _("password changed"),
    "product_line.changed": _("product line changed"),
    "product_line.create": _("product line created"),
    "scaling.approve": _("scaling in approved"),
    "scaling.renew_callback": _("signature of the callback renewed"),
    "scaling.delete": _("scaling policy removed"),
    "scaling.pause": _("scaling paused"),
    "scaling.pause_all": _("all scaling paused"),
    "scaling.resume": _("scaling resumed"),
    "scaling.resume_all": _("all scaling resumed"),
    "scaling.set": _("scaling policy set"),
    "schedule.change": _("schedule changed"),
    "schedule.create": _("schedule added"),
    "schedule.delete": _("schedule removed"),
    "schedule.revoke": _("schedule's token revoked"),
    "secret.delete": _("secret deleted"),
    "secret.set": _("secret set"),
    "template.create": _("template created"),
    "template.delete": _("template deleted"),
    "template.save": _("template saved"),
    "token.create": _("API token created"),
    "token.revoke": _("API token revoked"),
    "user.changed": _("person changed"),
    "user.created": _("person added"),
    "view.delete": _("view deleted"),
    "view.save": _("view saved"),
}
"""Each action in words."""
DETAILS = {
    "fields": _("fields"),
    "id": _("number"),
    "instances": _("instances"),
    "reason": _("reason"),
    "role": _("role"),
    "until": _("until"),
    "version": _("version"),
}
"""Each name of a detail in words."""


def audit(
    *, by: User | None, action: str, object: str, product_line: ProductLine | None = None, **detail: Any
) -> None:
    """Note who did what to which object, in the caller's transaction. Never pass a secret as detail."""
    AuditEntry.objects.create(
        actor=by, action=action, object=object, product_line=product_line, detail=detail
    )
