"""Maps, their tests and the stress strip on the Classify page, run by Streamlit's AppTest with a tiny
model."""

import json
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from detector.bundle import CARD
from detector.explain import METHODS, Cancelled
from pages.classify import (
    background_task,
    classify_state,
    copies_tester,
    downloads,
    perturbation_strip,
)
from pages.classify.classify_state import MAX_EXPLAINED, ClassifyState, PictureResult
from tests.pages.test_classify_page import Page
from ui.pictures import Picture

ROLLOUT, TOKENS, CAM, OCCLUSION = METHODS
BADGE = "than random on this image"


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
    protos = page.viewers
    return [json.loads(proto.mixed.json if proto.HasField("mixed") else proto.json) for proto in protos]


def badges(page: Page) -> list[str]:
    return [line for line in page.words.splitlines() if BADGE in line]


def flipped(*names: str):
    """A ``stress`` that finds the real copies, and those named scored the other way round."""
    real = perturbation_strip.judge_perturbed_copies

    def stress(classifier, source, analysis):
        copies, seen = real(classifier, source, analysis)
        return [
            replace(copy, y_score=1 - analysis.y_score) if copy.perturbation.name in names else copy
            for copy in copies
        ], seen

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
        "Overall attention: what each patch receives",
        "What each patch adds to the logit",
        "Where features speak for AI-generated",
        "How far the logit falls without each patch",
    ]
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
    monkeypatch.setattr(
        "streamlit.elements.lib.policies._shown_default_value_warning", False
    )  # said once per process
    shown = choose(choose(open_page("warm"), CAM))
    assert shown.app.button_group(key="maps").value == [ROLLOUT]
    assert viewers(shown)[0]["attention"]
    assert "created with a default value" not in caplog.text


def test_the_method_that_the_card_found_most_faithful_comes_first(spoilable_bundle, monkeypatch, png):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(spoilable_bundle.parent))
    card = json.loads((spoilable_bundle / CARD).read_text())
    score = {"deletion_gain": 0.1, "insertion_gain": 0.1, "win_rate_over_random": 0.9, "ms_per_map": 1}
    score |= {
        f"{name}_interval": [0, 1] for name in ("deletion_gain", "insertion_gain", "win_rate_over_random")
    }
    card["explanations"] = {
        "default": TOKENS,
        "images": 200,
        "measured_on": "validation images",
        "weights_sha256": card["weights_sha256"],
        "methods": dict.fromkeys(METHODS, score),
    }
    (spoilable_bundle / CARD).write_text(json.dumps(card))
    shown = Page().upload(("warm.png", png("warm")))
    assert [viewer["status"] for viewer in viewers(shown)] == ["What each patch adds to the logit"]


def test_a_method_that_cannot_serve_the_network_says_so_beside_the_others(open_page, monkeypatch):
    monkeypatch.setitem(
        METHODS, CAM, replace(METHODS[CAM], available=lambda architecture: "Not for this network.")
    )
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
    monkeypatch.setattr(background_task, "wait_for", lambda *_: pytest.fail("computed again"))
    assert len(badges(shown.run())) == 2
    assert len(badges(choose(shown, OCCLUSION))) == 1


# ---- the stress strip ----


def test_the_strip_shows_the_picture_and_ten_copies(open_page):
    shown = open_page("warm")
    for strip in (shown.damage(), shown.damage("damage-small")):
        assert strip.count('role="listitem"') == strip.count("data:image/jpeg;base64,") == 11
    assert all(
        title in shown.html
        for title in (
            "As it is",
            "JPEG 30",
            "25% size",
            "Screenshot",
            "Slight blur",
            "Middle 80%",
            "attention moved ",
        )
    )
    assert "Stable, which is not the same as right: 5 of 5 copies with ordinary damage" in shown.words


def test_the_copies_can_be_shown_with_their_heatmaps(open_page):
    shown = open_page("warm")
    plain = shown.html
    shown.app.toggle(key="damage_heated").set_value(True)
    assert shown.run().html != plain


def test_ordinary_damage_that_turns_the_verdict_around_makes_it_unsure_and_says_why(open_page, monkeypatch):
    monkeypatch.setattr(
        perturbation_strip, "judge_perturbed_copies", flipped("jpeg-70", "size-50", "jpeg-30")
    )
    shown = open_page("warm", "cool")
    assert shown.part("verdict") == "Unsure"
    assert shown.part("probability").startswith("P(AI-generated) = 9")
    assert (
        "the model says AI-generated, but after ordinary damage (JPEG 70 or 50% size) it says real"
        in shown.words
    )
    assert shown.damage().count("⚠") == shown.damage("damage-small").count("⚠") == 2


def test_the_list_and_the_tally_agree_with_the_verdict_above(open_page, monkeypatch):
    monkeypatch.setattr(perturbation_strip, "judge_perturbed_copies", flipped("jpeg-70"))
    shown = open_page("warm", "cool")  # both were opened when they came
    assert {tile["title"] for tile in shown.tiles} == {"Unsure"}
    assert "**2 pictures:** 2 unsure" in shown.words


