"""Many pictures on the Classify page, run by Streamlit's AppTest with a tiny model: the list, what is checked
in the background, remarks, comparison. What the keyboard does is in tests/browser/test_picture_grid.py."""

import io
import json
import threading
from types import SimpleNamespace

import pytest
from PIL import Image
from streamlit.runtime.scriptrunner import RerunData, RerunException

from detector.cases import Remarks
from detector.classifier import FileResult
from detector.verdicts import Side
from pages.classify import (
    background_check,
    case_panel,
    checking,
    classify_state,
    copies_progress,
    downloads,
    perturbation_strip,
    picture_list,
    remarks,
    shown_picture,
)
from pages.classify.background_check import BATCH, BackgroundCheck
from pages.classify.classify_state import ClassifyState, PictureResult
from tests.pages.test_classify_page import NOT_A_PICTURE, Page
from ui import pictures
from ui.album import samples
from ui.pictures import Picture
from ui.session import Session


@pytest.fixture
def encode(photo):
    """``encode(kind, format="PNG", **how) -> bytes``"""

    def go(kind: str, format: str = "PNG", **how) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(photo(kind, 240, 320)).save(buffer, format, **how)
        return buffer.getvalue()

    return go


@pytest.fixture
def page(tiny_bundle, monkeypatch) -> Page:
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    return Page()


@pytest.fixture
def three(page, encode) -> Page:
    """The page with w.png, open, c.png and m.png."""
    return page.upload(("w.png", encode("warm")), ("c.png", encode("cool")), ("m.png", encode("mixed")))


def id_of(page: Page, name: str) -> str:
    return next(tile["id"] for tile in page.tiles if tile["name"] == name)


def tile_of(page: Page, name: str) -> dict:
    return next(tile for tile in page.tiles if tile["name"] == name)


# ---- in the background ----


def test_the_open_picture_has_its_verdict_while_the_others_wait(page, encode, monkeypatch):
    go_on = threading.Event()
    judged = background_check.judged

    def held_up(classifier, batch):
        go_on.wait(60)
        yield from judged(classifier, batch)

    monkeypatch.setattr(background_check, "judged", held_up)
    uploader = page.app.file_uploader[0]
    for number in range(20):
        uploader.upload(f"{number:02}.png", encode("warm"))
    page.app.run()
    assert page.part("verdict") == "AI-generated"
    assert [tile["title"] for tile in page.tiles] == ["AI-generated"] + 19 * ["Checking…"]
    go_on.set()
    page.run()
    assert {tile["title"] for tile in page.tiles} == {"AI-generated"}


def test_a_check_that_nobody_asks_for_any_more_ends_before_its_next_batch(classifier, encode, monkeypatch):
    monkeypatch.setattr(background_check, "ABANDONED", -1.0)
    kept = []
    pictures = [Picture.of(f"{number}.png", encode("cool")) for number in range(BATCH + 1)]
    check = BackgroundCheck(classifier, "any", pictures, kept.append)
    check.wait(60)
    assert not check.running
    assert kept == []


def test_what_breaks_the_network_is_raised_on_the_page_and_tried_again_in_the_next_run(
    page, encode, monkeypatch
):
    with monkeypatch.context() as broken:
        broken.setattr(background_check, "judged", lambda classifier, batch: 1 / 0)
        page.upload(("w.png", encode("warm")))  # alone, it is judged by the page itself
        uploader = page.app.file_uploader[0]
        uploader._files = uploader._get_files_to_register()
        uploader.upload("c.png", encode("cool"))
        uploader.upload("m.png", encode("mixed"))
        page.app.run()
        if page.state.check:  # it broke only after the page was drawn, and is told in the next run
            page.state.check.wait(60)
            page.app.run()
        assert page.app.exception
    page.run()
    assert len(page.tiles) == 3


def test_a_list_of_an_earlier_run_forgets_no_picture_that_came_since(monkeypatch):
    ours, model = ClassifyState(), SimpleNamespace(bundle=None, version="v")
    first, second = Picture.of("a.png", b"a"), Picture.of("b.png", b"b")
    for picture in (first, second):
        ours.results[picture.id, "v"] = PictureResult(picture, FileResult("", error="broken"))
    monkeypatch.setattr(checking, "state", lambda: ours)
    assert [each.picture for each in checking.known([first], model)] == [first]  # a fragment, drawn before
    assert checking.unchecked([first, second], model) == []
    checking.let_go([first])
    assert checking.unchecked([first, second], model) == [second]


def test_a_result_that_gets_lost_while_the_page_is_drawn_is_found_again(three, monkeypatch):
    show, lost = picture_list.show, [(id_of(three, "m.png"), next(iter(three.state.results))[1])]

    def losing(*arguments, **options):
        while lost:
            del three.state.results[lost.pop()]
        return show(*arguments, **options)

    monkeypatch.setattr(picture_list, "show", losing)
    three.run()
    assert not lost
    assert "Checking…" not in {tile["title"] for tile in three.tiles}


