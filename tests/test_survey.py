"""detector.survey: what is in a folder, and a sentence for every folder that cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector import datasets
from detector.datasets import DatasetError, load_dataset
from detector.datasets.folders import MAX_DEPTH
from detector.survey import CHECKING, COUNTING, MOST_SAMPLES, MOST_UNREADABLE, Sides, Survey, survey, typed

ROOT = Path(__file__).parents[1]


def picture(path: Path, seed: int, width: int = 20, height: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two sources with class folders: 24 pictures in "small", and in "large" 4 larger ones, two of them broken."""
    root = tmp_path / "pictures"
    for number in range(24):
        picture(root / "small" / ("ai" if number % 2 else "real") / f"{number:02d}.png", number)
    for number, name in enumerate(("real", "real", "fake", "fake")):
        picture(root / "large" / name / f"{number}.png", 100 + number, 30 + number, 200)
    (root / "large" / "real" / "broken.png").write_bytes(b"no picture")
    (root / "large" / "fake" / "broken.jpg").write_bytes(b"none either")
    return root


def refusal(folder, **options) -> str:
    """The sentence with which a folder is refused."""
    with pytest.raises(DatasetError) as caught:
        survey(folder, **options)
    sentence = str(caught.value)
    assert "Traceback" not in sentence and "Errno" not in sentence and sentence.endswith(".")
    return sentence


# ---- what is said of a good one --------------------------------------------------------------------------------------------


def test_everything_is_counted_and_measured(folder):
    found = survey(folder)
    assert found.layout == "class folders" and found.root == folder and found.checked and not found.practice
    assert (found.images, found.of_class(0), found.of_class(1)) == (28, 14, 14)
    assert found.sources == {"small": 24, "large": 4} and list(found.sources) == ["small", "large"]
    assert list(found.counts) == ["train", "val", "test"]
    assert found.short_sides == Sides(16, 16, 33) and found.long_sides == Sides(20, 20, 200)  # 24 x (16, 20), (30..33, 200)
    assert found.unreadable_count == 2 and {path for path, _ in found.unreadable} == {"large/real/broken.png", "large/fake/broken.jpg"}
    assert any("2 images were left out" in note for note in found.notes)


def test_it_is_what_a_run_with_that_seed_will_find(folder):
    for seed in (0, 3):
        dataset, found = load_dataset(folder, seed=seed), survey(folder, seed=seed)
        assert found.manifest_hash == dataset.manifest_hash
        assert found.counts["val"] == {y_true: int((dataset.split("val")["y_true"] == y_true).sum()) for y_true in (0, 1)}
    assert survey(folder, seed=0).manifest_hash != survey(folder, seed=3).manifest_hash


def test_the_first_stage_counts_without_opening_a_file(folder, monkeypatch):
    monkeypatch.setattr(datasets.files, "read_image", lambda *_, **__: pytest.fail("decoded"))
    found = survey(folder, check_files=False)
    assert (found.of_class(0), found.of_class(1)) == (15, 15)  # broken ones too: nobody has looked
    assert not found.checked and found.short_sides is None and found.long_sides is None
    assert not any("Near-duplicates" in note for note in found.notes)


def test_progress_tells_both_stages(folder):
    calls = []
    survey(folder, progress=lambda *call: calls.append(call))
    assert calls[0][0] == COUNTING and calls[0][2] is None
    assert calls[-1] == (CHECKING, 30, 30)


@pytest.mark.parametrize("stage", [COUNTING, CHECKING])
def test_an_exception_from_progress_ends_the_work(folder, stage):
    class Enough(Exception):
        pass

    def stop(at, done, total):
        if at == stage:
            raise Enough

    with pytest.raises(Enough):
        survey(folder, progress=stop)


def test_samples_come_from_every_source(folder):
    found = survey(folder)
    for y_true, name in ((0, "real"), (1, "ai")):
        paths = found.samples[y_true]
        assert len(paths) == len(set(paths)) == MOST_SAMPLES and all(path.is_file() for path in paths)
        assert {path.parents[1].name for path in paths} == {"small", "large"}
        assert {path.parent.name for path in paths} <= {name, "fake"}


def test_many_unreadable_files_are_sampled_and_counted(tmp_path):
    for number in range(12):
        picture(tmp_path / ("ai" if number % 2 else "real") / f"{number}.png", number)
    for number in range(MOST_UNREADABLE + 5):
        (tmp_path / "ai" / f"broken-{number:02d}.png").write_bytes(b"")
    found = survey(tmp_path)
    assert len(found.unreadable) == MOST_UNREADABLE and found.unreadable_count == MOST_UNREADABLE + 5
    assert all(sentence.endswith(".") for _, sentence in found.unreadable)


def test_a_folder_inside_a_folder_is_entered(folder, tmp_path):
    (tmp_path / "download").mkdir()
    folder.rename(tmp_path / "download" / "pictures")
    assert survey(tmp_path / "download").root == tmp_path / "download" / "pictures"


