"""detector.promotion: a trained bundle becomes the one that is used, whatever happens on the way."""

import errno
import json
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from detector import architectures, promotion
from detector.bundle import (
    CARD,
    DEFAULT_BUNDLE,
    ENCODERS,
    PREDICTIONS,
    WEIGHTS,
    BundleError,
    default_bundle,
    encoder_file,
    file_sha256,
    find_bundle,
    list_bundles,
    read_bundle,
)
from detector.promotion import NameTakenError, PromotionError, demote, promote, remove
from tests.support.networks import TINY_VIT

ROOT = Path(__file__).parents[1]


@pytest.fixture
def weights(tiny_bundle, tmp_path, monkeypatch) -> Path:
    """A weights folder with the model that ships."""
    folder = tmp_path / "weights"
    shutil.copytree(tiny_bundle, folder / DEFAULT_BUNDLE)
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def trained(tiny_bundle, tmp_path) -> Path:
    """The bundle of a run."""
    return make_bundle(tiny_bundle, tmp_path / "run" / "bundle", "trained")


@pytest.fixture
def retrained(tiny_bundle, tmp_path) -> Path:
    """The bundle of another run."""
    return make_bundle(tiny_bundle, tmp_path / "other-run" / "bundle", "retrained")


def make_bundle(tiny_bundle: Path, folder: Path, title: str, **changes) -> Path:
    shutil.copytree(tiny_bundle, folder)
    card = json.loads((folder / CARD).read_text()) | {"title": title} | changes
    (folder / CARD).write_text(json.dumps(card))
    return folder


def title(folder: Path) -> str:
    return read_bundle(folder).card["title"]


def leftovers(weights: Path) -> list[str]:
    return [path.name for path in weights.iterdir() if path.name.startswith(".")]


# ---- there and back


def test_a_promoted_bundle_is_the_default(weights, trained):
    assert promote(trained, "mine") == weights / "mine"
    assert (
        list_bundles() == ["mine", DEFAULT_BUNDLE]
        and default_bundle() == "mine"
        and find_bundle() == weights / "mine"
    )
    assert (
        title(find_bundle()) == "trained"
        and (weights / "default").read_text() == "mine\n"
        and leftovers(weights) == []
    )


def test_a_promotion_is_a_copy(weights, trained):
    promote(trained, "mine")
    shutil.rmtree(trained.parent)
    assert title(weights / "mine") == "trained" and (weights / "mine" / PREDICTIONS).is_file()


def test_only_the_files_of_a_bundle_are_copied(weights, trained):
    (trained / "notes.txt").write_text("private")
    (trained / "weights-elsewhere").symlink_to("/")
    promote(trained, "mine")
    assert {path.name for path in (weights / "mine").iterdir()} == {
        CARD,
        WEIGHTS,
        PREDICTIONS,
        promotion.MARK,
    }


@pytest.fixture
def on_encoder(trained, monkeypatch) -> Path:
    """The bundle of a run whose network stands on a frozen encoder, which lies beside it."""
    assert TINY_VIT.encoder is not None
    monkeypatch.setitem(architectures.ARCHITECTURES, TINY_VIT.name, TINY_VIT)
    (trained / TINY_VIT.encoder.file).write_bytes(b"an encoder")
    card = json.loads((trained / CARD).read_text())
    card["architecture"] = {"name": TINY_VIT.name, "arguments": {}}
    card["preprocessing"] = asdict(TINY_VIT.preprocessing)
    card["encoder"] = {"sha256": file_sha256(trained / TINY_VIT.encoder.file)}
    (trained / CARD).write_text(json.dumps(card))
    return trained


def test_an_encoder_that_lies_beside_the_bundle_alone_is_copied_with_it(weights, on_encoder):
    promote(on_encoder, "mine")
    shutil.rmtree(on_encoder)
    assert encoder_file(read_bundle(weights / "mine")) == weights / "mine" / "tiny-vit.npz"


def test_an_encoder_that_models_share_is_not_copied_once_more(weights, on_encoder):
    (weights / ENCODERS).mkdir()
    shutil.copyfile(on_encoder / "tiny-vit.npz", weights / ENCODERS / "tiny-vit.npz")
    promote(on_encoder, "mine")
    assert encoder_file(read_bundle(weights / "mine")) == weights / ENCODERS / "tiny-vit.npz"


