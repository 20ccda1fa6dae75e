"""A template as lines that people can compare; the words are Falcon's own."""

from __future__ import annotations

from collections.abc import Iterable

from apps.elastic.falcon.planning import WantedTemplate
from clients.falcon.wire import Action, Strategy, Template, number_text


def as_wanted(template: WantedTemplate) -> list[str]:
    return [*_strategies(template.strategies), *_action(template.action or Action())]


def as_found(template: Template) -> list[str]:
    return [*_strategies(template.strategies.values()), *_action(template.action)]


def _strategies(strategies: Iterable[Strategy]) -> list[str]:
    return sorted(
        f"{found.metric}{f'/{found.tags}' if found.tags else ''} {found.function} {found.operator} "
        f"{number_text(found.threshold)} max_step={found.max_step} priority={found.priority}"
        for found in strategies
    )


def _action(action: Action) -> list[str]:
    """Of the URL only where it goes: its signature is a secret."""
    return [f"callback={action.callback} url={action.url.partition('?')[0]} uic={action.uic}"]
