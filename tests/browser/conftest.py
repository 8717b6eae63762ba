"""Fixtures that drive a real Streamlit app in a real Chromium. Without a Chromium the tests here are
skipped."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.app_in_browser import NoBrowser, chromiums, no_longer_than, serving
from tests.support.browser_contexts import Contexts

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE = 150_000
"""Milliseconds that a tab waits for whatever a test asks of it, where a machine is slow and busy. Only a
failure takes that long. The one place where this is said."""
expect.set_options(timeout=PATIENCE)
LONGEST_TEST = 400
"""Seconds until a browser that hangs is killed: more than any test takes, less than pytest allows it."""
TRIES_AGAIN = 1
"""A browser, an app and its model share two cores with other tests. What fails once of some hundred tests and
not when tried again is reported as RERUN; what fails twice fails."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=TRIES_AGAIN))


@pytest.fixture(scope="session")
def app_server(tmp_path_factory):
    """``app_server(path) -> url``: the app at ``path``, started on the first call and kept until the session
    ends.

    Keyword arguments become environment variables of the app; another environment is another server.
    """
    running = {}

    with ExitStack() as servers:

        def serve(path: str | Path, **environment: str) -> str:
            wanted = (Path(path).resolve(), tuple(sorted(environment.items())))
            if wanted not in running:
                log = tmp_path_factory.mktemp("server") / "log.txt"
                running[wanted] = servers.enter_context(serving(wanted[0], log, **environment))
            return running[wanted]

        yield serve


@pytest.fixture(scope="session")
def start_chromium():
    with ExitStack() as stack:
        try:
            start = stack.enter_context(chromiums())
        except NoBrowser as reason:
            pytest.skip(str(reason))
        yield start


@pytest.fixture(scope="session")
def contexts(start_chromium):
    """Of one headless Chromium for the whole session, as long as it lives."""
    contexts = Contexts(start_chromium)
    yield contexts
    contexts.close()


@pytest.fixture
def open_page(contexts, request):
    """``open_page(**options) -> Page`` in a context with nothing in it, e.g. ``open_page(viewport=PHONE,
    color_scheme="dark")``.

    A page that raised an uncaught JavaScript error fails its test.
    """
    errors = []

    def open_one(**options):
        context = contexts.take(
            **{"viewport": DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"} | options
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    failed = request.session.testsfailed
    with no_longer_than(LONGEST_TEST):
        yield open_one
        if errors or request.session.testsfailed > failed:
            contexts.discard()
        else:
            contexts.give_back()
    assert not errors, f"uncaught JavaScript errors: {errors}"


@pytest.fixture
def page(open_page):
    """A light desktop page."""
    return open_page()
