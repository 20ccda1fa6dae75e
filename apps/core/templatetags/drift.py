"""What can be done about a drift, for its row."""

from __future__ import annotations

from django import template

from apps.core.drift import ACTIONS, actions_of
from apps.core.models import Drift

register = template.Library()


@register.filter
def drift_actions(drift: Drift) -> list[dict[str, str]]:
    return [{"name": action, "title": str(ACTIONS[action])} for action in actions_of(drift)]