def test_another_encoder_of_that_name_does_not_keep_its_own_from_being_copied(weights, on_encoder):
    (weights / ENCODERS).mkdir()
    (weights / ENCODERS / "tiny-vit.npz").write_bytes(b"another encoder")
    promote(on_encoder, "mine")
    assert encoder_file(read_bundle(weights / "mine")) == weights / "mine" / "tiny-vit.npz"


def test_a_bundle_whose_encoder_is_nowhere_is_not_promoted(weights, on_encoder):
    (on_encoder / "tiny-vit.npz").unlink()
    with pytest.raises(BundleError, match="needs the encoder tiny-vit.npz"):
        promote(on_encoder, "mine")
    assert list_bundles() == [DEFAULT_BUNDLE] and leftovers(weights) == []


def test_a_demoted_bundle_stays_but_the_shipped_one_is_the_default_again(weights, trained):
    promote(trained, "mine")
    demote()
    demote()  # and once more does no harm
    assert list_bundles() == [DEFAULT_BUNDLE, "mine"] and find_bundle() == weights / DEFAULT_BUNDLE


def test_a_demoted_bundle_that_is_promoted_again_is_the_default_again(weights, trained):
    promote(trained, "mine")
    demote()
    promote(trained, "mine")
    assert default_bundle() == "mine"


def test_removing_the_default_brings_the_shipped_one_back(weights, trained):
    promote(trained, "mine")
    remove("mine")
    assert (
        list_bundles() == [DEFAULT_BUNDLE] and not (weights / "default").exists() and leftovers(weights) == []
    )


def test_removing_another_one_leaves_the_default(weights, trained, retrained):
    promote(trained, "mine")
    promote(retrained, "newer")
    remove("mine")
    assert list_bundles() == ["newer", DEFAULT_BUNDLE]


@pytest.mark.parametrize("name", [DEFAULT_BUNDLE, "by-hand"])
def test_what_was_not_promoted_is_never_removed_or_replaced(weights, trained, name):
    if name != DEFAULT_BUNDLE:
        shutil.copytree(weights / DEFAULT_BUNDLE, weights / name)
    with pytest.raises(PromotionError, match="not promoted from a run"):
        remove(name)
    with pytest.raises(PromotionError, match="not promoted from a run"):
        promote(trained, name, replace=True)
    assert title(weights / name) == "Tiny test model" and leftovers(weights) == []


def test_a_mark_in_the_shipped_bundle_does_not_make_it_removable(weights):
    (weights / DEFAULT_BUNDLE / promotion.MARK).write_text("{}")
    with pytest.raises(PromotionError, match="not promoted"):
        remove(DEFAULT_BUNDLE)


# ---- a name that is taken


def test_another_bundle_of_that_name_is_refused(weights, trained, retrained):
    promote(trained, "mine")
    demote()
    with pytest.raises(NameTakenError, match="another model called 'mine'"):
        promote(retrained, "mine")
    assert (
        title(weights / "mine") == "trained"
        and default_bundle() == DEFAULT_BUNDLE
        and leftovers(weights) == []
    )


def test_the_same_bundle_may_be_promoted_again(weights, trained):
    promote(trained, "mine")
    demote()
    before = (weights / "mine").stat().st_ino
    promote(trained, "mine")
    assert default_bundle() == "mine" and (weights / "mine").stat().st_ino == before


def test_replacing_puts_the_new_bundle_in_its_place(weights, trained, retrained):
    promote(trained, "mine")
    promote(retrained, "mine", replace=True)
    assert title(weights / "mine") == "retrained" and leftovers(weights) == []


def test_a_damaged_promoted_bundle_can_be_replaced(weights, trained):
    promote(trained, "mine")
    (weights / "mine" / WEIGHTS).write_bytes(b"damaged")
    promote(trained, "mine", replace=True)
    assert title(weights / "mine") == "trained"


