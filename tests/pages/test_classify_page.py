"""The Classify page, run by Streamlit's AppTest with a tiny model. What needs a browser is in
tests/browser/test_classify.py."""

import hashlib
import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from detector import images
from detector.bundle import CARD, WEIGHTS
from pages.classify import classify_state
from pages.classify.classify_state import ClassifyState
from ui import encoding, models, session
from ui.session import Session

ROOT = Path(__file__).parents[2]
NOT_A_PICTURE = b"hello"


def count_reads(monkeypatch) -> list[int]:
    """From now on, the short side of every picture that is decoded, wherever that is done."""
    read_image, short_sides = images.read_image, []
    default = inspect.signature(read_image).parameters["short_side"].default

    def counted(source, short_side=default, *rest, **others):
        short_sides.append(short_side)
        return read_image(source, short_side, *rest, **others)

    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get("read_image") is read_image:
            monkeypatch.setattr(module, "read_image", counted)
    return short_sides


class Page:
    """The app in one browser tab, as its user works it."""

    def __init__(self):
        self.app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
        self.run()

    def run(self) -> "Page":
        """Until all pictures are checked and shown so, as a page that looks again and again would go on."""
        self.app.run()
        while not self.app.exception and self._is_checking:
            if self.state.check:
                self.state.check.wait(60)
            self.app.run()
        assert not self.app.exception
        return self

    @property
    def _is_checking(self) -> bool:
        if classify_state.KEY not in self.app.session_state:
            return False
        going_on = self.state.check is not None and self.state.check.running
        return going_on or any(tile["verdict"] is None for tile in self.tiles)

    def upload(self, *files: tuple[str, bytes]) -> "Page":
        uploader = self.app.file_uploader[0]
        uploader._files = (
            uploader._get_files_to_register()
        )  # else AppTest would drop what was uploaded before the last run
        for name, content in files:
            uploader.upload(name, content)
        return self.run()

    def replace_uploads(self, *files: tuple[str, bytes]) -> "Page":
        self.app.file_uploader[0].set_value([(name, content, "") for name, content in files])
        return self.run()

    def click(self, key: str) -> "Page":
        self.app.button(key=key).click()
        return self.run()

    def try_again(self) -> "Page":
        self.button("Try again").click()
        return self.run()

    def button(self, label: str):
        return next((button for button in self.app.button if button.label == label), None)

    @property
    def session(self) -> Session:
        return self.app.session_state[session.KEY]

    @property
    def state(self) -> ClassifyState:
        return self.app.session_state[classify_state.KEY]

    @property
    def html(self) -> str:
        return "".join(self.htmls)

    def part(self, name: str) -> str | None:
        """Text of the part of the verdict with this test id."""
        found = re.search(rf'data-testid="{name}">(?:<bdi>)?([^<]*)', self.html)
        return found and found[1]

    @property
    def words(self) -> str:
        return "\n".join(element.value for element in self.app.markdown)

    @property
    def viewers(self) -> list:
        """The heatmap viewers, from the top."""
        return self._components("telltale_heatmap_viewer")

    @property
    def tiles(self) -> list[dict]:
        """What the picture grid got of each picture; empty where there is no grid."""
        grids = self._components("telltale_picture_grid")
        return json.loads(grids[0].json)["pictures"] if grids else []

    @property
    def names(self) -> list[str]:
        return [tile["name"] for tile in self.tiles]

    def damage(self, name: str = "damage") -> str:
        """The HTML of the stress strip, or of the small one beside the verdict."""
        return next((each for each in self.htmls if f'data-testid="{name}"' in each), "")

    @property
    def htmls(self) -> list[str]:
        return [element.proto.body for element in self.app.get("html")]

    def _components(self, name: str) -> list:
        protos = [element.proto for element in self.app.get("bidi_component")]
        return [proto for proto in protos if proto.component_name == name]


@pytest.fixture
def png(photo):
    """``png(kind) -> bytes``: a small picture that the tiny model calls AI-generated ("warm"), real
    ("cool") or is unsure of ("mixed")."""

    def encode(kind: str) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(photo(kind, 240, 320)).save(buffer, "PNG")
        return buffer.getvalue()

    return encode


@pytest.fixture
def page(tiny_bundle, monkeypatch) -> Page:
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    return Page()


@pytest.fixture
def own_bundle(tiny_bundle, tmp_path, monkeypatch) -> Path:
    """A copy of the tiny bundle, the only one the app sees, that a test may damage."""
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    return Path(shutil.copytree(tiny_bundle, tmp_path / "tiny"))


def edit_card(bundle: Path, **changes) -> None:
    """Replace fields of a card; None takes a field away."""
    card = json.loads((bundle / CARD).read_text()) | changes
    (bundle / CARD).write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


