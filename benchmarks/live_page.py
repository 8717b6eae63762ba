"""The Train page, open in Chromium on a run that goes on: what it costs the training, and how soon a line of
the log is on the page.

Chromium runs on the machine that trains, as it does on a laptop; on a server it would cost the training
nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.input_rate import write_pictures
from tests.support.app_in_browser import APP, chromium, serving
from tests.support.kill_storm import STAND_IN, end_all, processes_of
from train import runs
from train.runs import Run, RunDirectory, commands

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_SECONDS = 300
LONG_LOG_BYTES = 200 * 2**20
LINE_SECONDS = 1.0


def train_rates(
    here: Path, rounds: int, seconds: float, recipe: str, batch: int = 4
) -> dict[str, list[float]]:
    """Steps per second of one training, in turns of ``seconds``: "alone" and with the "page" open on it;
    "cores" and "app_cores": how many processors the app and Chromium, and the app alone, kept busy in the
    page's turns, which other programs can do little about.

    The app is there all the time. A line is added to the log every second, so that there is something to
    follow. Raises NoBrowser, and RuntimeError if the training or the page does not come up.
    """
    overrides = ["backbone_weights=none", f"batch_size={batch}", f"sampling.images_per_epoch={10**6 * batch}"]
    overrides += [
        "frozen.epochs=0",
        "finetune.learning_rate=1e-8",
    ]  # so few images a step would make it diverge
    pictures = write_pictures(here / "pictures", 40)
    with (
        chromium() as browser,
        _app(here) as url,
        _training(here / "runs", recipe, overrides, str(pictures)) as run,
    ):
        _wait(lambda: runs.find(run.id, run.path.parent).progress.get("step"), run)
        rates: dict[str, list[float]] = {"alone": [], "page": [], "cores": [], "app_cores": []}
        for number in range(rounds):
            for name in ("alone", "page") if number % 2 == 0 else ("page", "alone"):
                if name == "alone":
                    rates[name].append(_rate(run, seconds))
                else:
                    with _open(browser, url, run.id):
                        start, used = time.monotonic(), _processor_seconds(run)
                        rates[name].append(_rate(run, seconds))
                        for kind, before, after in zip(
                            ("cores", "app_cores"), used, _processor_seconds(run), strict=True
                        ):
                            rates[kind].append((after - before) / (time.monotonic() - start))
    return rates


def line_delays(here: Path, lines: int, long_log: bool) -> list[float]:
    """Seconds from writing a line to a live run's log until the page, open in Chromium, shows it; ``lines``
    times at odd moments.

    long_log: after 200 MB of other lines. Raises as ``train_rates`` does.
    """
    chance = random.Random(0)
    commands.TRAINER, before = STAND_IN, commands.TRAINER
    try:
        with (
            chromium() as browser,
            _app(here) as url,
            _training(here / "runs", "waits_to_be_stopped", [], str(here)) as run,
        ):
            _wait(lambda: runs.find(run.id, run.path.parent).progress, run)
            if long_log:
                _lengthen(run.log_path)
            with _open(browser, url, run.id) as page:
                return [
                    _delay(page, run.log_path, f"line {number} of the benchmark", chance.uniform(0.2, 1.5))
                    for number in range(lines)
                ]
    finally:
        commands.TRAINER = before


def _delay(page: Page, log: Path, line: str, pause: float) -> float:
    page.wait_for_timeout(1000 * pause)
    start = time.perf_counter()
    with open(log, "a") as file:
        file.write(f"{line}\n")
    page.locator(".telltale-log").first.get_by_text(line, exact=True).wait_for(
        state="attached", timeout=60_000
    )
    return time.perf_counter() - start


def _rate(run: Run, seconds: float) -> float:
    """Steps per second over about that time, from one writing of progress.json to another."""
    log = RunDirectory(run.path).log
    (start, step), until = _next_progress(run), time.monotonic() + seconds
    while time.monotonic() < until:
        with open(log, "a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} a line to follow\n")
        time.sleep(LINE_SECONDS)
    end, last = _next_progress(run)
    return (last - step) / (end - start)


def _processor_seconds(run: Run) -> tuple[float, float]:
    """What the processes started from here have used so far, those of the run left out; and of these the
    app's."""
    of_run = {process.pid for process in processes_of(run.path.parent)[run.id]}
    everything = app = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.pid not in of_run:
                times = process.cpu_times()
                everything += times.user + times.system
                app += (times.user + times.system) * ("streamlit" in process.cmdline())
    return everything, app


def _next_progress(run: Run) -> tuple[float, int]:
    """(when, step) of the next writing of progress.json."""
    path = run.path / "progress.json"
    before = path.stat().st_mtime_ns
    _wait(lambda: path.stat().st_mtime_ns != before, run)
    found = path.stat().st_mtime_ns  # the folder's rename makes file and time one
    return found / 1e9, RunDirectory(run.path).read(path.name)["step"]


@contextmanager
def _app(here: Path) -> Iterator[str]:
    with serving(APP, here / "app.log", TELLTALE_RUNS=str(here / "runs"), TELLTALE_READONLY="") as url:
        yield url


@contextmanager
def _training(folder: Path, recipe: str, overrides: list[str], data: str) -> Iterator[Run]:
    """A run that goes on until the block ends, and is then killed."""
    run = runs.start(recipe, overrides, data, "benchmark", device="cpu", folder=folder)
    try:
        yield run
    finally:
        end_all(folder)


@contextmanager
def _open(browser: Browser, url: str, run_id: str) -> Iterator[Page]:
    """The page of a run, followed live, once it has come to rest."""
    from playwright.sync_api import Error

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.goto(f"{url}/train?run={run_id}", timeout=120_000)
        page.locator(".telltale-log").first.wait_for(timeout=120_000)
        page.wait_for_timeout(3000)
        yield page
    except Error as error:
        raise RuntimeError(f"The Train page did not do as expected: {error.message}") from error
    finally:
        context.close()


def _lengthen(log: Path) -> None:
    block = "".join(f"{number:09d} {'x' * 90}\n" for number in range(10_000)).encode()
    with open(log, "ab") as file:
        for _ in range(LONG_LOG_BYTES // len(block)):
            file.write(block)


def _wait(until: Callable[[], object], run: Run) -> None:
    """Raises RuntimeError if the run ends before ``until`` comes true, or it takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with suppress(FileNotFoundError):
            if until():
                return
        now = runs.find(run.id, run.path.parent)
        if not now.live or time.monotonic() > deadline:
            raise RuntimeError(
                f"The training did not get that far: {now.state}"
                f" {now.reason}\n{runs.tail(now.log_path, 2000)[0]}"
            )
        time.sleep(0.01)
