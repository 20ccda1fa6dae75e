"""The browser: one window for each picture, as its person, in its language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.screenshots.scene import Scene
from tests.running_stack import RunningStack

_STYLE = """
  *, ::before, ::after { animation: none !important; transition: none !important; caret-color: transparent }
  body { --tblr-body-font-family: "Noto Sans CJK SC", sans-serif }
"""
"""Nothing moves, and the letters are those of one font in both languages, whatever this machine's default is."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: `address` is made from the scene, `act` is done on the page before it is taken."""

    name: str
    address: str | Callable[[Scene], str]
    person: str = "dev"
    locale: str = "en-GB"
    colours: Literal["light", "dark"] = "light"
    width: int = 1360
    height: int = 850
    whole: bool = False
    during_publish: bool = False
    after_story: bool = False
    act: Callable[[Page], None] | None = None


def take(stack: RunningStack, scene: Scene, shots: Iterable[Shot], *, into: Path) -> None:
    """Take them in order, as PNG files."""
    into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for shot in shots:
            _take(browser, stack, scene, shot, into=into)
        browser.close()


def _take(browser: Browser, stack: RunningStack, scene: Scene, shot: Shot, *, into: Path) -> None:
    context = browser.new_context(
        base_url=stack.url,
        viewport={"width": shot.width, "height": shot.height},
        locale=shot.locale,
        timezone_id="Asia/Shanghai",
        color_scheme=shot.colours,
        reduced_motion="reduce",
    )
    page = context.new_page()
    if shot.person:
        page.goto("/accounts/login/")
        page.locator("[name=username]").fill(shot.person)
        page.locator("[name=password]").fill(stack.people[shot.person].password)
        page.keyboard.press("Enter")
        page.locator("h1").wait_for()
    if shot.after_story:
        scene.end_story()
    if shot.during_publish:
        scene.start_publish()
    page.goto(shot.address if isinstance(shot.address, str) else shot.address(scene))
    page.add_style_tag(content=_STYLE)
    if shot.act:
        shot.act(page)
    page.evaluate("document.fonts.ready")
    page.screenshot(path=into / f"{shot.name}.png", full_page=shot.whole)
    context.close()