def test_there_is_no_moment_without_a_valid_bundle_while_it_is_replaced(weights, trained, retrained):
    promote(trained, "mine")
    seen, done = [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            try:
                seen.append(title(weights / "mine"))
            except BundleError as error:
                seen.append(str(error))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        while not seen:  # it is looking
            pass
        for bundle in [retrained, trained] * 10:
            promote(bundle, "mine", replace=True)
    finally:
        done.set()
        watcher.join()
    assert set(seen) <= {"trained", "retrained"} and title(weights / "mine") == "trained"


def test_a_disk_that_cannot_exchange_folders_keeps_the_old_bundle(weights, trained, retrained, monkeypatch):
    promote(trained, "mine")
    monkeypatch.setattr(promotion.ctypes, "CDLL", lambda *_, **__: object())
    with pytest.raises(PromotionError, match="cannot replace a model at once"):
        promote(retrained, "mine", replace=True)
    assert title(weights / "mine") == "trained" and leftovers(weights) == []


# ---- names and bundles that are refused


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../up",
        "a/b",
        "a\\b",
        "/abs",
        ".hid",
        "-x",
        "a b",
        "a\n",
        "a\0b",
        "ä",
        "x" * 61,
        "x.",
        "default",
        "Default",
        "a.partial",
        "~",
    ],
)
def test_odd_names_are_refused(weights, trained, name):
    before = sorted(path for path in weights.parent.rglob("*"))
    with pytest.raises(PromotionError, match="name"):
        promote(trained, name)
    with pytest.raises(PromotionError):
        remove(name)
    assert sorted(path for path in weights.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["a", "A-1", "x" * 60, "tiny_2.1", "2025-01-01-run"])
def test_sensible_names_are_taken(weights, trained, name):
    assert promote(trained, name).name == name == default_bundle()


def test_an_invalid_bundle_is_not_promoted(weights, trained):
    (trained / WEIGHTS).write_bytes(b"damaged")
    with pytest.raises(BundleError, match="SHA-256 differs"):
        promote(trained, "mine")
    with pytest.raises(BundleError, match="no card.json"):
        promote(trained.parent / "nothing", "mine")
    assert list_bundles() == [DEFAULT_BUNDLE] and leftovers(weights) == []


def test_a_copy_that_went_wrong_is_not_promoted(weights, trained, monkeypatch):
    copyfile = shutil.copyfile
    monkeypatch.setattr(
        promotion.shutil,
        "copyfile",
        lambda source, target: copyfile(source, target) and Path(target).write_bytes(b"bits flipped"),
    )
    with pytest.raises(BundleError):
        promote(trained, "mine")
    assert list_bundles() == [DEFAULT_BUNDLE] and leftovers(weights) == []


def test_a_full_disk_gets_a_sentence(weights, trained, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(promotion.shutil, "copyfile", full)
    with pytest.raises(PromotionError, match="disk is full"):
        promote(trained, "mine")
    assert leftovers(weights) == []


def test_a_weights_folder_that_cannot_be_made_gets_a_sentence(trained, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "file" / "weights"))
    with pytest.raises(PromotionError, match="weights cannot be written to. Set TELLTALE_WEIGHTS"):
        promote(trained, "mine")


def test_a_folder_that_cannot_be_written_to_names_the_variable_to_set(weights, trained, monkeypatch):
    monkeypatch.setattr(promotion, "writable", lambda folder: folder != weights)
    assert "Set TELLTALE_WEIGHTS" in promotion.why_locked()
    with pytest.raises(PromotionError, match="cannot be written to. Set TELLTALE_WEIGHTS"):
        promote(trained, "mine")


def test_an_error_does_not_name_the_folder_of_an_unfinished_promotion(weights, trained, monkeypatch):
    def broken(source, target):
        raise OSError(5, "Input/output error", str(target))

    monkeypatch.setattr(shutil, "copyfile", broken)
    with pytest.raises(PromotionError) as caught:
        promote(trained, "mine")
    assert str(caught.value) == f"{weights} cannot be read or written: Input/output error."


@pytest.mark.parametrize(
    "action",
    [
        lambda b: promote(b, "new"),
        lambda b: remove("mine"),
        lambda b: demote(),
    ],
)
def test_nothing_changes_where_telltale_is_read_only(weights, trained, monkeypatch, action):
    promote(trained, "mine")
    monkeypatch.setenv("TELLTALE_READONLY", "1")
    with pytest.raises(PromotionError, match="read-only"):
        action(trained)
    assert list_bundles() == ["mine", DEFAULT_BUNDLE]


# ---- the file that names the default