# ---- an empty page ----


def test_an_empty_page_says_what_to_do(page):
    assert page.app.title[0].value == "Is this picture AI-generated?"
    assert "Upload a picture" in page.app.info[0].value
    assert "<div" not in page.html  # no verdict
    assert page.button("Clear all") is None


def test_the_page_is_there_before_tensorflow_and_without_pandas(tiny_bundle):
    """Importing TensorFlow never ends here, and the page appears all the same."""
    code = """if True:
        import os, sys, threading
        asked = threading.Event()
        class Never:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("keras", "tensorflow"):
                    asked.set()
                    threading.Event().wait()
        sys.meta_path.insert(0, Never())
        from streamlit.testing.v1 import AppTest
        app = AppTest.from_file(sys.argv[1], default_timeout=60).run()
        assert not app.exception and "pandas" not in sys.modules
        assert asked.wait(60), "nobody has begun to load the model"
        print(app.info[0].value, flush=True)
        os._exit(0)
    """
    environment = os.environ | {"TELLTALE_WEIGHTS": str(tiny_bundle.parent), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "streamlit_app.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.stdout.startswith("Upload a picture"), done.stderr


# ---- one picture ----


def test_a_sample_gets_a_verdict_its_words_and_the_threshold(page):
    page.click("sample-flower")
    assert page.part("name") == "flower.jpg"
    assert page.part("verdict") in ("AI-generated", "Real", "Unsure")
    assert re.fullmatch(r"P\(AI-generated\) = [<>]?\d+\.\d%", page.part("probability"))
    assert "was not measured" in page.words or "too close to the threshold" in page.words  # 40 rows
    assert "threshold 0.50 · unsure 0.30–0.70" in page.html
    assert "from sources it had never seen" in page.part("lead")
    assert page.viewers, "no heatmap viewer"


@pytest.mark.parametrize(
    ("kind", "verdict"), [("warm", "AI-generated"), ("cool", "Real"), ("mixed", "Unsure")]
)
def test_the_verdict_is_the_models(page, png, kind, verdict):
    assert page.upload(("a.png", png(kind))).part("verdict") == verdict


def test_an_unsure_verdict_says_that_it_decides_nothing(page, png):
    assert "pictures like this go either way" in page.upload(("a.png", png("mixed"))).words


def test_notes_on_the_file_are_shown(page, photo):
    buffer = io.BytesIO()
    frames = [Image.fromarray(photo(kind)) for kind in ("warm", "cool")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    page.upload(("a.gif", buffer.getvalue()))
    assert [info.value for info in page.app.info][0].startswith(
        "Animation\\: only the first frame is analysed"
    )


def test_a_photo_of_the_camera_is_checked_and_stays_when_the_camera_is_switched_off(page, png):
    page.app.toggle[0].set_value(True)
    page.run()
    page.app.camera_input[0].set_value(("camera.jpg", png("warm"), "image/jpeg"))
    page.run()
    page.app.toggle[0].set_value(False)
    assert page.run().part("name") == "photo 1.jpg"


def test_the_card_opens_on_request_and_only_then(page):
    assert not page.click("sample-flower").app.get("dialog")
    page.click("card")
    assert len(page.app.get("dialog")) == 1
    assert "Tiny test model" in page.words
    assert list(page.app.dataframe[0].value.index) == [
        "test",
        "test, paired",
        "unseen",
        "unseen, paired",
        "unseen, unpaired",
    ]
    assert not page.run().app.get("dialog")


def test_a_network_without_attention_shows_the_photo_and_says_so(own_bundle, png, monkeypatch):
    from detector.engine import Engine

    outputs = Engine.outputs
    monkeypatch.setattr(Engine, "outputs", lambda *images: {"logit": outputs(*images)["logit"]})
    page = Page().upload(("a.png", png("warm")), ("b.png", png("cool")))
    assert page.part("verdict") == "AI-generated"
    assert not page.viewers
    assert "This model has no attention to show." in page.words


# ---- several pictures ----


def test_several_pictures_are_listed_with_their_verdicts_in_the_order_they_came(page, png):
    page.click("sample-temple").upload(("w.png", png("warm")), ("m.png", png("mixed")))
    assert page.names == ["temple.jpg", "w.png", "m.png"]
    assert [tile["title"] for tile in page.tiles[1:]] == ["AI-generated", "Unsure"]
    assert all(tile["percent"] == f"{tile['score']:.1%}" for tile in page.tiles[1:])
    assert page.tiles[1]["score"] > 0.7 > page.tiles[2]["score"] > 0.3  # the unsure band
    assert all(tile["thumbnail"].endswith(".jpg") for tile in page.tiles)
    assert "**3 pictures:**" in page.words


def test_the_same_file_twice_is_one_picture(page, png):
    page.upload(("a.png", png("warm")), ("a.png", png("warm")), ("b.png", png("cool")))
    assert page.names == ["a.png", "b.png"]


def test_a_picture_that_comes_alone_is_opened(page, png):
    page.upload(("w.png", png("warm"))).upload(("c.png", png("cool")))
    assert page.part("name") == "c.png"
    assert page.click("sample-temple").part("name") == "temple.jpg"


def test_pictures_that_come_together_leave_the_open_one_open(page, png):
    page.upload(("w.png", png("warm"))).upload(("c.png", png("cool")), ("m.png", png("mixed")))
    assert page.part("name") == "w.png"


def test_a_sample_that_is_there_already_is_opened_again(page, png):
    page.click("sample-temple").upload(("w.png", png("warm")))
    assert page.click("sample-temple").part("name") == "temple.jpg"
    assert len(page.tiles) == 2


def test_an_unreadable_file_does_not_close_the_open_picture(page, png):
    page.upload(("w.png", png("warm")), ("c.png", png("cool"))).click("sample-temple").upload(
        ("x.png", NOT_A_PICTURE)
    )
    assert page.part("name") == "temple.jpg"


def test_a_picture_taken_away_is_forgotten(page, png):
    page.upload(("w.png", png("warm")), ("c.png", png("cool")), ("m.png", png("mixed")))
    page.replace_uploads(("c.png", png("cool")))
    assert page.part("name") == "c.png"
    album = page.session.album
    assert [len(album.uploads), len(album.pictures), len(page.state.results)] == [1, 1, 1]


def test_the_open_picture_can_be_removed_wherever_it_came_from(page, png):
    page.upload(("w.png", png("warm")), ("c.png", png("cool"))).click("sample-temple").click("remove")
    assert page.part("name") == "w.png"
    page.click("remove")
    assert page.part("name") == "c.png"
    page.upload(("m.png", png("mixed")))  # the uploader still holds w.png, and nobody wants it back
    assert page.names == ["c.png", "m.png"]


def test_clear_all_can_be_undone(page, png):
    page.click("sample-temple").upload(("w.png", png("warm"))).click("clear")
    assert page.part("verdict") is None
    page.click("undo")
    assert page.names == ["temple.jpg", "w.png"]
    assert page.button("Clear all")


def test_what_was_cleared_is_let_go_when_work_goes_on(page):
    page.click("sample-temple").click("clear").click("sample-flower")
    album = page.session.album
    assert album.cleared == {}
    assert list(album.pictures) == [picture_id for picture_id, _ in page.state.results]


def test_a_rerun_reads_no_picture_again(page, png, monkeypatch):
    page.upload(("w.png", png("warm")), ("c.png", png("cool")))
    reads = count_reads(monkeypatch)
    page.run()
    assert reads == []


@pytest.mark.parametrize(
    ("height", "width", "short_sides"),
    [
        (240, 320, [900]),  # never reduced: what the page shows serves everybody
        (1200, 1600, [384, 512, 900]),  # the model, the stress strip and the page need other pixels each
    ],
)
def test_a_picture_is_decoded_once_for_each_resolution_that_is_needed(
    page, monkeypatch, height, width, short_sides
):
    """Verdict, thumbnail, shown picture, two maps, their tests, a shuffled head and the strip: each of them
    needs pixels. The model's may not come from a larger decoding, nor the strip's, because the numbers would
    not be those of the command line; so a large picture is decoded once for each of the three."""
    reads = count_reads(monkeypatch)
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    page.upload(("noise.png", encoding.png(pixels)))
    page.app.button_group(key="maps").set_value(["attention rollout", "token contributions"])
    page.run().click("shuffle-attention rollout")
    assert len(page.viewers) == 2
    assert page.damage().count('role="listitem"') == 11
    assert "rank correlation" in page.words
    assert sorted(reads) == short_sides


def test_the_models_version_is_made_once_however_many_pictures_are_checked_with_it(
    own_bundle, png, monkeypatch
):
    calls, version_of = [], models.version_of
    monkeypatch.setattr(models, "version_of", lambda bundle: calls.append(1) or version_of(bundle))
    page = Page().upload(*[(f"{number}.png", png("cool")) for number in range(30)])
    page.run()
    assert len(page.tiles) == 30
    assert len(calls) == 1


# ---- files that are none, names that are traps ----


def test_an_unreadable_file_gets_a_sentence_and_the_others_their_verdicts(page, png):
    page.upload(
        ("x.png", NOT_A_PICTURE), ("w.png", png("warm")), ("empty.png", b""), ("cut.png", png("cool")[:200])
    )
    assert page.part("verdict") == "AI-generated"
    warnings = [warning.value for warning in page.app.warning]
    assert len(warnings) == 3
    assert warnings[0].startswith("**x\\.png** — This is not an image that can be read")
    assert warnings[1] == "**empty\\.png** — This file is empty\\."


def test_many_unreadable_files_do_not_push_the_results_away(page, png):
    page.upload(*[(f"{i}.png", NOT_A_PICTURE) for i in range(10)], ("w.png", png("warm")))
    assert len(page.app.warning) == 3
    assert page.app.expander[0].label == "7 more files could not be read"
    assert len(page.app.dataframe[0].value) == 7


def test_only_unreadable_files_leave_a_page_without_a_verdict(page):
    page.upload(("x.png", NOT_A_PICTURE))
    assert page.part("verdict") is None
    assert len(page.app.warning) == 1


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.png",
        "</div><script>alert(1)</script>.png",
        "![x](http://example.com/x.png).png",
    ],
)
def test_a_name_is_never_markup(page, png, name):
    page.upload((name, png("warm")), ("x" + name, NOT_A_PICTURE))
    others = re.sub(
        r'<img src="data:image/jpeg;base64,[\w+/=]*" alt=""', "", page.html
    )  # without the copies in the stress strip
    assert "<img" not in others and "<script" not in others
    assert not re.search(r"(?<!\\)[<\[]", page.app.warning[0].value)


