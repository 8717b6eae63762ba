"""tests.support.browser_contexts: pages of one test leave nothing for those of the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Error

from tests.support.app_in_browser import no_longer_than
from tests.support.browser_contexts import MOST_IDLE, Contexts

APP = Path(__file__).parent / "apps" / "heatmap_viewer_app.py"


@pytest.fixture
def mine(start_chromium):
    contexts = Contexts(start_chromium)
    yield contexts
    contexts.close()


def test_a_context_comes_back_without_what_its_pages_kept(mine, app_server):
    address = f"{app_server(APP)}/_stcore/health"
    first = mine.take(color_scheme="dark")
    page = first.new_page()
    page.goto(address)
    page.evaluate("localStorage.setItem('a', 'b'); document.cookie = 'a=b'")
    first.set_offline(True)
    mine.give_back()
    again = mine.take(color_scheme="dark")
    assert again is first and page.is_closed()
    page = again.new_page()
    page.goto(address)
    assert page.evaluate("localStorage.length") == 0 and "a=b" not in page.evaluate("document.cookie")


def test_two_at_a_time_know_nothing_of_each_other(mine):
    assert mine.take() is not mine.take()


def test_other_options_get_another_context(mine):
    first = mine.take(color_scheme="dark")
    mine.give_back()
    assert mine.take(color_scheme="light") is not first


def test_few_are_kept(mine):
    taken = [mine.take() for _ in range(MOST_IDLE + 2)]
    mine.give_back()
    assert len(taken[0].browser.contexts) == MOST_IDLE


def test_a_browser_that_hangs_is_killed_and_the_next_context_is_of_another(mine):
    page = mine.take().new_page()
    with pytest.raises(Error, match="closed"), no_longer_than(2):
        page.evaluate("() => { while (true) {} }")
    mine.discard()
    page = mine.take().new_page()
    assert page.evaluate("1 + 1") == 2
