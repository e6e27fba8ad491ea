"""Reading the insights page as a maintainer does: in a browser, out of the tables under its charts."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.support.browser import log_in


class Insights:
    """The page of a product, opened by the admin token."""

    def __init__(self, browser: Browser, url: str, token: str, product: str = "hay") -> None:
        self._page = browser.new_page()
        self._url, self._product = url, product
        log_in(self._page, url, token)

    def table(self, question: str) -> dict[str, list[int]]:
        """The rows of all tables of a question: the key of each, and its numbers."""
        self._page.goto(f"{self._url}/?product={self._product}&period=7d")
        rows = self._page.locator(f"section[data-question={question}] tr:has(th[data-key])")
        return {
            row.locator("th").get_attribute("data-key") or "": [
                int(float(cell.get_attribute("data-value") or 0))
                for cell in row.locator("td[data-value]").all()
            ]
            for row in rows.all()
        }

    def events(self) -> dict[str, list[int]]:
        """The numbers by name of event."""
        return self.table("events_by_name")

    def close(self) -> None:
        """Close the page."""
        self._page.close()
