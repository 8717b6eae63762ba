"""The real app in a real Chromium: what the benchmarks and the browser tests both need to start, and to
stop again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
APP = ROOT / "streamlit_app.py"
START_SECONDS = 120
"""Importing Streamlit on a busy machine takes its time."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--process-per-site",  # one page after the other in one process, which keeps what it has compiled
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowser(RuntimeError):
    """There is no Chromium or no Playwright here; the message is a sentence that says which."""


@contextmanager
def serving(app: Path, log: Path, **environment: str) -> Iterator[str]:
    """The address of a Streamlit app, which runs until the block ends, with these environment variables and
    its output in ``log``.

    Raises RuntimeError with that output if the app does not come up.
    """
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
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
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
    try:
        url = f"http://127.0.0.1:{port}"
        if not _answers(process, f"{url}/_stcore/health"):
            raise RuntimeError(f"{app} did not start:\n{log.read_text()}")
        yield url
    finally:
        _stop(process)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium, until the block ends. Raises what ``chromiums`` raises."""
    with chromiums() as start:
        browser = start()
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def chromiums() -> Iterator[Callable[[], Browser]]:
    """What starts a headless Chromium, one after the other has gone; none outlives the block. Raises
    NoBrowser; the call raises RuntimeError if Chromium does not start."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowser("Playwright is not installed (pip install -r requirements-dev.txt).") from None
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise NoBrowser("There is no Chromium on this machine (apt install chromium).")
    with sync_playwright() as playwright:

        def start() -> Browser:
            try:
                return playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
            except Error as error:
                raise RuntimeError(f"{executable} does not start: {error.message}") from error

        yield start


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Kill this process's Chromium if the block takes longer, so that whatever waits for it raises.

    Playwright waits without end for a script that does not come back and for a hung page to close; pytest's
    own limit ends a test, not the closing of its pages.
    """
    timer = threading.Timer(seconds, _kill_chromium)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_chromium() -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith("chrom"):
                process.kill()


def _answers(process: subprocess.Popen, url: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=5):
                return True
        except OSError:
            time.sleep(0.2)
    return False


def _stop(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(timeout=10)
            return
        except subprocess.TimeoutExpired:
            continue
