"""The section "What the file says": apart from the verdict, letter by letter, and the location only when
asked for."""

import io

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from streamlit.testing.v1 import AppTest

from ui.text import plain

HOSTILE = "![x](http://example.com/x.png) <b>bold</b> :material/home: :red[x] $x^2$ " + "A" * 5000


def png(location: bool = False, **texts: str) -> bytes:
    chunks, exif, buffer = PngInfo(), Image.Exif(), io.BytesIO()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    if location:
        exif[0x0131] = "Firmware"  # Pillow writes no EXIF that has nothing but a location
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "W", 4: (11.0, 30.0, 0.0)})
    Image.new("RGB", (32, 24)).save(buffer, "PNG", pnginfo=chunks, exif=exif)
    return buffer.getvalue()


def section(*contents: bytes) -> AppTest:
    """The section for the first of the pictures, and a button that opens the next."""

    def app(contents):
        import streamlit as st

        from pages.classify import file_facts
        from ui.pictures import Picture

        at = st.session_state.setdefault("at", 0)
        file_facts.show(Picture.of(f"{at}.png", contents[at]))

    done = AppTest.from_function(app, args=(contents,), default_timeout=60).run()
    assert not done.exception
    return done


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def test_it_says_that_it_plays_no_part_in_the_verdict_and_can_be_forged_or_stripped():
    text = words(section(png()))
    assert "This plays no part in the verdict" in text
    assert "forged, copied from another file, or stripped" in text


def test_absence_of_evidence_is_called_that_and_stays_closed():
    app = section(png())
    assert app.expander[0].label == "What the file says: no metadata, which says nothing"
    assert not app.expander[0].proto.expanded
    assert plain("No metadata. That says nothing: most sites and messengers strip it.", limit=300) in words(
        app
    )
    assert plain(f"PNG, 32 × 24 pixels, {len(png())} bytes") in words(app)


def test_a_generators_trace_opens_the_section_and_is_told_with_its_place():
    app = section(png(parameters="cat\nSteps: 20, Sampler: Euler, CFG scale: 7"))
    assert app.expander[0].label == "What the file says: generator trace"
    assert app.expander[0].proto.expanded
    assert "**Stable Diffusion settings:** cat Steps" in words(app)
    assert "PNG tEXt" in words(app)


@pytest.mark.parametrize("keyword", ["Comment", "Software", "parameters"])
def test_a_strangers_text_is_shown_letter_by_letter_and_shortened(keyword):
    shown = next(
        element.value for element in section(png(**{keyword: HOSTILE})).markdown if "example" in element.value
    )
    assert plain(HOSTILE[:40])[:60] in shown
    assert len(shown) < 1500
    assert "![" not in shown.replace("\\", "").replace("!\\[", "") or "\\!\\[" in shown


def test_the_location_is_shown_when_asked_for_and_not_for_the_next_picture():
    app = section(png(location=True), png(location=True, Comment="another"))
    assert "has a location" in words(app)
    assert "48.1" not in words(app)
    app.toggle[0].set_value(True).run()
    assert "48.13333° N, 11.50000° W" in words(app)
    app.session_state.at = 1
    app.run()
    assert "has a location" in words(app)
    assert "48.1" not in words(app)


def test_the_section_opens_itself_for_a_telling_picture_after_a_silent_one():
    app = section(png(), png(parameters="cat\nSteps: 20, Sampler: Euler, CFG scale: 7"))
    assert not app.expander[0].proto.expanded
    app.session_state.at = 1
    app.run()
    assert app.expander[0].proto.expanded
