"""Browser contexts that serve one test after the other.

A page in a context that has shown the app before loads in less than half the time, for Chromium keeps what it
has compiled of the app's scripts. Nothing else is kept: what a page stored, cookies and pages are gone before
the next test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

MOST_IDLE = 3
"""Contexts kept for later tests; each holds some 200 MB."""


class Contexts:
    """Contexts of a browser, by their options. If it has died, ``start`` brings the next one."""

    def __init__(self, start: Callable[[], Browser]):
        self._start = start
        self._browser: Browser | None = None
        self._idle: list[tuple[str, BrowserContext, Page]] = []
        self._used: list[tuple[str, BrowserContext, Page]] = []

    def take(self, **options) -> BrowserContext:
        """A context with these options which has nothing in it, and which no other caller gets until
        ``give_back``."""
        if self._browser is None or not self._browser.is_connected():
            self._browser, self._idle, self._used = self._start(), [], []
        key = repr(sorted(options.items()))
        place = next((place for place, idle in enumerate(self._idle) if idle[0] == key), None)
        if place is None:
            context = self._browser.new_context(**options)
            self._used.append((key, context, _keeper(context)))
        else:
            self._used.append(self._idle.pop(place))
        return self._used[-1][1]

    def give_back(self) -> None:
        """All that were taken, emptied; of those not in use the oldest are closed."""
        while self._used:
            key, context, keeper = self._used.pop()
            _empty(context, keeper)
            self._idle.append((key, context, keeper))
        for _, context, _ in self._idle[:-MOST_IDLE]:
            context.close()
        del self._idle[:-MOST_IDLE]

    def discard(self) -> None:
        """Close all that were taken."""
        while self._used:
            _, context, _ = self._used.pop()
            if context.browser and context.browser.is_connected():
                context.close()

    def close(self) -> None:
        """The browser, and with it all of them."""
        if self._browser:
            self._browser.close()
        self._browser, self._idle, self._used = None, [], []


def _keeper(context: BrowserContext) -> Page:
    """An empty page of the host that serves every app, so that the process which has compiled their scripts
    lives on. No server needs to be there for it."""
    keeper = context.new_page()
    keeper.route("**/*", lambda route: route.fulfill(body=""))
    keeper.goto("http://127.0.0.1/")
    return keeper


def _empty(context: BrowserContext, keeper: Page) -> None:
    """Forget all but what was compiled."""
    pages = [page for page in context.pages if page is not keeper]
    origins = {f"{parts.scheme}://{parts.netloc}" for page in pages if (parts := urlsplit(page.url)).netloc}
    context.set_offline(False)
    for page in pages:
        page.close()
    context.clear_cookies()
    context.clear_permissions()
    devtools = context.new_cdp_session(keeper)
    for origin in origins:
        devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    devtools.detach()
