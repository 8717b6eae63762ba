"""What a scan finds in a whole dataset, planted by hand, and a sentence for every folder that cannot be
used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.datasets import DatasetError, dataset_scan, load_dataset, typed
from detector.datasets.dataset_scan import CHECKING, COUNTING, scan_dataset
from detector.datasets.folders import MAX_DEPTH
from detector.datasets.scan_findings import Level, findings
from detector.datasets.scan_summary import to_json
from tests.datasets.making import picture as making_picture

ROOT = Path(__file__).parents[2]


def picture(path: Path, seed: int, width: int = 20, height: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two sources with class folders: 24 pictures in "small", and in "large" 4 larger ones, two of them
    broken."""
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
        scan_dataset(folder, **options)
    sentence = str(caught.value)
    assert "Traceback" not in sentence and "Errno" not in sentence and sentence.endswith(".")
    return sentence


# ---- what is said of a good one


def test_everything_is_counted_and_measured(folder):
    found = scan_dataset(folder)
    assert found.layout == "class folders" and found.root == folder and not found.practice
    assert (found.images, found.of_class(0), found.of_class(1)) == (28, 14, 14)
    assert found.sources.values.tolist() == [["small", 12, 12], ["large", 2, 2]]
    assert list(found.counts) == ["train", "val", "test"]
    # 24 x (20, 16), and (30..33, 200)
    assert sorted(found.facts["width"]) == [20] * 24 + [30, 31, 32, 33]
    assert sorted(found.facts["height"]) == [16] * 24 + [200] * 4
    assert [path for path, _ in found.unreadable] == ["large/fake/broken.jpg", "large/real/broken.png"]
    assert any("2 images were left out" in note for note in found.notes)


def test_it_is_what_a_run_with_that_seed_will_find(folder):
    hashes = set()
    for seed in (0, 3):
        dataset, found = load_dataset(folder, seed=seed), scan_dataset(folder, seed=seed)
        assert found.dataset.manifest_hash == dataset.manifest_hash
        assert found.counts["val"] == {
            y_true: int((dataset.split("val")["y_true"] == y_true).sum()) for y_true in (0, 1)
        }
        hashes.add(dataset.manifest_hash)
    assert len(hashes) == 2


def test_progress_tells_both_stages(folder):
    calls = []
    scan_dataset(folder, progress=lambda *call: calls.append(call))
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
        scan_dataset(folder, progress=stop)


def test_samples_come_from_every_source(folder):
    found = scan_dataset(folder)
    for y_true, name in ((0, "real"), (1, "ai")):
        paths = found.samples(y_true, 6)
        assert len(paths) == len(set(paths)) == 6 and all(path.is_file() for path in paths)
        assert {path.parents[1].name for path in paths} == {"small", "large"}
        assert {path.parent.name for path in paths} <= {name, "fake"}
    assert {path.parents[1].name for path in found.samples(1, 6, "large")} == {"large"}


def test_a_folder_inside_a_folder_is_entered(folder, tmp_path):
    (tmp_path / "download").mkdir()
    folder.rename(tmp_path / "download" / "pictures")
    assert scan_dataset(tmp_path / "download").root == tmp_path / "download" / "pictures"


def test_one_class_alone_can_be_looked_at_and_says_why_it_cannot_be_trained_on(make):
    make("real", 12)
    found = scan_dataset(make.root)
    assert found.dataset is None and not found.both_classes
    assert findings(found)[0].level is Level.ERROR
    assert findings(found)[0].sentence.startswith("All images found are real. Add AI-generated ones")
    assert found.counts == {"": {0: 12, 1: 0}} and found.audit() is None
    assert to_json(found, None, {})["images"] == {"real": 12, "ai": 0}


# ---- what somebody may type


@pytest.mark.parametrize("form", ["{}", "  {}\n", '"{}"', "'{}' ", "{}/", "{}/../pictures"])
def test_a_pasted_path_is_understood(folder, form):
    assert scan_dataset(form.format(folder)).root == folder


