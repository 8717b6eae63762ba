"""What the file says, on the Classify page: beside the verdict of the same picture, which does not change."""

import io
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def classify(tiny_bundle, monkeypatch, photo):
    """``classify(**texts)``: the page with one picture, with these texts in its file."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))

    def go(**texts: str) -> AppTest:
        chunks, buffer = PngInfo(), io.BytesIO()
        for keyword, text in texts.items():
            chunks.add_text(keyword, text)
        Image.fromarray(photo("cool", 240, 320)).save(buffer, "PNG", pnginfo=chunks)
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
        app.file_uploader[0].upload("a.png", buffer.getvalue())
        app.run()
        assert not app.exception
        return app

    return go


def part(app: AppTest, name: str) -> str:
    html = "".join(element.proto.body for element in app.get("html"))
    return html.partition(f'data-testid="{name}">')[2].partition("<")[0]


def section(app: AppTest) -> str:
    return next(
        expander.label for expander in app.expander if expander.label.startswith("What the file says")
    )


def test_the_verdict_is_the_same_whatever_the_file_says(classify):
    silent, telling = classify(), classify(parameters="cat\nSteps: 20, Sampler: Euler, CFG scale: 7")
    assert section(silent) == "What the file says: no metadata, which says nothing"
    assert section(telling) == "What the file says: generator trace"
    assert part(silent, "verdict") == part(telling, "verdict") == "Real"
    assert "The file says: Stable Diffusion settings" in telling.warning[0].value.replace("\\", "")
    assert not silent.warning
    assert part(silent, "probability") == part(telling, "probability") != ""


def test_an_empty_page_has_no_such_section(tiny_bundle, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert not any(expander.label.startswith("What the file says") for expander in app.expander)