@pytest.mark.parametrize(
    "content",
    [b"", b"gone\n", b"../run\n", b"/\n", b".\n", b"..\n", b"a\0b", b"\xff\xfe", b"x" * 5000, b"default\n"],
)
def test_a_default_that_makes_no_sense_is_ignored(weights, trained, content):
    (weights / "default").write_bytes(content)
    assert default_bundle() == DEFAULT_BUNDLE and list_bundles() == [DEFAULT_BUNDLE]


def test_a_default_that_is_a_folder_is_ignored(weights):
    (weights / "default").mkdir()
    assert default_bundle() == DEFAULT_BUNDLE


# ---- killed on the way

KILLED = """
import os, shutil, signal, sys
from detector import promotion
bundle, name, point, nth = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
homes = {"copyfile": shutil, "rmtree": shutil, "_exchange": promotion, "read_bundle": promotion}
module = homes.get(point, os)
real, calls = getattr(module, point), 0
def deadly(*arguments, **options):
    global calls
    calls += 1
    if calls == nth and point == "copyfile":  # in the middle of the file
        open(arguments[1], "wb").write(open(arguments[0], "rb").read()[:1000])
    elif calls == nth and point == "rmtree":
        os.unlink(os.path.join(arguments[0], "card.json"))
    if calls == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
setattr(module, point, deadly)
promotion.remove(name) if bundle == "remove" else promotion.promote(bundle, name, replace=True)
"""


def killed(bundle: Path | str, name: str, point: str, nth: int) -> None:
    command = [sys.executable, "-c", KILLED, str(bundle), name, point, str(nth)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert process.returncode == -signal.SIGKILL, process.stderr


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("copyfile", 1),
        ("copyfile", 3),
        ("fsync", 1),
        ("read_bundle", 2),
        ("rename", 1),
        ("fsync", 6),
        ("replace", 1),
    ],
)
def test_a_promotion_killed_anywhere_is_there_or_not_and_can_be_repeated(weights, trained, point, nth):
    killed(trained, "mine", point, nth)
    there = list_bundles()
    assert there in ([DEFAULT_BUNDLE], [DEFAULT_BUNDLE, "mine"])
    for name in there:
        read_bundle(weights / name)
    promote(trained, "mine")
    assert (
        list_bundles() == ["mine", DEFAULT_BUNDLE]
        and title(weights / "mine") == "trained"
        and leftovers(weights) == []
    )


@pytest.mark.parametrize(("point", "nth"), [("copyfile", 2), ("_exchange", 1), ("rmtree", 1)])
def test_a_replacement_killed_anywhere_leaves_one_of_the_two(weights, trained, retrained, point, nth):
    promote(trained, "mine")
    killed(retrained, "mine", point, nth)
    assert list_bundles() == ["mine", DEFAULT_BUNDLE]
    assert title(weights / "mine") == ("retrained" if point == "rmtree" else "trained")
    promote(retrained, "mine", replace=True)
    assert title(weights / "mine") == "retrained" and leftovers(weights) == []


@pytest.mark.parametrize("point", ["rename", "rmtree"])
def test_a_removal_killed_anywhere_leaves_no_half_a_bundle(weights, trained, point):
    promote(trained, "mine")
    killed("remove", "mine", point, 1)
    assert list_bundles() in (["mine", DEFAULT_BUNDLE], [DEFAULT_BUNDLE])
    for name in list_bundles():
        read_bundle(weights / name)
    demote()
    assert leftovers(weights) == []


def test_two_promotions_at_once_are_both_whole(weights, trained, retrained):
    code = "import sys; from detector.promotion import promote; promote(sys.argv[1], sys.argv[2])"
    jobs = [(trained, "one"), (retrained, "two"), (trained, "three")]
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(bundle), name], cwd=ROOT) for bundle, name in jobs
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert [title(weights / name) for _, name in jobs] == ["trained", "retrained", "trained"]
    assert default_bundle() in ("one", "two", "three") and leftovers(weights) == []


# ---- Classify goes along


def test_an_open_classify_page_goes_along_without_a_restart(weights, trained):
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert not page.selectbox  # one model: nothing to choose
    promote(trained, "mine")
    assert page.run().selectbox(key="model").value == "mine"
    demote()
    assert page.run().selectbox(key="model").value == DEFAULT_BUNDLE
    page.selectbox(key="model").select("mine").run()
    promote(trained, "newest")
    assert page.run().selectbox(key="model").value == "mine"  # who has chosen keeps what was chosen
    assert not page.exception
