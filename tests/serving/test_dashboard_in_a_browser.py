"""The dashboard in a real browser: on a desk and a phone, by light and dark, by keyboard, signed in and out."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from churn_duck.jobs.run import Ran
from churn_duck.serving.app import create_app
from churn_duck.warehouse.store import Warehouse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.whole, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]
# relative luminance and contrast as WCAG 2 has them, of every text against what is painted behind it
FAINT = """() => {
    const light = (c) => { const [r, g, b] = c.map(v => { v /= 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n.slice(0, 3), n[3] ?? 1]; };
    const behind = (node) => { for (let at = node; at; at = at.parentElement) {
        const [color, alpha] = parse(getComputedStyle(at).backgroundColor); if (alpha === 1) return color; }
        return [255, 255, 255]; };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) { const node = walker.currentNode.parentElement;
        const text = walker.currentNode.data.trim();
        if (!text || node.closest('svg, .hidden, option') || !node.checkVisibility()) continue;
        const [a, b] = [light(parse(getComputedStyle(node).color)[0]), light(behind(node))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) found.push(text); }
    return found; }"""


def serving(warehouse: Warehouse, token: str | None) -> Iterator[str]:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(warehouse, token), log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{own.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(ran: tuple[Warehouse, Ran]) -> Iterator[str]:
    yield from serving(ran[0], None)


@pytest.fixture(scope="module")
def closed(ran: tuple[Warehouse, Ran]) -> Iterator[str]:
    yield from serving(ran[0], "s3cret")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser: Any, width: int = 1280, scheme: str = "light") -> tuple[Any, list[str]]:
    """A page, and what its console complains of."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    page.set_default_timeout(30_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return page, said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_scrolls_sideways_breaks_its_policy_or_is_hard_to_read(
    browser: Any, address: str, width: int, scheme: str
) -> None:
    page, said = opened(browser, width, scheme)
    for path in ("/", "/?user_id=999999", "/user?user_id=1", "/watch", "/models"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(FAINT) == [], path
    assert said == []
    page.context.close()


def test_the_list_is_filtered_and_a_user_opened_by_keyboard_alone(browser: Any, address: str) -> None:
    page, _ = opened(browser)
    page.goto(f"{address}/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "by-user"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.get_by_label("plan").focus()
    page.keyboard.type("paid")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**plan=paid**")
    first = page.get_by_role("listitem").get_by_role("link").filter(has_text="user").first
    name = first.inner_text().split()[-1]
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/user?**")
    assert page.get_by_role("heading", level=1).inner_text() == f"User {name}"
    assert page.get_by_role("img", name="Risk by scored day").count() == 1
    page.context.close()


def test_signing_in_leads_to_the_page_that_was_wanted_and_out_again(browser: Any, closed: str) -> None:
    page, _ = opened(browser, 390)
    page.goto(f"{closed}/user?user_id=1")
    assert page.evaluate("document.activeElement.id") == "token"
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    page.get_by_label("Token").fill("s3cret")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/user?user_id=1")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], page.evaluate("document.cookie")) == (True, "Strict", "")
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="Models and promotions").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").wait_for()
    assert page.context.cookies() == []
    page.goto(f"{closed}/models")
    assert page.url == f"{closed}/sign-in?next=models"
    page.context.close()


WATCH = """window.refused = [];
    addEventListener('securitypolicyviolation', (e) => refused.push(`${e.violatedDirective} ${e.blockedURI}`))"""


def test_the_api_is_described_and_tried_with_nothing_from_elsewhere(browser: Any, closed: str) -> None:
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("request", lambda one: asked.append(one.url))
    page.add_init_script(WATCH)
    page.goto(f"{closed}/sign-in")
    page.get_by_label("Token").fill("s3cret")
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{closed}/docs")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("auth-bearer-value").first.fill("s3cret")
    page.get_by_role("button", name="Apply credentials").first.click()
    page.get_by_role("button", name="Close").first.click()
    page.get_by_text("/at-risk").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table")
    assert '"next_offset"' in page.locator(".live-responses-table").inner_text()
    assert said == []
    assert page.evaluate("window.refused") == []
    assert [one for one in asked if not one.startswith(closed)] == []
    page.close()