def test_the_list_follows_the_check_while_the_page_waits_for_the_open_picture(page, encode, monkeypatch):
    """The rest is judged once the damaged copies are on their way, these once the list shows it."""
    work_begun, all_listed, begun = threading.Event(), threading.Event(), []
    judged, grid, judge = background_check.judged, picture_list.picture_grid, perturbation_strip._judge

    def held_up(classifier, batch):
        if threading.current_thread().name == "check":
            assert work_begun.wait(60)
        yield from judged(classifier, batch)

    def drawn(tiles, *arguments, **options):
        if len(tiles) == 3 and all(tile.verdict for tile in tiles):
            all_listed.set()
        return grid(tiles, *arguments, **options)

    def slow(classifier, picture, analysis, progress, cancelled):
        begun.append(picture.name)
        work_begun.set()
        assert all_listed.wait(60), "the list stayed as it was"
        assert not cancelled()
        return judge(classifier, picture, analysis, progress, cancelled)

    monkeypatch.setattr(background_check, "judged", held_up)
    monkeypatch.setattr(picture_list, "picture_grid", drawn)
    monkeypatch.setattr(perturbation_strip, "_judge", slow)
    page.upload(("w.png", encode("warm")), ("c.png", encode("cool")), ("m.png", encode("mixed")))
    assert begun == ["w.png"]  # what was under way was gone on with


def test_pictures_that_cannot_be_read_are_not_listed(page, encode):
    page.upload(("x.png", NOT_A_PICTURE), ("w.png", encode("warm")), ("c.png", encode("cool")))
    assert page.names == ["w.png", "c.png"]
    assert page.part("name") == "w.png"


def test_files_of_which_none_can_be_read_leave_a_page_at_rest(page):
    page.upload(("x.png", NOT_A_PICTURE)).upload(("y.png", NOT_A_PICTURE + b"!"))
    assert page.tiles == []
    assert len(page.app.warning) == 2


# ---- the photo ----


def test_the_photo_of_an_upload_is_made_once_whoever_comes_first(page, encode, monkeypatch):
    made, jpeg = [], shown_picture._jpeg

    def counted(picture):
        made.append(picture.name)
        return jpeg(picture)

    monkeypatch.setattr(shown_picture, "_jpeg", counted)
    page.upload(("new.png", encode("warm", compress_level=3)))
    assert made == ["new.png"]


def test_a_photo_is_prepared_before_the_page_asks_for_it(encode):
    picture = Picture.of("prepared.png", encode("cool", compress_level=4))
    shown_picture.prepare(picture)
    for thread in threading.enumerate():
        if thread.name == "show":
            thread.join(60)
    assert pictures._encoded.peek((picture.id, "shown"))
    shown_picture._prepare(Picture.of("x.png", NOT_A_PICTURE))  # the page says what is wrong with it


# ---- what the list says ----


def test_near_duplicates_share_a_group_and_others_have_none(page):
    copy = io.BytesIO()
    with Image.open(samples()["temple"]) as temple:
        temple.resize((320, 213)).save(copy, "JPEG", quality=50)
    page.click("sample-temple").click("sample-flower").upload(("copy.jpg", copy.getvalue()))
    groups = {tile["name"]: (tile["group"], tile["copies"]) for tile in page.tiles}
    assert groups["flower.jpg"] == (0, 1)
    assert groups["temple.jpg"] == groups["copy.jpg"]
    assert groups["copy.jpg"][0] > 0 and groups["copy.jpg"][1] == 2


def test_what_the_file_says_and_that_it_contradicts_the_verdict_is_in_the_list(page, encode):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512")
    page.upload(("told.png", encode("cool", pnginfo=info)), ("silent.png", encode("cool")))
    told, silent = tile_of(page, "told.png"), tile_of(page, "silent.png")
    assert told["facts"] == "generator trace"
    assert told["contradiction"].endswith("The pixels say: real.")
    assert silent["facts"] == silent["contradiction"] == ""


# ---- remarks ----


def test_label_mark_and_note_are_kept_with_the_picture_and_listed(three):
    opened = id_of(three, "w.png")
    three.app.button_group(key=f"label-{opened}").set_value(Side.REAL)
    three.app.toggle(key=f"marked-{opened}").set_value(True)
    three.app.text_area(key=f"note-{opened}").set_value("From a colleague.")
    three.run()
    said = Remarks(label=Side.REAL, note="From a colleague.", marked=True)
    assert three.session.album.remarks == {opened: said}
    assert [tile_of(three, "w.png")[name] for name in ("label", "marked", "noted")] == ["real", True, True]


