"""Which pictures there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from playwright.sync_api import Page

from scripts.screenshots.camera import Shot
from scripts.screenshots.scene import Scene
from tests.api_client import LINE


def _of(job: str, place: str = "") -> Callable[[Scene], str]:
    """The address of a page of one of the scene's jobs."""
    return lambda scene: f"/jobs/{getattr(scene, job).tag}/{place}"


def _tab(number: int) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("tab").nth(number).click()


def _search(page: Page) -> None:
    page.keyboard.press("/")
    page.locator("#search-text").press_sequentially("weather")
    page.locator("#search-found [role=option]").first.wait_for()


def _logs(page: Page) -> None:
    page.get_by_text("GET /health").nth(8).wait_for()


def _chart(page: Page) -> None:
    page.locator("#scaling-chart svg").wait_for()


def _scaling_tab(page: Page) -> None:
    page.locator("#tab-scaling-label").click()


def _backtest(page: Page) -> None:
    _scaling_tab(page)
    page.locator("[name='scaling-metrics-0-target']").fill("45")
    page.locator("#run-backtest").click()
    page.locator("#backtest table").wait_for()
    page.locator("#backtest").scroll_into_view_if_needed()


README = (
    Shot("dashboard", "/", person="sre"),
    Shot("publish-running", _of("staging"), during_publish=True, height=980),
    Shot("publish-preview", _of("forecast", "publish/"), height=660),
    Shot("publish-hold", _of("canary"), height=820),
    Shot("explain", _of("too_large"), height=660),
    Shot("logs", _of("steady", "logs/"), act=_logs, height=820),
    Shot("template-update", "/templates/weather-service/update/", height=760),
    Shot("product-line-zh", f"/product-lines/{LINE}/", locale="zh-CN", height=900),
    Shot("job-form", _of("forecast", "edit/"), act=_tab(1)),
    Shot("job-degraded-dark", _of("gateway"), colours="dark"),
    Shot("jobs-zh", "/jobs/", person="sre", locale="zh-CN"),
    Shot("job-phone", _of("forecast"), width=390, height=844),
    Shot("scaling", _of("shop", "scaling/"), act=_chart, after_story=True, height=980),
    Shot("scaling-form", _of("scheduled", "edit/"), act=_scaling_tab, height=1180),
)


_EVERY_WAY = {
    "dashboard", "jobs", "job-degraded", "job-form-1", "job-publish", "hosts", "login",
    "job-form-3", "scaling-job", "scaling-calendar", "scaling-policies",
}  # fmt: skip
"""Dark, and on a phone, too."""


def every_page(scene: Scene) -> Iterator[Shot]:
    """Every page in both languages, whole; then some of them dark, and some on a phone."""
    operations = scene.api.get(f"operations/?target={scene.forecast.tag}")["results"]
    places: dict[str, str | Callable[[Scene], str]] = {
        "dashboard": "/",
        "jobs": "/jobs/",
        "job": _of("forecast"),
        "job-degraded": _of("gateway"),
        "job-new": "/jobs/new/",
        "job-logs": _of("forecast", "logs/"),
        "job-history": _of("forecast", "history/"),
        "job-versions": _of("forecast", "versions/"),
        "job-configuration": _of("forecast", "configuration/"),
        "job-diff": _of("forecast", "diff/?from=1&to=4"),
        "job-publish": _of("forecast", "publish/"),
        "job-rollback": _of("forecast", "rollback/"),
        "job-scale": _of("forecast", "scale/"),
        "job-delete": _of("forecast", "delete/"),
        "job-hold": _of("canary"),
        "job-explain": _of("too_large"),
        "job-engine": _of("forecast", "engine/"),
        "job-clone": _of("gateway", "clone/?name=push-gateway-2"),
        "job-migrate": _of("gateway", "migrate/?cluster=staging"),
        "job-compare": _of("forecast", "compare/?start=2026-01-01T00:00"),
        "job-save-as-template": _of("forecast", "save-as-template/"),
        "releases": "/releases/",
        "release": lambda scene: f"/releases/{scene.release}/",
        "release-new": lambda scene: (
            f"/releases/new/?action=restart&job={scene.forecast.tag}&job={scene.staging.tag}"
        ),
        "search": "/search/?q=weather",
        "operations": "/operations/",
        "operation": f"/operations/{operations[0]['id']}/",
        "audit": "/audit/",
        "product-lines": "/product-lines/",
        "product-line": f"/product-lines/{LINE}/",
        "hosts": "/hosts/",
        "host": f"/hosts/{scene.gateway.row()['cluster']}/{scene.gateway.instances()[0]['host']}/",
        "templates": "/templates/",
        "template": "/templates/weather-service/",
        "template-edit": "/templates/weather-service/edit/",
        "template-update": "/templates/weather-service/update/",
        "profile": "/accounts/profile/",
        "not-found": "/jobs/no-such-job/",
        "admin": "/admin/",
        "admin-jobs": "/admin/jobs/job/",
    }
    shots = [Shot(name, address, person="sre", whole=True) for name, address in places.items()]
    shots += [
        Shot(f"job-form-{number + 1}", _of("forecast", "edit/"), whole=True, act=_tab(number))
        for number in range(4)
    ]
    shots += [
        Shot("scaling-target", _of("shop", "edit/"), whole=True, act=_scaling_tab),
        Shot("scaling-calendar", _of("scheduled", "scaling/"), whole=True, act=_chart),
        Shot("scaling-policies", "/scaling/", person="sre", whole=True, after_story=True),
        Shot("scaling-job", _of("shop", "scaling/"), whole=True, act=_chart, after_story=True),
        Shot("scaling-backtest", _of("shop", "edit/"), whole=True, act=_backtest, after_story=True),
        Shot("drift", "/drift/", person="sre", whole=True),
        Shot("notification-groups", "/notifications/", person="sre", whole=True),
        Shot("notification-group", "/notifications/groups/sre_ocean/", person="sre", whole=True),
    ]
    shots.append(Shot("search-box", "/jobs/", person="sre", act=_search))
    shots.append(Shot("login", "/accounts/login/", person=""))
    shots.append(Shot("publish-running", _of("staging"), during_publish=True, whole=True))
    for locale in ("en-GB", "zh-CN"):
        yield from (replace(shot, name=f"{shot.name}-{locale[:2]}", locale=locale) for shot in shots)
    for shot in shots:
        if shot.name in _EVERY_WAY:
            yield replace(shot, name=f"{shot.name}-dark", colours="dark")
            yield replace(shot, name=f"{shot.name}-phone", width=390, height=844)
