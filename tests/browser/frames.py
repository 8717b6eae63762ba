"""Waiting for what a page paints."""

from __future__ import annotations

from playwright.sync_api import Page


def wait_until_painted(page: Page) -> None:
    """Until the frame after the next one: whatever the last event asked for has been painted. Fails as any
    wait does where no frame comes."""
    page.wait_for_function(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
    )