def test_remarks_outlive_clear_all_and_its_undo(three):
    opened = id_of(three, "w.png")
    three.app.toggle(key=f"marked-{opened}").set_value(True)
    three.run().click("clear").click("undo")
    assert tile_of(three, "w.png")["marked"]


def test_news_from_a_browser_may_name_pictures_and_labels_that_are_none(monkeypatch):
    shared, ours = Session(), ClassifyState()
    picture = Picture.of("a.png", b"x")
    shared.album.add(picture)
    shared.album.update()
    for module in (picture_list, remarks):
        monkeypatch.setattr(module, "session", lambda: shared)
    monkeypatch.setattr(picture_list, "state", lambda: ours)
    said = {"label": "ai", "marked": True}
    picture_list._annotate(3, {picture.id: said, "no picture": said})
    assert shared.album.remarks == {picture.id: Remarks(label=Side.AI, marked=True)}
    picture_list._annotate(4, {picture.id: {"label": "<b>", "marked": False}})
    assert shared.album.remarks == {}
    assert ours.heard == 4


def test_the_grid_is_not_told_that_a_label_was_heard_if_putting_it_on_record_was_interrupted(monkeypatch):
    """As Streamlit does where a callback asks for session state while another run is due."""
    ours = ClassifyState()

    def interrupted(picture_id, **values):
        raise RerunException(RerunData())

    monkeypatch.setattr(picture_list, "state", lambda: ours)
    monkeypatch.setattr(remarks, "change", interrupted)
    with pytest.raises(RerunException):
        picture_list._annotate(7, {"a": {"label": "ai", "marked": False}})
    assert ours.heard == 0


def test_what_is_labelled_in_the_grid_is_kept_though_the_page_is_not_drawn_again(monkeypatch):
    shared, ours, kept = Session(), ClassifyState(), []
    picture = Picture.of("a.png", b"x")
    shared.album.add(picture)
    shared.album.update()
    for module in (picture_list, remarks):
        monkeypatch.setattr(module, "session", lambda: shared)
    for module in (picture_list, checking, copies_progress):
        monkeypatch.setattr(module, "state", lambda: ours)
    monkeypatch.setattr(case_panel, "keep", lambda *_: kept.append(dict(shared.album.remarks)))
    model = SimpleNamespace(bundle=None, version="v")
    ours.results[picture.id, "v"] = PictureResult(picture, FileResult("", error="broken"))
    drawn = picture_list._Drawn(picture.id, checked=True, left=0, testing=False, tested=0)
    picture_list._list([picture], model, drawn)
    assert kept == []
    picture_list._annotate(1, {picture.id: {"label": "ai", "marked": False}})
    ours.outdated = False
    picture_list._list([picture], model, drawn)
    assert kept == [{picture.id: Remarks(label=Side.AI)}]


def test_a_download_holds_the_verdicts_of_the_moment_in_which_it_is_made(page, encode, monkeypatch):
    made, button = {}, downloads.st.download_button

    def recorded(label, data, *arguments, **options):
        made[label] = data
        return button(label, data, *arguments, **options)

    page.app.session_state[classify_state.KEY] = ClassifyState(testing_stopped=True)
    page.upload(("w.png", encode("warm")), ("c.png", encode("cool")))
    monkeypatch.setattr(downloads.st, "download_button", recorded)
    page.run()
    untested = id_of(page, "c.png")
    before = json.loads(made["Results (JSON)"]())[1]
    page.state.tester._judged[untested, next(iter(page.state.results))[1]] = []
    after = json.loads(made["Results (JSON)"]())[1]
    assert [before["final_verdict"], after["final_verdict"]] == [None, "real"]


def test_a_verdict_stays_final_when_the_strip_of_its_picture_was_let_go(three):
    opened, version = id_of(three, "w.png"), next(iter(three.state.results))[1]
    tested = three.state.results[opened, version].perturbed
    assert tested
    three.state.explanations.clear()
    three.state.tester.forget_all_but(set())
    (result,) = checking.known_to(
        three.state,
        [three.session.album.pictures[opened]],
        SimpleNamespace(bundle=SimpleNamespace(threshold=0.5), version=version),
    )
    assert result.perturbed is tested


# ---- side by side ----


def test_two_pictures_side_by_side_with_linked_maps(three):
    three.click("compare")
    assert three.app.selectbox(key="compare-with").value == id_of(three, "c.png")
    sent = [json.loads(proto.json) for proto in three.viewers if proto.HasField("json")]
    assert [each["group"] for each in sent[-2:]] == ["compared", "compared"]
    assert [each["alt"] for each in sent[-2:]] == ["w.png", "c.png"]
    assert "AI-generated</strong>" in three.html and "Real</strong>" in three.html
