"""``python -m benchmarks.triage --json``: Classify with 500 pictures, in the real app in Chromium.

A script run lasts from the message with which the server begins it to the one that says it is finished, as
they come over the page's WebSocket; Chromium and what is checked in the background have the same cores. One
picture is open throughout and all is known about it, so that what is measured is the list. A busy machine
makes all runs longer, but not the processor time that the app spends on one: on an idle machine a run takes
about that long.

- ``checking``: from the upload until every picture has its verdict.
- ``testing``: while damaged copies of the pictures are judged, which is stopped afterwards.
- ``walking``: moving, sorting and filtering; no run is expected.
- ``labelling``: labels given by keyboard.
- ``page``: the whole page drawn again with all pictures checked; ``page_over_one``: its processor time over
  the same with one picture.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.photographs import photograph
from detector.bundle import weights_folder
from tests.support.app_in_browser import APP, chromium, serving
from tests.support.script_runs import ScriptRuns

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 600_000
"""Milliseconds for 500 pictures on a slow machine."""

TILES = "[data-testid=picture-grid] [role=option]"
GOAL_MS = 300
TESTING_SECONDS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.triage", description="Many pictures listed.")
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--megapixels", type=float, default=0.5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as here:
        files = _write(Path(here), options.pictures, options.megapixels)
        figures = measure(files, weights_folder(), Path(here) / "server.log")
    print(json.dumps(figures) if options.json else table(figures))
    return 0


def measure(files: Sequence[Path], weights: Path, log: Path) -> dict[str, Any]:
    """Counts, and milliseconds of script runs. Raises NoBrowser, and RuntimeError if the app does not do as
    expected."""
    with chromium() as browser, serving(APP, log, TELLTALE_WEIGHTS=str(weights)) as url:
        from playwright.sync_api import Error

        try:
            return _measure(browser.new_page(viewport={"width": 1440, "height": 900}), url, files)
        except Error as error:
            raise RuntimeError(f"The app in the browser did not do as expected: {error.message}") from error


def table(figures: dict[str, Any]) -> str:
    """The figures as text for people."""
    met = "met" if figures["longest_ms"] <= GOAL_MS else "MISSED"
    lines = [f"{name:<24} {value}" for name, value in figures.items()]
    return "\n".join([*lines, f"no script run over {GOAL_MS} ms: {met}"])


def _measure(page: Page, url: str, files: Sequence[Path]) -> dict[str, Any]:
    runs = ScriptRuns(page)
    page.goto(f"{url}/?tested=false", timeout=60_000)
    _open_a_sample(page)
    alone = _part(page, runs, lambda: _draw_again(page, 10))
    parts = {
        "checking": _part(page, runs, lambda: _upload(page, files)),
        "testing": _part(page, runs, lambda: _test_copies(page)),
        "walking": _part(page, runs, lambda: _walk(page)),
        "labelling": _part(page, runs, lambda: _label(page, 20)),
        "page": _part(page, runs, lambda: _draw_again(page, 10)),
    }
    figures: dict[str, Any] = {"pictures": len(files) + 1, "cores": os.cpu_count()}
    for name, part in parts.items():
        figures |= {f"{name}_{figure}": value for figure, value in part.figures().items()}
    figures["page_over_one"] = round(parts["page"].processor_ms / alone.processor_ms, 2)
    figures["longest_ms"] = max(part.figures().get("longest_ms", 0) for part in parts.values())
    return figures | {"load": os.getloadavg()[0]}


@dataclass(frozen=True)
class _Part:
    """milliseconds: of each script run. processor_ms: of the app's process, for each of them."""

    milliseconds: list[float]
    processor_ms: float

    def figures(self) -> dict[str, int]:
        if not self.milliseconds:
            return {"runs": 0}
        return {
            "runs": len(self.milliseconds),
            "median_ms": round(median(self.milliseconds)),
            "longest_ms": round(max(self.milliseconds)),
            "processor_ms": round(self.processor_ms),
        }


def _part(page: Page, runs: ScriptRuns, do: Callable[[], None]) -> _Part:
    """What is done, until the page has come to rest."""
    _rest(page)
    before, used = len(runs.milliseconds), _processor_seconds()
    do()
    _rest(page)
    milliseconds = runs.milliseconds[before:]
    processor_ms = 1000 * (_processor_seconds() - used) / max(len(milliseconds), 1)
    return _Part(milliseconds, processor_ms)


def _processor_seconds() -> float:
    """What the app has used so far."""
    for process in psutil.Process().children():
        if "streamlit" in process.cmdline():
            times = process.cpu_times()
            return times.user + times.system
    raise RuntimeError("The app is not running any more.")


def _open_a_sample(page: Page) -> None:
    page.get_by_role("button", name="Try the temple").click(timeout=60_000)
    page.get_by_test_id("heatmap-viewer").first.wait_for(timeout=PATIENCE)


def _upload(page: Page, files: Sequence[Path]) -> None:
    page.locator("input[type=file]").first.set_input_files(list(files))
    checked = page.locator(f"{TILES}:not([data-verdict=waiting])")
    checked.nth(len(files)).wait_for(state="attached", timeout=PATIENCE)


def _test_copies(page: Page) -> None:
    """Look on for a while; what goes on afterwards would be counted with what is done then."""
    page.wait_for_timeout(1000 * TESTING_SECONDS)
    stop = page.get_by_role("button", name="Stop testing")
    if stop.count():
        stop.click()


def _walk(page: Page) -> None:
    page.locator(f"{TILES}[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowUp", "Home"):
        page.keyboard.press(key)
    grid = page.get_by_test_id("picture-grid")
    grid.get_by_label("Sort").select_option("high")
    chip = grid.locator(".chip:not([hidden])").first
    chip.click()
    chip.click()
    grid.get_by_label("Sort").select_option("came")


def _label(page: Page, labels: int) -> None:
    page.locator(f"{TILES}[tabindex='0']").focus()
    for number in range(labels):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("12"[number % 2])
        page.wait_for_timeout(150)


def _draw_again(page: Page, times: int) -> None:
    for _ in range(times):
        page.get_by_text("Marked", exact=True).first.click()
        _rest(page)


def _rest(page: Page) -> None:
    """Until no script has run for a second."""
    idle = "[data-testid=stApp][data-test-script-state=notRunning]"
    since = time.monotonic()
    while time.monotonic() - since < 1:
        page.wait_for_timeout(50)
        if not page.locator(idle).count():
            page.locator(idle).wait_for(timeout=PATIENCE)
            since = time.monotonic()


def _write(folder: Path, count: int, megapixels: float) -> list[Path]:
    files = []
    for number in range(count):
        files.append(folder / f"{number:03}.jpg")
        files[-1].write_bytes(photograph(number, megapixels))
    return files


if __name__ == "__main__":
    sys.exit(main())
