"""What comes into Classify and leaves it beside verdicts, by AppTest with a tiny model: files that are no
pictures, cases, samples. What needs a browser is in tests/browser/test_takeaway.py."""

from __future__ import annotations

import io
from base64 import b64encode

import pytest
from PIL import Image

from detector import kept_cases, web_pictures
from detector.case_files import case_bytes
from detector.cases import Case, CasePicture, Remarks
from detector.images import reading
from detector.verdicts import Side, Verdict
from detector.web_pictures import WebPicture, WebPictureError
from pages.classify import opened_case, sample_notice
from tests.pages.test_classify_page import ROOT, Page, page, png  # noqa: F401 (fixtures)
from ui import known_samples
from ui.paste_pictures import MAX_BYTES, decoded

MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder in which the app keeps cases."""
    monkeypatch.setenv(kept_cases.VARIABLE, str(tmp_path / "state"))
    return tmp_path / "state" / "cases"


def warnings(page) -> str:  # noqa: F811
    return "\n".join(element.value for element in page.app.warning)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("clip.mp4", MP4, "This is a video: save one frame"),
        ("paper.pdf", b"%PDF-1.7 ...", "This is a PDF document"),
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is an SVG drawing"),
        ("shot.nef", b"some raw data", "raw data of a camera"),
    ],
)
def test_what_is_no_picture_gets_a_sentence_that_says_what_to_do(page, name, content, sentence):  # noqa: F811
    page.upload((name, content))
    assert name.replace(".", "\\.") in warnings(page) and sentence in warnings(page).replace("\\", "")


@pytest.mark.parametrize("suffix", ["heic", "jxl"])
def test_heic_and_jpeg_xl_come_in_through_the_uploader(page, photo, suffix):  # noqa: F811
    from detector import images  # registers the readers, and with them the writers

    assert f".{suffix}" in images.IMAGE_SUFFIXES
    buffer = io.BytesIO()
    picture = Image.fromarray(photo("warm", 240, 320))
    picture.save(buffer, {"heic": "HEIF", "jxl": "JXL"}[suffix], quality=95)
    page.upload((f"phone.{suffix}", buffer.getvalue()))
    assert page.part("verdict") == "AI-generated"


def test_a_case_opens_through_the_uploader_with_its_labels_and_notes(page, png):  # noqa: F811
    saved = CasePicture(name="w.png", content=png("warm"), label=Side.REAL, note="seen before", marked=True)
    page.upload(("case.zip", case_bytes(Case((saved,)))))
    assert page.part("name") == "w.png" and not warnings(page)
    (remarks,) = page.session.album.remarks.values()
    assert (remarks.label, remarks.note, remarks.marked) == (Side.REAL, "seen before", True)


def test_a_damaged_case_is_refused_in_a_sentence_and_what_is_here_stays(page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    page.upload(("case.zip", case_bytes(Case())[:-10]))
    assert "damaged" in page.app.error[0].value
    assert page.part("name") == "w.png"


def test_why_a_case_was_refused_is_said_until_something_else_comes_in(page, png):  # noqa: F811
    page.upload(("case.zip", case_bytes(Case())[:-10]))
    page.run()
    assert "damaged" in page.app.error[0].value
    page.upload(("w.png", png("warm")))
    assert not page.app.error


def test_an_opened_case_leaves_the_users_own_remarks_and_shows_its_first_picture(page, png):  # noqa: F811
    page.upload(("w.png", png("warm")), ("c.png", png("cool")))
    ours = Remarks(label=Side.AI, note="mine")
    page.session.album.remarks[page.session.opened] = ours
    theirs = [
        CasePicture(name=f"{name[0]}.png", content=png(name), note="theirs") for name in ("cool", "warm")
    ]
    page.upload(("case.zip", case_bytes(Case(tuple(theirs)))))
    by_name = {picture.name: picture.id for picture in page.session.album.pictures.values()}
    assert page.session.album.remarks[by_name["w.png"]] == ours
    assert page.session.album.remarks[by_name["c.png"]].note == "theirs"
    assert page.part("name") == "c.png"
    assert "On 1 of them your own remarks stay" in page.app.toast[0].value


def test_files_that_cannot_be_read_are_removed_together(page, png):  # noqa: F811
    page.upload(("w.png", png("warm")), ("a.txt", b"a"), ("b.txt", b"b"))
    assert page.button("Remove these 2 files")
    page.click("remove_unreadable")
    assert not warnings(page) and [each.name for each in page.session.album.pictures.values()] == ["w.png"]


def test_a_verdict_that_has_changed_since_the_case_was_saved_is_named(page, png):  # noqa: F811
    saved = CasePicture(name="w.png", content=png("warm"), record={"verdict": "real", "y_score": 0.1})
    page.upload(("case.zip", case_bytes(Case((saved,)))))
    assert any("another one than when the case was saved" in each.value for each in page.app.caption)


def wait_until_kept(page) -> str:  # noqa: F811
    """The key under which the page's case is kept by now."""
    ours = page.app.session_state["classify-case"]
    ours.keeper.wait()
    return ours.key


