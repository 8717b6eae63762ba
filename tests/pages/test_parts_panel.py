"""A picture judged part by part on Classify, by AppTest with a tiny model."""

from __future__ import annotations

import io
import json

from PIL import Image

from detector.bundle import read_bundle, write_card
from detector.evaluation.intervals import Estimate
from detector.evaluation.localisation_scores import RegionScores
from pages.classify import parts_panel
from tests.pages.test_classify_page import Page, page, png  # noqa: F401 (fixtures)


def judge_the_parts(page: Page) -> None:  # noqa: F811
    page.app.session_state[parts_panel.OPEN] = True
    page.run()


def captions(page: Page) -> str:  # noqa: F811
    return " ".join(each.value for each in page.app.caption).replace("\\", "")


def test_nothing_is_judged_before_it_is_asked_for(page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    (known,) = page.state.explanations.values()
    assert known.parts is None and len(page.viewers) == 1


def test_the_parts_of_the_open_picture_are_shown_with_the_two_ends_in_words(page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    judge_the_parts(page)
    (known,) = page.state.explanations.values()
    row, column = divmod(int(known.parts.values.argmax()), known.parts.grid[1])
    assert f"Most like AI-generated: row {row + 1}, column {column + 1}, " in page.words
    assert len(page.viewers) == 2


def test_the_next_picture_is_judged_in_parts_too(page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    judge_the_parts(page)
    page.upload(("c.png", png("cool")))
    assert page.part("name") == "c.png" and "Most like AI-generated" in page.words


def test_a_picture_that_is_too_small_says_so(page, photo):  # noqa: F811
    buffer = io.BytesIO()
    Image.fromarray(photo("warm", 40, 60)).save(buffer, "PNG")
    page.upload(("w.png", buffer.getvalue()))
    judge_the_parts(page)
    assert "This picture is too small to be judged in parts" in page.words


def test_how_far_it_can_be_believed_is_said_only_where_it_was_measured(
    spoilable_bundle,
    monkeypatch,
    png,  # noqa: F811
):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(spoilable_bundle.parent))
    page = Page()  # noqa: F811
    page.upload(("w.png", png("warm")))
    judge_the_parts(page)
    assert "how well this model finds such parts was not measured" in captions(page)
    bundle = read_bundle(spoilable_bundle)
    scores = RegionScores(Estimate(0.81, 0.8, 0.9), Estimate(0.6, 0.5, 0.7), 12, "12 real photos, val")
    card = json.loads(json.dumps(dict(bundle.card)))
    write_card(spoilable_bundle, card | {"regions": scores.to_card(bundle.weights_sha256)})
    page = Page()
    page.upload(("w.png", png("warm")))
    judge_the_parts(page)
    assert "81% of the time if it was AI-generated, and 60% if it was as real" in captions(page)
