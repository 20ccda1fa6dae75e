"""Every route of the API, read from the router, so that a test over all of them cannot forget a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, reverse

from ocean_portal.api import urlpatterns


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one address. `name` is the URL's name, `action` what the view calls it (or the method)."""

    name: str
    method: str
    action: str
    parameters: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.name}"

    def url(self, **values: Any) -> str:
        return reverse(self.name, kwargs={name: values[name] for name in self.parameters})


def routes() -> list[Route]:
    found = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name is None:
            continue
        view: Any = pattern.callback
        # A viewset maps methods to actions; a plain view has one function for each method.
        actions = getattr(view, "actions", None) or {
            method: method
            for method in ("get", "post", "put", "patch", "delete")
            if hasattr(view.cls, method)
        }
        found += [
            Route(pattern.name, method, action, frozenset(pattern.pattern.regex.groupindex))
            for method, action in actions.items()
        ]
    return found


ROUTES = routes()
JOB_ROUTES = [route for route in ROUTES if "tag" in route.parameters and route.name.startswith("job")]
LINE_ROUTES = [route for route in ROUTES if "line" in route.parameters or route.name == "product-line-detail"]