# ---- models that are not as they should be ----


def test_without_weights_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "nowhere"))
    page = Page()
    assert page.app.error[0].value.startswith("There is no model in the folder")
    assert page.button("Try again")


def test_damaged_weights_are_named_and_not_used(own_bundle):
    (own_bundle / WEIGHTS).write_bytes(b"damaged")
    page = Page().click("sample-flower")
    assert "SHA\\-256 differs" in page.app.error[0].value
    assert page.part("verdict") is None


def test_pictures_survive_a_model_that_breaks_and_is_repaired(own_bundle, tiny_bundle, png):
    page = Page().upload(("w.png", png("warm")))
    (own_bundle / WEIGHTS).write_bytes(b"damaged")
    assert page.run().app.error
    shutil.copy(tiny_bundle / WEIGHTS, own_bundle / WEIGHTS)
    page.try_again()
    assert not page.app.error
    assert page.part("name") == "w.png"


def test_a_model_that_cannot_be_loaded_gets_a_sentence_and_another_try(own_bundle, tiny_bundle):
    junk = b"no weights"
    (own_bundle / WEIGHTS).write_bytes(junk)
    edit_card(own_bundle, weights_sha256=hashlib.sha256(junk).hexdigest())
    page = Page().click("sample-flower")
    assert "do not fit its architecture" in page.app.error[0].value
    for name in (WEIGHTS, CARD):
        shutil.copy(tiny_bundle / name, own_bundle / name)
    assert page.try_again().part("name") == "flower.jpg"


