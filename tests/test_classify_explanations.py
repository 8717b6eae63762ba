"""Maps, their tests and the stress strip on the Classify page, run by Streamlit's AppTest with a tiny model."""

import io
import json
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PIL import Image

from detector.bundle import CARD
from detector.explain import METHODS, Cancelled
from tests.test_classify_page import Page
from ui import models, results
from ui.explanations import damage, found, working
from ui.gallery import Picture

ROLLOUT, TOKENS, CAM, OCCLUSION = METHODS
BADGE = "than random on this image"


@pytest.fixture
def png(photo):
    """``png(kind) -> bytes``: a picture that the tiny model calls AI-generated ("warm") or real ("cool")."""

    def encode(kind: str) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(photo(kind, 240, 320)).save(buffer, "PNG")
        return buffer.getvalue()

    return encode


@pytest.fixture
def open_page(tiny_bundle, monkeypatch, png):
    """``open_page(*kinds)``: the page with a picture of each kind, the first open."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))

    def go(*kinds: str) -> Page:
        page = Page()
        for kind in reversed(kinds):
            page.upload((f"{kind}.png", png(kind)))
        return page

    return go


def choose(page: Page, *methods: str) -> Page:
    page.app.button_group(key="maps").set_value(list(methods))
    return page.run()


def viewers(page: Page) -> list[dict]:
    """What each heatmap viewer got, from the top."""
    protos = [element.proto for element in page.app.get("bidi_component")]
    return [json.loads(proto.mixed.json if proto.HasField("mixed") else proto.json) for proto in protos]


def badges(page: Page) -> list[str]:
    return [line for line in page.words.splitlines() if BADGE in line]


def flipped(*names: str):
    """A ``stress`` that finds the real copies, and those named scored the other way round."""
    real = damage.stress

    def stress(classifier, source, analysis):
        copies, seen = real(classifier, source, analysis)
        return [replace(copy, y_score=1 - analysis.y_score) if copy.damage.name in names else copy for copy in copies], seen

    return stress


# ---- maps ----


def test_one_map_is_shown_and_tested_by_default(open_page):
    shown = open_page("warm")
    assert [viewer["status"] for viewer in viewers(shown)] == ["Overall attention: what each patch receives"]
    assert len(badges(shown)) == 1


def test_several_maps_stand_in_linked_viewers_each_with_its_test(open_page):
    shown = choose(open_page("warm"), OCCLUSION, TOKENS, ROLLOUT, CAM)
    found = viewers(shown)
    assert [viewer["status"] for viewer in found] == [
        "Overall attention: what each patch receives", "What each patch adds to the logit", "Where features speak for AI-generated",
        "How far the logit falls without each patch",
    ]  # fmt: skip
    assert [viewer["signed"] for viewer in found] == [False, True, False, True]
    assert [bool(viewer["attention"]) for viewer in found] == [True, False, False, False]
    assert len({viewer["group"] for viewer in found}) == 1 and found[0]["group"]
    assert len(badges(shown)) == 4
    assert "that is the logit" in shown.words


def test_the_choice_stays_with_the_next_picture(open_page, png):
    shown = choose(open_page("warm"), ROLLOUT, CAM)
    shown.upload(("cool.png", png("cool")))
    assert shown.part("name") == "cool.png"
    assert [viewer["status"] for viewer in viewers(shown)][1] == "Where features speak for real"


def test_the_url_brings_the_choice_back(open_page, png):
    page = open_page()
    page.app.query_params["maps"] = [METHODS[TOKENS].title, METHODS[OCCLUSION].title]
    page.run().upload(("warm.png", png("warm")))
    assert [viewer["signed"] for viewer in viewers(page)] == [True, True]


def test_an_emptied_choice_is_the_default_again(open_page, monkeypatch, caplog):
    monkeypatch.setattr("streamlit.elements.lib.policies._shown_default_value_warning", False)  # said once per process
    shown = choose(choose(open_page("warm"), CAM))
    assert shown.app.button_group(key="maps").value == [ROLLOUT]
    assert viewers(shown)[0]["attention"]
    assert "created with a default value" not in caplog.text


def test_the_method_that_the_card_found_most_faithful_comes_first(spoilable_bundle, monkeypatch, png):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(spoilable_bundle.parent))
    card = json.loads((spoilable_bundle / CARD).read_text())
    score = {"deletion_gain": 0.1, "insertion_gain": 0.1, "win_rate_over_random": 0.9, "ms_per_map": 1}
    score |= {f"{name}_interval": [0, 1] for name in ("deletion_gain", "insertion_gain", "win_rate_over_random")}
    card["explanations"] = {
        "default": TOKENS, "images": 200, "measured_on": "validation images", "weights_sha256": card["weights_sha256"],
        "methods": dict.fromkeys(METHODS, score),
    }  # fmt: skip
    (spoilable_bundle / CARD).write_text(json.dumps(card))
    shown = Page().upload(("warm.png", png("warm")))
    assert [viewer["status"] for viewer in viewers(shown)] == ["What each patch adds to the logit"]


def test_a_method_that_cannot_serve_the_network_says_so_beside_the_others(open_page, monkeypatch):
    monkeypatch.setitem(METHODS, CAM, replace(METHODS[CAM], available=lambda architecture: "Not for this network."))
    shown = choose(open_page("warm"), ROLLOUT, CAM)
    assert len(viewers(shown)) == len(badges(shown)) == 1
    assert "Not for this network." in shown.words


# ---- their tests ----


def test_the_test_of_the_maps_can_be_switched_off(open_page):
    shown = open_page("warm")
    shown.app.toggle(key="tested").set_value(False)
    assert badges(shown.run()) == []


def test_the_drops_are_told_for_three_shares(open_page):
    words = open_page("warm").words
    assert "Confidence in “AI-generated”" in words
    assert all(share in words for share in ("| 10% (2) |", "| 20% (3) |", "| 50% (8) |"))


def test_shuffling_the_head_is_done_on_request(open_page):
    shown = open_page("warm")
    assert "depends on what the head learnt" not in shown.words and "hardly changes" not in shown.words
    shown.click(f"shuffle-{ROLLOUT}")
    assert "rank correlation" in shown.words
    assert "rank correlation" in shown.run().words


def test_nothing_is_computed_twice(open_page, monkeypatch):
    shown = choose(open_page("warm", "cool"), ROLLOUT, OCCLUSION)
    monkeypatch.setattr(working, "done", lambda *_: pytest.fail("computed again"))
    assert len(badges(shown.run())) == 2
    assert len(badges(choose(shown, OCCLUSION))) == 1


# ---- the stress strip ----


def test_the_strip_shows_the_picture_and_ten_copies(open_page):
    shown = open_page("warm")
    assert shown.html.count('role="listitem"') == shown.html.count("data:image/jpeg;base64,") == 11
    assert all(title in shown.html for title in ("As it is", "JPEG 30", "25% size", "Screenshot", "Slight blur", "Middle 80%", "attention moved "))
    assert "Ordinary damage does not change this: 5 of 5 damaged copies get the same verdict." in shown.words


def test_the_copies_can_be_shown_with_their_heatmaps(open_page):
    shown = open_page("warm")
    plain = shown.html
    shown.app.toggle(key="damage_heated").set_value(True)
    assert shown.run().html != plain


def test_ordinary_damage_that_turns_the_verdict_around_makes_it_unsure_and_says_why(open_page, monkeypatch):
    monkeypatch.setattr(damage, "stress", flipped("jpeg-70", "size-50", "jpeg-30"))
    shown = open_page("warm", "cool")
    assert shown.part("verdict") == "Unsure"
    assert shown.part("probability").startswith("P(AI-generated) = 9")
    assert "the model says AI-generated, but after ordinary damage (JPEG 70 or 50% size) it says real" in shown.words
    assert shown.html.count("⚠") == 2


def test_the_table_and_the_tally_agree_with_the_verdict_above(open_page, monkeypatch):
    monkeypatch.setattr(damage, "stress", flipped("jpeg-70"))
    shown = open_page("warm", "cool")  # both were opened when they came
    assert set(shown.table["Verdict"]) == {"Unsure"}
    assert "**2 pictures:** 2 unsure" in shown.words


def test_hard_damage_overrules_nothing(open_page, monkeypatch):
    monkeypatch.setattr(damage, "stress", flipped("jpeg-30", "crop", "blur"))
    shown = open_page("warm")
    assert shown.part("verdict") == "AI-generated"
    assert "5 of 5" in shown.words


def test_downloads_keep_the_models_verdict_and_tell_the_one_after_damage(classifier, png, monkeypatch):
    picture = Picture.of("warm.png", png("warm"))
    result = next(classifier.analyse_files([picture.content]))
    copies, _ = flipped("jpeg-70")(classifier, picture.content, result.analysis)
    tested, untested = results.records([results.Checked(picture, result, "", copies), results.Checked(picture, result, "")], classifier.bundle)
    assert [tested[name] for name in ("verdict", "verdict_after_damage", "turned_by")] == ["ai", "unsure", ["jpeg-70"]]
    assert [untested[name] for name in ("verdict", "verdict_after_damage", "turned_by")] == ["ai", None, None]


# ---- what is remembered, and letting go ----


def test_what_was_found_out_is_forgotten_with_the_picture(open_page, png):
    shown = open_page("warm", "cool")
    assert len(shown.app.session_state.explained) == 2
    shown.replace_uploads(("cool.png", png("cool")))
    assert len(shown.app.session_state.explained) == 1


def test_no_more_than_some_pictures_are_remembered(tiny_bundle, monkeypatch):
    monkeypatch.setattr(found.st, "session_state", {})
    pictures = [Picture.of(f"{number}.png", b"") for number in range(found.MOST + 3)]
    monkeypatch.setattr(found.gallery, "album", lambda: SimpleNamespace(pictures={picture.id: picture for picture in pictures}))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    bundle = models.bundle("tiny")
    first = found.about(pictures[0], bundle)
    for picture in pictures[1 : found.MOST]:
        found.about(picture, bundle)
    assert found.about(pictures[0], bundle) is first  # and is the one used last again
    for picture in pictures[found.MOST :]:
        found.about(picture, bundle)
    assert len(found._kept()) == found.MOST
    assert found.about(pictures[0], bundle) is first


class Left(BaseException):
    """What Streamlit raises in a script whose user has moved on."""


class Place:
    """An empty place on a page whose user moves on when the first progress is shown."""

    def empty(self):
        pass

    def progress(self, *_):
        raise Left


def test_work_stops_before_its_next_batch_when_the_user_moves_on():
    ended = threading.Event()

    def work(progress, cancelled):
        progress(1, 1000)
        while not cancelled():
            ended.wait(0.01)
        ended.set()
        raise Cancelled

    with pytest.raises(Left):
        working.done(work, [Place()], "Working")
    assert ended.wait(30)


def test_a_faithfulness_test_that_is_left_lets_the_network_go(classifier, photo):
    maps = [classifier.explain(photo("warm"), ROLLOUT)]
    far, ended = [], threading.Event()

    def work(progress, cancelled):
        def slowly(done, total):
            far[:] = done, total
            threading.Event().wait(0.3)  # a slow network

        try:
            return classifier.faithfulness(photo("warm"), maps, progress=slowly, cancelled=cancelled)
        finally:
            ended.set()

    with pytest.raises(Left):
        working.done(work, [Place()], "Working")
    assert ended.wait(30)
    assert 0 < far[0] < far[1]
    assert classifier.analyse(photo("cool")).verdict == "real"  # others get their turn


def test_progress_is_shown_over_a_second_and_the_result_comes_back():
    shown = []
    place = SimpleNamespace(empty=lambda: None, progress=lambda share, words: shown.append((share, words)))

    def work(progress, cancelled):
        progress(1, 4)
        threading.Event().wait(1)
        return "done"

    assert working.done(work, [place], "Working") == "done"
    assert (0.25, "Working") in shown
