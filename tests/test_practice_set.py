"""detector.practice_set: the practice set, and the label that what is trained on it carries."""

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from detector import practice_set
from detector.bundle import CARD, DEFAULT_BUNDLE, PRACTICE_IS_NOT, read_bundle
from detector.datasets import DatasetError, load_dataset
from detector.practice_set import (
    is_practice_set,
    make_practice_set,
    resize_convolution,
    transposed_convolution,
)
from train.recipes import load_recipe

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A practice set for tests that only read it."""
    return make_practice_set(tmp_path_factory.mktemp("practice") / "set")


@pytest.fixture
def few(monkeypatch) -> None:
    """Fewer pictures, where their number does not matter."""
    monkeypatch.setattr(practice_set, "STEPS", dict.fromkeys(practice_set.STEPS, 70))


@pytest.fixture
def copy(few, tmp_path) -> Path:
    """A practice set for tests that change it."""
    return make_practice_set(tmp_path / "set")


@pytest.fixture(scope="module")
def dataset(made):
    return load_dataset(made)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(
        b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
    ).hexdigest()


# ---- the simulated generators


def test_the_transposed_convolution_leaves_a_checkerboard_on_a_flat_picture():
    made = transposed_convolution(np.full((8, 8, 3), 100, np.uint8), np.random.default_rng(0)).astype(int)
    # Where two copies of the kernel overlap and where one stands alone, the brightness differs; every second
    # row and column is alike.
    assert made[0, 0, 0] > made[0, 1, 0] > made[1, 1, 0] and made[0, 0, 0] > made[1, 0, 0] > made[1, 1, 0]
    assert np.array_equal(made[:6, :6], made[2:, 2:])
    assert np.abs(made.mean(axis=(0, 1)) - 100).max() < 1  # on average it keeps its brightness


def test_the_other_generator_leaves_a_flat_picture_alone():
    flat = np.full((8, 8, 3), 100, np.uint8)
    assert np.array_equal(resize_convolution(flat), flat)


@pytest.mark.parametrize(
    "generator",
    [lambda picture: transposed_convolution(picture, np.random.default_rng(0)), resize_convolution],
)
def test_a_generator_keeps_what_is_to_be_seen(generator):
    across = np.tile(np.linspace(20, 220, 64), (64, 1))
    picture = np.dstack([across, across.T, across[:, ::-1]]).astype(np.uint8)
    made = generator(picture)
    assert made.shape == picture.shape and made.dtype == np.uint8
    assert np.abs(made.astype(int) - picture).mean() < 8


def test_the_checkerboard_survives_preprocessing(dataset):
    from detector import architectures

    preprocessing = architectures.get("tiny-attention").preprocessing

    def evenness(ids) -> float:
        """Mean strength of the highest horizontal frequency in what the network sees, without the mean."""
        inputs = np.stack([preprocessing(pixels(dataset.path(id)).astype(np.uint8)) for id in ids]).mean(
            axis=-1
        )
        return float(np.abs(np.fft.rfft(inputs, axis=2)[:, :, -1].mean(axis=1)).mean())

    train = dataset.split("train")
    ids = {y_true: train[train["y_true"] == y_true]["id"][::10] for y_true in (0, 1)}
    assert evenness(ids[1]) > 2 * evenness(ids[0])


# ---- what lies in the folder


def test_it_loads_as_a_manifest_with_every_split_and_both_classes(dataset):
    counts = dataset.rows.groupby(["split", "y_true"]).size()
    assert dataset.layout == "manifest" and not dataset.unreadable and dataset.rows["paired"].all()
    for split in ("train", "val", "test", "unseen"):
        assert counts[split, 0] == counts[split, 1] >= 72
    assert dataset.practice and any("practice set" in note for note in dataset.notes)


def test_every_real_picture_has_its_generated_twin_in_the_same_split_and_group(dataset):
    rows = dataset.rows.assign(patch=dataset.rows["id"].str.split("/").str[1])
    pairs = rows.groupby("patch").agg(
        labels=("y_true", "nunique"),
        rows=("id", "size"),
        splits=("split", "nunique"),
        groups=("group", "nunique"),
    )
    assert (pairs == [2, 2, 1, 1]).all(axis=None)
    assert (rows.groupby("group")["split"].nunique() == 1).all()
    patch = rows[rows["split"] == "test"]["patch"].iloc[0]
    real, ai = (pixels(dataset.root / name / patch) for name in ("real", "ai"))
    assert 0 < np.abs(real - ai).mean() < 25


def test_no_pixel_of_a_photo_is_in_two_splits(monkeypatch, tmp_path):
    # Photos whose every pixel has a colour of its own tell where each patch was cut.
    number = np.arange(424 * 636).reshape(424, 636)
    photo = np.dstack([number >> 16, number >> 8 & 255, number & 255]).astype(np.uint8)
    monkeypatch.setattr(practice_set, "_photos", lambda: iter([("temple", photo)]))
    split_of = np.full(number.size, "", dtype=object)
    rows = list(csv.DictReader((make_practice_set(tmp_path / "set") / "manifest.csv").open()))
    for row in (row for row in rows if row["label"] == "real"):
        patch = pixels(tmp_path / "set" / row["file"])
        where = (patch[..., 0] << 16 | patch[..., 1] << 8 | patch[..., 2]).ravel()
        assert set(split_of[where]) <= {"", row["split"]}
        split_of[where] = row["split"]
    assert {"train", "val", "test", "unseen"} <= set(split_of)


def test_unseen_comes_from_the_other_generator(dataset):
    rows = dataset.rows[dataset.rows["y_true"] == 1]
    made_by = rows.groupby("split")["generator"].unique()
    assert set(made_by["unseen"]).isdisjoint({*made_by["train"], *made_by["test"]}) and all(
        len(names) == 1 for names in made_by
    )
    assert set(dataset.split("unseen")["source"]).isdisjoint(dataset.split("train")["source"])


def test_file_facts_give_nothing_away(dataset):
    sizes = {Image.open(dataset.path(id)).size for id in dataset.rows["id"][::50]}
    assert sizes == {(practice_set.PATCH, practice_set.PATCH)} and set(dataset.rows["id"].str[-4:]) == {
        ".png"
    }


# ---- making it


def test_the_same_seed_makes_the_same_set_and_another_seed_another(copy, tmp_path):
    assert digest(make_practice_set(tmp_path / "again")) == digest(copy)
    assert digest(make_practice_set(tmp_path / "other", seed=1)) != digest(copy)


def test_progress_counts_every_picture(few, tmp_path):
    calls = []
    folder = make_practice_set(tmp_path / "set", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (len(list(folder.rglob("*.png"))),) * 2 and len(calls) > 1


def test_a_whole_set_is_kept_as_it_is(copy):
    before = copy.stat().st_ino
    assert make_practice_set(copy) == copy and copy.stat().st_ino == before


@pytest.mark.parametrize("spoil", ["picture", "missing", "manifest", "mark", "seed"])
def test_a_set_that_is_not_whole_is_made_anew(copy, spoil):
    whole = digest(copy)
    victim = next((copy / "ai").iterdir())
    if spoil == "picture":
        Image.new("RGB", (36, 36)).save(victim)
    elif spoil == "missing":
        victim.unlink()
    elif spoil == "manifest":
        (copy / "manifest.csv").write_text("file,label\n../../etc/passwd,ai\n")
    elif spoil == "mark":
        (copy / practice_set.PRACTICE_MARK).write_text("[]")  # of a future version, or damaged
    else:
        shutil.rmtree(copy)
        make_practice_set(copy, seed=5)
    make_practice_set(copy)
    assert digest(copy) == whole and os.listdir(copy.parent) == ["set"]


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link", "practice set with something in it"])
def test_what_is_no_practice_set_is_never_overwritten(tmp_path, kind):
    target = tmp_path / "mine"
    if kind == "folder":
        target.mkdir()
        (target / "thesis.txt").write_text("mine")
    elif kind == "file":
        target.write_text("mine")
    elif kind == "dangling link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
        for name in (practice_set.PRACTICE_MARK, "thesis.txt"):
            (target / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="is no practice set"):
        make_practice_set(target)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_may_become_one(few, tmp_path):
    (tmp_path / "set").mkdir()
    assert is_practice_set(make_practice_set(tmp_path / "set"))


def test_a_stop_on_the_way_leaves_nothing_behind(few, tmp_path):
    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough

    with pytest.raises(Enough):
        make_practice_set(tmp_path / "set", progress=stop)
    assert os.listdir(tmp_path) == []


def test_a_kill_on_the_way_leaves_no_half_a_set(few, tmp_path):
    code = (
        "import os, sys; from detector import practice_set; practice_set.make_practice_set(sys.argv[1],"
        " progress=lambda *_: os.kill(os.getpid(), 9))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert not (tmp_path / "set").exists()
    (left,) = tmp_path.iterdir()
    make_practice_set(tmp_path / "set")
    assert is_practice_set(tmp_path / "set") and left.exists()  # so young it could be somebody's work
    os.utime(left, (0, 0))
    make_practice_set(tmp_path / "set", seed=1)
    assert os.listdir(tmp_path) == ["set"]


def test_whoever_comes_second_takes_what_the_first_has_made(few, tmp_path):
    def be_overtaken(done, total):
        if done == total:
            make_practice_set(tmp_path / "set")
            inode.append((tmp_path / "set").stat().st_ino)

    inode = []
    make_practice_set(tmp_path / "set", progress=be_overtaken)
    assert inode == [(tmp_path / "set").stat().st_ino] and os.listdir(tmp_path) == ["set"]


def test_a_negative_seed_gets_a_sentence(tmp_path):
    with pytest.raises(DatasetError, match="from 0 on"):
        make_practice_set(tmp_path / "set", seed=-1)


def test_a_place_that_cannot_be_written_gets_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        make_practice_set(tmp_path / "file" / "set")


def test_it_can_be_made_from_a_terminal(tmp_path):
    def make(folder: Path) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "detector.practice_set", str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )

    good = make(tmp_path / "set")
    assert (good.returncode, good.stdout.strip()) == (0, str(tmp_path / "set")) and is_practice_set(
        tmp_path / "set"
    )
    (tmp_path / "file").write_text("")
    bad = make(tmp_path / "file")
    assert bad.returncode == 2 and bad.stderr.startswith("error: ") and "Traceback" not in bad.stderr


# ---- a run on it, and its label


def test_the_practice_recipe_needs_no_download_and_has_both_stages():
    recipe = load_recipe("practice")
    assert (
        recipe.backbone_weights == "none"
        and recipe.frozen.epochs > 1
        and recipe.finetune.epochs > 1
        and recipe.title.startswith("Practice")
    )


@pytest.fixture(scope="module")
def run(made, tmp_path_factory) -> Path:
    """A short run of the practice recipe from the command line."""
    folder = tmp_path_factory.mktemp("runs") / "short"
    settings = ["frozen.epochs=1", "finetune.epochs=2", "sampling.images_per_epoch=160", "title=Quick look"]
    command = [
        sys.executable,
        "-m",
        "train",
        "--recipe",
        "practice",
        "--data",
        str(made),
        "--run-dir",
        str(folder),
    ]
    process = subprocess.run(
        [*command, *(word for setting in settings for word in ("--set", setting))],
        cwd=ROOT,
        capture_output=True,
        timeout=250,
    )
    assert process.returncode == 0, (folder / "train.log").read_text()
    return folder


def test_a_run_on_it_is_labelled_from_log_to_card(run):
    bundle = read_bundle(run / "bundle")
    assert (
        bundle.practice
        and bundle.card["title"] == "Practice: Quick look"
        and bundle.card["limitations"][0] == PRACTICE_IS_NOT
    )
    assert json.loads((run / "config.json").read_text())["practice"] is True
    assert "This is a practice set" in (run / "train.log").read_text()
    assert {"test, paired", "unseen, paired"} <= set(bundle.card["metrics"])


@pytest.fixture
def practised(tiny_bundle, tmp_path, monkeypatch) -> Path:
    """A weights folder whose default is a practice model; beside it lies "plain", which is none."""
    for name in (DEFAULT_BUNDLE, "plain"):
        shutil.copytree(tiny_bundle, tmp_path / name)
    card = json.loads((tmp_path / DEFAULT_BUNDLE / CARD).read_text())
    (tmp_path / DEFAULT_BUNDLE / CARD).write_text(json.dumps(card | {"practice": True}))
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    return tmp_path


def said(page: AppTest) -> str:
    assert not page.exception, page.exception[0].message
    return "\n".join(element.value for kind in ("markdown", "warning") for element in page.get(kind))


def test_classify_says_that_a_model_is_for_practice(practised, photo):
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert PRACTICE_IS_NOT in said(page)
    buffer = io.BytesIO()
    Image.fromarray(photo("warm", 60, 60)).save(buffer, "PNG")
    page.file_uploader[0].upload("warm.png", buffer.getvalue(), "image/png").run()
    assert "says nothing about real AI pictures" in said(page)  # beside the verdict too
    page.selectbox(key="model").select("plain").run()
    assert "ractice" not in said(page)


def test_evaluate_says_that_predictions_are_a_practice_models(practised):
    page = AppTest.from_file(str(ROOT / "pages" / "evaluate" / "page.py"), default_timeout=120).run()
    assert PRACTICE_IS_NOT in said(page)
    page.multiselect(key="models").set_value(["plain"]).run()
    assert "ractice" not in said(page)
    page.multiselect(key="models").set_value(["plain", DEFAULT_BUNDLE]).run()
    assert f"Practice model {DEFAULT_BUNDLE}" in said(page).replace("\\", "")


def test_the_report_says_it_too(practised):
    from detector.bundle import PREDICTIONS
    from detector.evaluation.evaluation import Evaluation
    from detector.evaluation.predictions import read_predictions
    from pages.evaluate import report_html
    from pages.evaluate.view import Part, Source, View

    pages = {}
    for name in (DEFAULT_BUNDLE, "plain"):
        bundle = read_bundle(practised / name)
        rows = read_predictions(bundle.path / PREDICTIONS).rows
        source = Source(name, rows, "1", 0.5, bundle)
        pages[name] = report_html.html([View(source, Evaluation(rows), 0.5)], Part(), None)
    assert PRACTICE_IS_NOT in pages[DEFAULT_BUNDLE] and PRACTICE_IS_NOT not in pages["plain"]


def test_downloaded_results_say_it_too(practised, classifier, photo_folder):
    from detector.records import record

    result = next(iter(classifier.analyse_files([photo_folder / "warm.png"])))
    notes = {
        name: record(result, read_bundle(practised / name))["notes"] for name in (DEFAULT_BUNDLE, "plain")
    }
    assert notes[DEFAULT_BUNDLE][-1].endswith(PRACTICE_IS_NOT) and not any(
        "ractice" in note for note in notes["plain"]
    )
