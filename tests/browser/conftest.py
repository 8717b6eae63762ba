"""Fixtures that drive a real Streamlit app in a real Chromium. Without a Chromium the tests here are skipped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def app_server(tmp_path_factory):
    """``app_server(path) -> url``: the app at ``path``, started on the first call and kept until the session ends.

    Keyword arguments become environment variables of the app; another environment is another server.
    """
    running = {}

    def serve(path: str | Path, **environment: str) -> str:
        wanted = (Path(path).resolve(), tuple(sorted(environment.items())))
        if wanted not in running:
            running[wanted] = _start(wanted[0], environment, tmp_path_factory.mktemp("server") / "log.txt")
        return running[wanted][0]

    yield serve
    for _, process in running.values():
        _stop(process)


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for the whole session."""
    sync_api = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """``open_page(**options) -> Page`` in a fresh context, e.g. ``open_page(viewport=PHONE, color_scheme="dark")``.

    A page that raised an uncaught JavaScript error fails its test.
    """
    contexts, errors = [], []

    def open_one(**options):
        context = browser.new_context(**{"viewport": DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not errors, f"uncaught JavaScript errors: {errors}"


@pytest.fixture
def page(open_page):
    """A light desktop page."""
    return open_page()


def _start(path: Path, environment: dict[str, str], log: Path) -> tuple[str, subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "server.headless": "true",
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(path), *(f"--{name}={value}" for name, value in settings.items())]
    search_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,  # where .streamlit/config.toml and the app's relative paths are
            env={**os.environ, "PYTHONPATH": search_path, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that _stop reaches whatever the app started, too
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120  # importing Streamlit on a busy machine takes its time
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/_stcore/health", timeout=5):
                return url, process
        except (URLError, OSError):
            time.sleep(0.2)
    _stop(process)
    pytest.fail(f"{path} did not start:\n{log.read_text()}")


def _stop(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(timeout=10)
            return
        except subprocess.TimeoutExpired:
            continue
