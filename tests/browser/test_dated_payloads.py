"""A busy browser may bring what a component was sent after something newer: the newer one stays."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from pages.classify import picture_grid
from pages.how_it_works import step_viewer
from pages.train import log_viewer

MOUNT = """async ([source, ...payloads]) => {
  const { default: component } = await import("data:text/javascript;base64," + source);
  for (const data of payloads) component({ data, parentElement: document.body, setTriggerValue: () => {} });
}"""


@pytest.fixture
def sent(monkeypatch):
    """What the components were sent, in order."""
    payloads = []
    for module in (picture_grid, step_viewer, log_viewer):
        monkeypatch.setattr(module, "_mount", lambda data, **others: payloads.append(data))
    return payloads


def mount(page, module, html: str, scripts: list[str], payloads: list[dict]) -> None:
    """A component in a page of its own, given these payloads one after the other."""
    folder = Path(module.__file__).parent
    page.set_content((folder / html).read_text("utf-8"))
    source = "".join((folder / name).read_text("utf-8") for name in scripts)
    page.evaluate(MOUNT, [b64encode(source.encode()).decode(), *payloads])


def test_a_log_keeps_its_last_line(sent, page):
    for lines in ([(0, "epoch 1")], [(0, "epoch 1"), (8, "epoch 2")]):
        log_viewer.log_viewer(lines, identity="a", key="log", label="Log")
    mount(page, log_viewer, "viewer.html", ["viewer.js"], sent[::-1])
    page.get_by_text("epoch 2").wait_for()


def test_a_grid_keeps_its_verdicts(sent, page):
    for title in ("Checking…", "Real"):
        tiles = [picture_grid.Tile(id, f"{id}.png", title=title) for id in "ab"]
        picture_grid.picture_grid(tiles, "a", key="grid", heard=0, on_annotate=lambda *news: None)
    mount(page, picture_grid, "grid.html", ["arrange.js", "grid.js"], sent[::-1])
    assert page.locator(".verdict").all_text_contents() == ["Real", "Real"]


def test_a_figure_keeps_its_tokens(sent, page):
    plain = {
        "images": {},
        "shades": {},
        "grid": [1, 1],
        "names": None,
        "words": [""],
        "panels": [],
        "lines": 1,
    }
    for figure in (plain, plain | {"names": ["block 5"]}):
        step_viewer.step_figure(figure, "figure")
    mount(page, step_viewer, "figure.html", ["figure.js"], sent[::-1])
    page.get_by_text("Class token").wait_for()