# ---- what somebody may type ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "  {}\n", '"{}"', "'{}' ", "{}/", "{}/../pictures"])
def test_a_pasted_path_is_understood(folder, form):
    assert survey(form.format(folder), check_files=False).root == folder


def test_the_home_folder_is_understood(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert typed("~/pictures") == folder


@pytest.mark.parametrize("text", ["", "   ", '""', "' '"])
def test_nothing_typed_is_not_the_current_folder(text):
    assert refusal(text) == "Give the folder of a dataset, or its CSV file."


@pytest.mark.parametrize("text", ["/no/such/folder", "~nobody-of-this-name/x", "/tmp/a\0b", "/dev/null/x", "C:\\pictures", "$(id)", "../\ud800"])
def test_what_is_not_there_gets_a_sentence(text):
    assert "does not exist" in refusal(text)


def test_a_name_that_is_too_long_gets_a_sentence():
    assert "cannot be opened" in refusal("/tmp/" + "x" * 5000)


def test_a_file_gets_a_sentence(folder):
    assert "is a file, not a folder of images" in refusal(folder / "small" / "ai" / "01.png")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_gets_a_sentence(path):
    assert "cannot be opened" in refusal(path)


def test_a_pipe_gets_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "cannot be opened" in refusal(tmp_path / "pipe")


def test_an_empty_folder_gets_a_sentence(tmp_path):
    assert "There are no images" in refusal(tmp_path)


def test_a_folder_without_classes_says_how_to_name_them(tmp_path):
    for name in ("cats", "dogs"):
        picture(tmp_path / name / "1.png", 1)
    assert "cannot be told: the folders found are cats, dogs. Name them" in refusal(tmp_path)


def test_one_class_alone_gets_a_sentence(tmp_path):
    for number in range(4):
        picture(tmp_path / "real" / f"{number}.png", number)
        (tmp_path / "fake").mkdir(exist_ok=True)
    assert "real" in refusal(tmp_path)


def test_a_folder_nobody_may_read_gets_a_sentence(folder, monkeypatch):
    scandir = os.scandir

    def forbidden(path):
        if Path(path).name == "large":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)  # the file system forbids root nothing, and tests may run as root
    assert "cannot be opened: Permission denied" in refusal(folder)


def test_a_path_through_a_folder_nobody_may_enter_gets_a_sentence(folder, monkeypatch):
    def forbidden(path, **_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", forbidden)
        sentence = refusal(folder)
    assert "cannot be opened: Permission denied" in sentence


# ---- hostile folders ---------------------------------------------------------------------------------------------------------


def test_links_in_a_circle_end(folder):
    (folder / "small" / "ai" / "again").symlink_to(folder)
    (folder / "small" / "real" / "self.png").symlink_to(folder / "small" / "real" / "self.png")
    found = survey(folder)
    assert found.images == 28 and "small/real/self.png" in dict(found.unreadable)


def test_a_root_that_links_to_itself_gets_a_sentence(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be opened" in refusal(tmp_path / "loop")


def test_links_out_of_the_folder_are_not_opened(folder, tmp_path):
    picture(tmp_path / "secret.png", 7)
    (folder / "small" / "ai" / "link.png").symlink_to(tmp_path / "secret.png")
    found = survey(folder)
    assert "leads out of the dataset's folder" in dict(found.unreadable)["small/ai/link.png"]
    assert not any(path.name == "link.png" for path in found.samples[1])


def test_folders_without_end_get_a_sentence(folder):
    deep = folder / "small" / "ai" / Path(*["d"] * (MAX_DEPTH + 5))
    deep.mkdir(parents=True)
    assert f"more than {MAX_DEPTH} deep" in refusal(folder)


def test_a_giant_table_is_not_read(tmp_path):
    with open(tmp_path / "manifest.csv", "wb") as file:
        file.write(b"file,label\n")
        file.truncate(600 * 2**20)  # sparse: takes no room
    assert "larger than 512 MB" in refusal(tmp_path)


def test_odd_file_names_come_back_as_they_are(folder):
    name = "a\n![x](y)\x1b[31m.png"
    (folder / "small" / "ai" / name).write_bytes(b"no")
    assert f"small/ai/{name}" in dict(survey(folder).unreadable)  # showing it safely is the page's business


def test_surveying_needs_no_framework():
    code = "import sys, detector.survey, detector.practice; print({'tensorflow', 'keras', 'sklearn', 'streamlit'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout.strip() == "set()"


def test_a_survey_can_be_made_by_hand():
    made = Survey(Path("x"), "manifest", {"train": {0: 3, 1: 4}}, {}, (), 0, None, None, {}, (), False, False, "")
    assert (made.images, made.of_class(0), made.of_class(1)) == (7, 3, 4)