def test_a_picture_that_was_never_opened_gets_the_verdict_it_would_get_opened(open_page, png, monkeypatch):
    for module in (perturbation_strip, copies_tester):
        monkeypatch.setattr(module, "judge_perturbed_copies", flipped("jpeg-70"))
    shown = open_page()
    shown.upload(("warm.png", png("warm")), ("cool.png", png("cool")))
    end = time.monotonic() + 60
    while shown.state.tester.count < 1 and time.monotonic() < end:
        threading.Event().wait(0.05)
    shown.run()
    assert shown.part("name") == "warm.png"
    assert "**2 pictures:** 2 unsure" in shown.words and "not yet tested" not in shown.words


def test_testing_is_stopped_on_request_and_says_what_was_not_tested(open_page, png):
    shown = open_page()
    shown.app.session_state[classify_state.KEY] = ClassifyState(testing_stopped=True)
    shown.upload(("warm.png", png("warm")), ("cool.png", png("cool")))
    assert "1 not yet tested" in shown.words
    assert shown.button("Go on testing") and not shown.state.tester.busy


def test_hard_damage_overrules_nothing(open_page, monkeypatch):
    monkeypatch.setattr(perturbation_strip, "judge_perturbed_copies", flipped("jpeg-30", "crop", "blur"))
    shown = open_page("warm")
    assert shown.part("verdict") == "AI-generated"
    assert "5 of 5" in shown.words


def test_downloads_keep_the_models_verdict_and_tell_the_one_after_damage(classifier, png, monkeypatch):
    picture = Picture.of("warm.png", png("warm"))
    result = next(classifier.analyse_files([picture.content]))
    copies, _ = flipped("jpeg-70")(classifier, picture.content, result.analysis)
    tested, untested = downloads.records(
        [
            PictureResult(picture, result, perturbed=copies),
            PictureResult(picture, result),
        ],
        classifier.bundle,
        remarks={},
    )
    assert [tested[name] for name in ("verdict", "final_verdict", "turned_by")] == [
        "ai",
        "unsure",
        ["jpeg-70"],
    ]
    assert [untested[name] for name in ("verdict", "final_verdict", "turned_by")] == ["ai", None, None]


# ---- what is remembered, and letting go ----


def test_what_was_found_out_is_forgotten_with_the_picture(open_page, png):
    shown = open_page("warm", "cool")
    assert len(shown.state.explanations) == 2
    shown.replace_uploads(("cool.png", png("cool")))
    assert len(shown.state.explanations) == 1


def test_no_more_than_some_pictures_are_remembered():
    state = ClassifyState()
    pictures = [Picture.of(f"{number}.png", b"") for number in range(MAX_EXPLAINED + 3)]
    first = state.explanations_of(pictures[0], "v")
    for picture in pictures[1:MAX_EXPLAINED]:
        state.explanations_of(picture, "v")
    assert state.explanations_of(pictures[0], "v") is first  # and is the one used last again
    for picture in pictures[MAX_EXPLAINED:]:
        state.explanations_of(picture, "v")
    assert len(state.explanations) == MAX_EXPLAINED
    assert state.explanations_of(pictures[0], "v") is first


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
        background_task.wait_for(work, [Place()], "Working")
    assert ended.wait(30)


@pytest.fixture
def drawn_again(monkeypatch):
    """A page is drawn again by ``Left``."""

    def left():
        raise Left

    monkeypatch.setattr(background_task.st, "rerun", left)


def test_the_page_is_drawn_again_for_news_and_goes_on_with_the_work(drawn_again):
    finish, begun = threading.Event(), []
    place = SimpleNamespace(empty=lambda: None, progress=lambda *_: None)

    def work(progress, cancelled):
        begun.append(cancelled)
        assert finish.wait(60)
        return "done"

    with pytest.raises(Left):
        background_task.wait_for(work, [place], "Working", "a map", news=lambda: True)
    assert not begun[0]()
    finish.set()
    assert background_task.wait_for(work, [place], "Working", "a map") == "done"
    assert len(begun) == 1


def test_work_that_the_page_does_not_go_on_with_is_cancelled(drawn_again):
    begun = []
    place = SimpleNamespace(empty=lambda: None, progress=lambda *_: None)

    def endless(progress, cancelled):
        begun.append(cancelled)
        while not cancelled():
            threading.Event().wait(0.01)
        raise Cancelled

    with pytest.raises(Left):
        background_task.wait_for(endless, [place], "Working", "a map", news=lambda: True)
    assert background_task.wait_for(lambda *_: "done", [place], "Working", "another") == "done"
    assert begun[0]()


def test_work_that_was_given_up_meanwhile_is_begun_anew(drawn_again, monkeypatch):
    place = SimpleNamespace(empty=lambda: None, progress=lambda *_: None)
    given_up = threading.Event()

    def endless(progress, cancelled):
        while not cancelled():
            threading.Event().wait(0.01)
        given_up.set()
        raise Cancelled

    with pytest.raises(Left):
        background_task.wait_for(endless, [place], "Working", "a map", news=lambda: True)
    monkeypatch.setattr(background_task, "LEASE", -1.0)
    assert given_up.wait(60)
    assert background_task.wait_for(lambda *_: "done", [place], "Working", "a map") == "done"


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
        background_task.wait_for(work, [Place()], "Working")
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

    assert background_task.wait_for(work, [place], "Working") == "done"
    assert (0.25, "Working") in shown
