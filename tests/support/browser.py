"""A real browser: Debian's Chromium, driven by playwright, that may talk to loopback only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

EXECUTABLE = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, hand it over, and close it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Heard:
    """What a page said on its console, what it raised, and every host that it asked for anything."""

    messages: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


def listen(page: Page) -> Heard:
    """Collect all that the page says and asks for, from now on."""
    heard = Heard()
    page.on("console", lambda message: heard.messages.append(message.text))
    page.on("pageerror", lambda error: heard.messages.append(str(error)))
    page.on("request", lambda request: heard.hosts.add(urlsplit(request.url).netloc))
    return heard


def log_in(page: Page, url: str, token: str) -> None:
    """Log in to the insights pages of the server at `url` through its form."""
    page.goto(f"{url}/login")
    page.fill("#token", token)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: not address.endswith("/login"))