def test_a_reload_finds_pictures_and_remarks_again(kept, page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    page.run()
    key = wait_until_kept(page)
    again = Page.__new__(Page)
    again.app = type(page.app).from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    again.app.query_params["case"] = key
    again.run()
    assert again.part("name") == "w.png" and again.part("verdict") == "AI-generated"


def test_an_address_whose_case_is_not_kept_any_more_says_so(kept, page):  # noqa: F811
    page.app.query_params["case"] = kept_cases.new_key()
    page.run()
    assert "not kept here" in page.app.error[0].value


def test_the_address_names_the_case_again_after_another_page(kept, page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    page.run()
    key = wait_until_kept(page)
    del page.app.query_params["case"]
    page.run()
    assert page.app.query_params["case"] == key


def test_a_case_that_was_deleted_elsewhere_is_not_kept_again(kept, page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    page.run()
    kept_cases.forget(wait_until_kept(page))
    page.run()
    assert not list(kept.iterdir()) and page.button("Keep it again")


def test_a_file_too_large_for_a_case_is_left_out_and_named(kept, page, png, monkeypatch):  # noqa: F811
    photo = png("warm")
    monkeypatch.setattr(opened_case, "MAX_FILE_BYTES", len(photo))
    page.upload(("w.png", photo), ("huge.tif", bytes(len(photo) + 1)))
    page.run()
    key = wait_until_kept(page)
    assert [picture.name for picture in kept_cases.read(key).pictures] == ["w.png"]
    assert any("Left out, as too large for a case: huge" in each.value for each in page.app.caption)


def test_what_is_kept_can_be_deleted(kept, page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    page.run()
    key = wait_until_kept(page)
    assert any(str(kept / key) in each.value.replace("\\", "") for each in page.app.caption)
    page.click("forget_case")
    assert not list(kept.iterdir()) and "case" not in page.app.query_params


def test_clearing_everything_leaves_nothing_on_the_disk(kept, page, png):  # noqa: F811
    page.upload(("w.png", png("warm")))
    page.run()
    wait_until_kept(page)
    page.click("clear")
    assert not list(kept.iterdir())


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(tmp_path, page, png, monkeypatch):  # noqa: F811
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(kept_cases.VARIABLE, str(tmp_path / "file"))
    page.upload(("w.png", png("warm")))
    wait_until_kept(page)
    page.run()
    assert any("would start anew" in each.value for each in page.app.caption)
    assert page.part("verdict") == "AI-generated"


def test_an_address_is_asked_for_only_where_that_is_switched_on(page, monkeypatch):  # noqa: F811
    labels = [toggle.label for toggle in page.app.toggle]
    assert "Folder" in labels and "Web address" not in labels
    monkeypatch.setenv(web_pictures.SWITCH, "1")
    page.run()
    assert "Web address" in [toggle.label for toggle in page.app.toggle]


def test_a_picture_is_fetched_or_the_reason_is_said(page, png, monkeypatch):  # noqa: F811
    def fetch(url):
        if url.endswith("private"):
            raise WebPictureError("10.0.0.1 is no public host.")
        return WebPicture("sunset.png", url, png("warm"))

    monkeypatch.setenv(web_pictures.SWITCH, "1")
    monkeypatch.setattr(web_pictures, "fetch_picture", fetch)
    page.run()
    page.app.toggle(key="address-wanted").set_value(True)
    page.run()
    for address in ("http://10.0.0.1/private", "https://example.com/sunset.png"):
        page.app.text_input[0].set_value(address)
        page.button("Fetch").click()
        page.run()
        said = "".join(each.value for each in page.app.error)
        assert ("no public host" in said.replace("\\", "")) == address.endswith("private")
    assert page.part("name") == "sunset.png"


# ---- the clipboard


def test_pasted_files_are_decoded_and_all_else_is_left_out():
    sent = [b64encode(b"one").decode(), "no base64!", 7, None, "", b64encode(b"two").decode()]
    assert decoded(sent) == [b"one", b"two"]
    assert decoded("text") == decoded(None) == decoded({"a": 1}) == []


def test_what_is_pasted_beyond_the_bound_is_left_out():
    assert decoded([b64encode(b"x" * (MAX_BYTES + 3)).decode()]) == []


# ---- samples


def test_every_sample_says_what_it_is_and_whether_the_model_is_right(page):  # noqa: F811
    sample = next(sample for sample in known_samples.SAMPLES if sample.truth is Side.AI)
    page.click(f"sample-{sample.name}")
    said = "\n".join(each.value for each in page.app.info)
    assert "A sample: it is AI-generated." in said and "diffusion model" in said


@pytest.mark.parametrize(
    ("verdict", "words"),
    [(Verdict.AI, "is right"), (Verdict.REAL, "is wrong"), (Verdict.UNSURE, "does not commit itself")],
)
def test_a_sample_tells_a_right_verdict_from_a_wrong_one(verdict, words):
    sample = next(sample for sample in known_samples.SAMPLES if sample.truth is Side.AI)
    assert words in sample_notice.outcome(sample, verdict)


def test_a_labelled_case_is_a_test_set_on_evaluate(tiny_bundle, monkeypatch):
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    pictures = []
    for number in range(8):
        label, score = (Side.AI, 0.9) if number % 2 else (Side.REAL, 0.2)
        record = {"y_score": score, "bundle": "tiny"}
        name = f"{number}.png"
        pictures.append(CasePicture(name=name, content=name.encode(), label=label, record=record))
    evaluate = AppTest.from_file(str(ROOT / "pages/evaluate/page.py"), default_timeout=120).run()
    case = case_bytes(Case(tuple(pictures)))
    evaluate.file_uploader(key="predictions_file").upload("mine.zip", case, "application/zip").run()
    assert not evaluate.exception and not evaluate.error
    assert evaluate.multiselect[0].value[0] == "mine.zip"


def test_a_picture_too_large_to_be_shown_in_full_is_shown_with_less_detail(page, photo, monkeypatch):  # noqa: F811
    buffer = io.BytesIO()
    Image.fromarray(photo("warm", 1600, 2400)).save(buffer, "JPEG", progressive=True)
    monkeypatch.setattr(reading, "MAX_MEMORY", 2 * len(buffer.getvalue()) + 30_000_000)
    page.upload(("large.jpg", buffer.getvalue()))
    assert page.part("verdict") == "AI-generated" and page.viewers