def test_the_home_folder_is_understood(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert typed("~/pictures") == folder


@pytest.mark.parametrize("text", ["", "   ", '""', "' '"])
def test_nothing_typed_is_not_the_current_folder(text):
    assert refusal(text) == "Give the folder of a dataset, or its CSV file."


@pytest.mark.parametrize(
    "text",
    [
        "/no/such/folder",
        "~nobody-of-this-name/x",
        "/tmp/a\0b",
        "/dev/null/x",
        "C:\\pictures",
        "$(id)",
        "../\ud800",
    ],
)
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


def test_a_folder_nobody_may_read_gets_a_sentence(folder, monkeypatch):
    scandir = os.scandir

    def forbidden(path):
        if Path(path).name == "large":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(
        os, "scandir", forbidden
    )  # the file system forbids root nothing, and tests may run as root
    assert "cannot be opened: Permission denied" in refusal(folder)


def test_a_path_through_a_folder_nobody_may_enter_gets_a_sentence(folder, monkeypatch):
    def forbidden(path, **_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", forbidden)
        sentence = refusal(folder)
    assert "cannot be opened: Permission denied" in sentence


# ---- hostile folders


def test_links_in_a_circle_end(folder):
    (folder / "small" / "ai" / "again").symlink_to(folder)
    (folder / "small" / "real" / "self.png").symlink_to(folder / "small" / "real" / "self.png")
    found = scan_dataset(folder)
    assert found.images == 28 and "small/real/self.png" in dict(found.unreadable)


def test_a_root_that_links_to_itself_gets_a_sentence(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be opened" in refusal(tmp_path / "loop")


def test_links_out_of_the_folder_are_not_opened(folder, tmp_path):
    picture(tmp_path / "secret.png", 7)
    (folder / "small" / "ai" / "link.png").symlink_to(tmp_path / "secret.png")
    found = scan_dataset(folder)
    assert "leads out of the dataset's folder" in dict(found.unreadable)["small/ai/link.png"]
    assert not any(path.name == "link.png" for path in found.samples(1, 20))


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
    assert f"small/ai/{name}" in dict(
        scan_dataset(folder).unreadable
    )  # showing it safely is the page's business


def test_more_images_than_memory_is_there_for_get_a_sentence(folder, monkeypatch):
    monkeypatch.setattr(dataset_scan, "MOST_IMAGES", 20)
    assert "There are more than 20 images here" in refusal(folder)


def test_ten_classes_get_a_sentence_that_names_them(make):
    for name in ("cat", "dog", "cow", "hen", "pig", "fox", "owl", "bee", "ant", "elk"):
        make(name, 1)
    assert "the folders found are ant, bee, cat, cow, dog, elk, fox, hen and 2 more" in refusal(make.root)


@pytest.mark.parametrize("name", ["non-AI", "not ai", "非AI", "без ии", "ليس مزيف", "AI-free"])
def test_what_is_said_not_to_be_ai_is_never_ai(make, name):
    make("ai", 10)
    make(name, 10)
    found = scan_dataset(make.root)
    assert set(found.rows["id"][found.y_true == 1].str.split("/").str[0]) == {"ai"}
    assert found.of_class(0) == 10


def test_names_that_are_no_utf8_are_listed_and_the_rest_is_scanned(folder):
    with open(os.fsencode(folder / "small" / "ai") + b"/caf\xe9.png", "wb") as file:
        file.write((folder / "small" / "ai" / "01.png").read_bytes())
    found = scan_dataset(folder)
    assert dict(found.unreadable)["small/ai/caf\\xe9.png"].startswith("The path is no UTF-8")
    assert found.images == 28 and json.dumps(to_json(found, None, {}))


def test_scanning_needs_no_framework():
    code = (
        "import sys, detector.datasets.dataset_scan, detector.practice_set; print({'tensorflow', 'keras',"
        " 'sklearn', 'streamlit'} & set(sys.modules))"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.strip() == "set()", process.stderr


# ---- what was planted is found


@pytest.fixture
def planted(make):
    """Splits with twelve pictures of each class; copies of some where they should not be."""
    for split in ("train", "val", "test"):
        make(f"{split}/ai", 12)
        make(f"{split}/real", 12)
    make.save("train/ai/leak.jpg", making_picture(49), quality=70)  # of test/ai/0049.png
    make.save("val/real/leak.jpg", making_picture(61), quality=70)  # of test/real/0061.png
    make.save("train/real/same.webp", making_picture(1), lossless=True)  # = train/ai/0001.png
    make.save("train/ai/twin.jpg", making_picture(2), quality=70)  # of train/ai/0002.png
    return scan_dataset(make.root)


def names(found, each) -> set[str]:
    return {found.rows["id"][place] for place in each.members}


def test_duplicates_are_found_the_worst_first(planted):
    sets = planted.duplicates.sets
    assert [names(planted, each) for each in sets[:1]] == [{"train/ai/0001.png", "train/real/same.webp"}]
    assert (sets[0].exact, sets[0].across_classes, sets[0].across_splits) == (True, True, False)
    assert [names(planted, each) for each in planted.duplicates.across_splits] == [
        {"train/ai/leak.jpg", "test/ai/0049.png"},
        {"val/real/leak.jpg", "test/real/0061.png"},
    ]
    assert names(planted, sets[-1]) == {"train/ai/0002.png", "train/ai/twin.jpg"}
    assert planted.duplicates.pictures() == 8 and planted.duplicates.pictures(exact=True) == 2


def test_a_leak_free_split_keeps_what_is_furthest_from_training(planted):
    leaking = planted.leaks
    assert dict(zip(planted.rows["id"].iloc[leaking["place"]], leaking["keeps"], strict=True)) == {
        "train/ai/leak.jpg": "test",
        "val/real/leak.jpg": "test",
    }
    counts = planted.without_leaks.rows.groupby("split").size().to_dict()
    assert counts == {"train": 26, "val": 24, "test": 24}
    assert planted.without_leaks.across_splits.count == 0


def test_groups_that_the_manifest_names_leak_as_well(make):
    groups = ["g", *range(7), "g", *range(8, 15)]
    make.manifest(8, split=["train"] * 8 + ["val"] * 8, group=groups)
    found = scan_dataset(make.root)
    assert found.rows["id"].iloc[found.leaks["place"]].tolist() == [found.rows["id"][0]]
    assert found.duplicates.sets == ()


def test_what_should_be_left_out_is_left_out_by_a_run_once_it_is_on_the_list(planted):
    from detector.datasets.exclusions import save_exclusions

    kinds = planted.exclusions()
    assert {kind: sorted(id for id, _ in found) for kind, found in kinds.items()} == {
        "unreadable": [],
        "leaks": ["train/ai/leak.jpg", "val/real/leak.jpg"],
        "both labels": ["train/ai/0001.png", "train/real/same.webp"],
    }
    save_exclusions(planted.root, [each for found in kinds.values() for each in found])
    dataset = load_dataset(planted.root)
    assert len(dataset.rows) == 72 + 4 - 4
    assert dataset.across_splits.count == dataset.both_labels.count == 0
    assert scan_dataset(planted.root).examined.excluded == 4


def test_findings_say_what_was_planted(planted):
    said = {finding.about: finding.sentence for finding in findings(planted)}
    assert said["labels"] == "2 pictures are here under both labels."
    assert said["splits"].startswith("2 images have a near-duplicate")
