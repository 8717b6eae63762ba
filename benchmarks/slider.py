"""What one move of the heatmap's opacity slider costs, in the real app in Chromium.

The slider is moved by arrow keys, as a person at the keyboard would, at odd moments between the display's
frames. In the page these times are taken of each move:

- ``painted``: from the key press (the browser's own time stamp of it) until the page has painted the frame
  that shows the
  change and handed it to the compositor. Up to 16.7 ms of it, on average half, is waiting for the
  display's next frame. The
  moment is taken by a message posted from that frame's first animation callback: it is delivered when the
  frame is done.
- ``work``: the part of it that costs the processor: all handlers of the input event, and the frame from
  its first animation
  callback to that message, so the viewer's drawing and the page's style, layout and paint.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.support.app_in_browser import APP, chromium, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

# In milliseconds. Listeners on the window run before (capture) and after those of the viewer, and animation
# callbacks run in the order they were asked for: what is asked for here, before the viewer's own listener,
# comes first in the frame.
_TAKE_TIMES = """() => {
  const moves = (window.moves = []);
  let pressed = 0;
  addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
  addEventListener("input", () => {
    const move = { pressed, input: performance.now() };
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => { move.painted = performance.now(); port2.close(); };
    requestAnimationFrame(() => { move.frame = performance.now(); port1.postMessage(0); });
    moves.push(move);
  }, true);
  addEventListener("input", () => (moves.at(-1).handled = performance.now()));
}"""


@dataclass(frozen=True)
class SliderCost:
    """Medians in milliseconds (see the module), how many WebSocket messages the page sent while the slider
    moved, how often it moved."""

    painted: float
    work: float
    messages: int
    moves: int


def measure(weights: Path, log: Path, moves: int) -> SliderCost:
    """Start the app with the models of ``weights``, open a sample picture and move its slider up ``moves``
    per cent.

    Raises NoBrowser, and RuntimeError if the app does not get as far as the viewer.
    """
    with chromium() as browser, serving(APP, log, TELLTALE_WEIGHTS=str(weights)) as url:
        from playwright.sync_api import Error

        try:
            return _move(browser.new_page(viewport={"width": 1280, "height": 900}), url, moves)
        except Error as error:
            raise RuntimeError(f"The app in the browser did not do as expected: {error.message}") from error


def _move(page: Page, url: str, moves: int) -> SliderCost:
    sent: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda message: sent.append(message)))
    page.goto(url, timeout=60_000)
    page.get_by_role("button", name="Try the temple").click(timeout=60_000)
    viewer = page.get_by_test_id("heatmap-viewer")
    viewer.locator(".stage[aria-busy=false]").wait_for(timeout=120_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(
        timeout=120_000
    )  # the maps are tested in the background
    _wait_for_silence(page, sent)

    slider = viewer.get_by_role("slider", name="Heatmap opacity")
    slider.focus()
    page.evaluate(_TAKE_TIMES)
    messages, before = len(sent), int(slider.input_value())
    chance = random.Random(1)
    for _ in range(moves):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(chance.uniform(60, 140))
    page.wait_for_function(
        "n => window.moves.length === n && window.moves.every((move) => move.painted)",
        arg=moves,
        polling=50,
        timeout=30_000,
    )
    page.wait_for_timeout(500)  # what is sent late counts too
    if int(slider.input_value()) != before + moves:
        raise RuntimeError(
            f"The slider was pressed {moves} times and went from {before} to {slider.input_value()}."
        )
    times = page.evaluate("window.moves")
    return SliderCost(
        painted=median(move["painted"] - move["pressed"] for move in times),
        work=median(move["handled"] - move["input"] + move["painted"] - move["frame"] for move in times),
        messages=len(sent) - messages,
        moves=moves,
    )


def _wait_for_silence(page: Page, sent: list) -> None:
    """Until the page has sent nothing for a second; at most for 20 seconds."""
    for _ in range(20):
        before = len(sent)
        page.wait_for_timeout(1000)
        if len(sent) == before:
            return
    raise RuntimeError("The page went on sending messages although nobody touched it.")
