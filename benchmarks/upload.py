"""``python -m benchmarks.upload --json``: how soon after an upload its photo, verdict and map are on screen.

One picture after another is uploaded to the real app in Chromium, its model warm. Times are the browser's
own, from the end of the upload's request (its last byte has arrived) to the first frame that shows the thing:
``photo`` in any place, also where the browser shows its own copy while the upload is on its way (less than 0
then), ``viewer`` where its maps will lie over it.
``requests`` counts what the page asked of the server until the map was there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.photographs import photograph
from detector.bundle import weights_folder
from tests.support.app_in_browser import APP, chromium, serving
from tests.support.script_runs import runs_asked_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 120_000
"""Milliseconds."""
SHOWN = "photo", "viewer", "verdict", "map"

# Looked at in every frame: the preview names its photo, the viewer's stage says which photo it shows, and
# the status above its map whether that is the map of this photo yet.
_WATCH = """() => {
  window.seen = {};
  window.watched = null;
  const inComponents = (selector) => [...document.querySelectorAll("[data-testid=stMain] *")]
    .flatMap((element) => element.shadowRoot?.querySelector(selector) ?? []);
  const look = () => {
    const name = window.watched, seen = window.seen[name] ?? {};
    const mark = (what, is) => { if (name && is && !(what in seen)) seen[what] = performance.now(); };
    const stage = inComponents(".stage[aria-busy=false]").find((each) => each.ariaLabel?.startsWith(name));
    const here = stage !== undefined;
    const [preview] = inComponents(".preview:popover-open");
    const status = stage?.parentElement.querySelector("[data-part=status]").textContent ?? "";
    mark("photo", here || preview?.textContent.includes(name));
    mark("viewer", here);
    const named = document.querySelector("[data-testid=name]")?.innerText === name;
    mark("verdict", named && document.querySelector("[data-testid=verdict]")?.innerText);
    mark("map", here && status && !status.includes("follows"));
    if (name) window.seen[name] = seen;
    requestAnimationFrame(look);
  };
  look();
}"""
_LAST_BYTE = """() => performance.getEntriesByType("resource")
  .filter((entry) => entry.name.includes("upload_file")).at(-1).responseEnd"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.upload", description="From an upload to photo, verdict and map."
    )
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="telltale-upload-") as folder:
        here = Path(folder)
        files = [here / f"photo-{number}.jpg" for number in range(options.pictures + 1)]
        for number, file in enumerate(files):
            file.write_bytes(photograph(number))
        figures = measure(files, weights_folder(), here / "server.log")
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0


def measure(files: Sequence[Path], weights: Path, log: Path) -> dict[str, Any]:
    """Medians in milliseconds over all files but the first, which warms the model up. Raises NoBrowser."""
    with chromium() as browser, serving(APP, log, TELLTALE_WEIGHTS=str(weights)) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        asked: list[str | bytes] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: asked.append(frame)))
        page.goto(f"{url}/?tested=false", timeout=60_000)
        page.locator(".preview[data-listening]").wait_for(state="attached", timeout=PATIENCE)
        page.evaluate(_WATCH)
        rounds = [_upload(page, file, asked) for file in files][1:]
    figures: dict[str, Any] = {"pictures": len(rounds), "cores": os.cpu_count()}
    figures["load"] = round(os.getloadavg()[0], 1)
    for what in SHOWN:
        figures[f"{what}_ms"] = round(median(each[what] for each in rounds))
    figures["requests"] = median(each["requests"] for each in rounds)
    return figures


def _upload(page: Page, file: Path, asked: list[str | bytes]) -> dict[str, float]:
    page.evaluate("name => { window.watched = name; }", file.name)
    asked.clear()
    page.locator("input[type=file]").first.set_input_files(file)
    page.wait_for_function("name => window.seen[name]?.map", arg=file.name, timeout=PATIENCE)
    requests = runs_asked_for(asked)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=PATIENCE)
    seen, last_byte = page.evaluate("name => window.seen[name]", file.name), page.evaluate(_LAST_BYTE)
    return {what: seen[what] - last_byte for what in SHOWN} | {"requests": requests}


if __name__ == "__main__":
    sys.exit(main())