def test_a_start_that_failed_once_is_tried_again(own_bundle, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("detector.classifier.Classifier.warm_up", lambda self: 1 / 0)
        page = Page().click("sample-flower")
        assert page.app.error[0].value.startswith("The model 'tiny' could not be started\\: division by zero")
        wait([models.loading(models.bundle("tiny"))])
    assert page.try_again().part("name") == "flower.jpg"


def test_a_new_threshold_on_disk_changes_the_verdict_without_a_restart(own_bundle, png):
    page = Page().upload(("w.png", png("warm")))
    assert page.part("verdict") == "AI-generated"
    time.sleep(0.02)  # a file system's clock may tick that slowly
    edit_card(own_bundle, decision={"threshold": 0.99, "unsure": [0.98, 1.0]})
    assert page.run().part("verdict") == "Real"


@pytest.mark.parametrize("title", [None, "![x](http://example.com/x.png)", ["a", "list"]])
def test_a_card_without_its_optional_fields_or_with_odd_ones_is_shown(own_bundle, title):
    odd = dict.fromkeys(("title", "metrics", "training", "limitations", "licence", "data_provenance"), title)
    edit_card(own_bundle, **odd)
    page = Page().click("sample-flower").click("card")
    assert page.part("verdict")
    assert "http://" not in page.words


def test_of_two_models_the_chosen_one_judges(own_bundle, png):
    shutil.copytree(own_bundle, own_bundle.parent / "other")
    edit_card(own_bundle.parent / "other", decision={"threshold": 0.99, "unsure": [0.98, 1.0]})
    page = Page().upload(("w.png", png("warm")))
    assert page.app.selectbox[0].options == ["other", "tiny"]
    assert page.part("verdict") == "Real"
    page.app.selectbox[0].set_value("tiny")
    assert page.run().part("verdict") == "AI-generated"
