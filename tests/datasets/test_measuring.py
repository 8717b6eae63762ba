"""What is measured of files, what of it is kept, and that nothing stale is ever used."""

import os
import sqlite3

import numpy as np
import pytest

from detector.datasets import load_dataset
from detector.datasets.file_measurement import measure_file
from detector.datasets.measurement_cache import MOST_DATASETS
from detector.datasets.measuring import BATCH, measure_files
from detector.home_folder import home
from tests.datasets.making import picture


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "cache"))


def measured(root, **options):
    return measure_files(root, load_dataset(root, check_files=False).rows, **options)


def test_a_file_is_measured(make):
    make.save("a.jpg", picture(1, (200, 100)), quality=85)
    found = measure_file(make.root / "a.jpg")
    assert (found["width"], found["height"], found["format"]) == (200, 100, b"JPEG")
    assert found["jpeg_quality"] == 85 and found["bytes"] == (make.root / "a.jpg").stat().st_size


def test_the_size_is_that_of_the_upright_picture(make):
    exif = picture(1).getexif()
    exif[0x0112] = 6
    make.save("turned.jpg", picture(1, (200, 100)), exif=exif)
    found = measure_file(make.root / "turned.jpg")
    assert (found["width"], found["height"]) == (100, 200)


def test_colours_are_those_of_the_picture(make):
    make.save("red.png", picture(1).point([200] * 256 + [10] * 512))
    assert measure_file(make.root / "red.png")["colours"].reshape(-1, 3).tolist() == [[200, 10, 10]] * 64


def test_files_are_measured_once_until_they_change(two_classes):
    assert measured(two_classes.root).from_cache == 0
    before = measured(two_classes.root)
    assert before.from_cache == 20
    two_classes.save("ai/0003.png", picture(99, (30, 40)))
    after = measured(two_classes.root)
    assert after.from_cache == 19
    assert after.measurements["width"][2] == 30 and before.measurements["width"][2] == 72
    assert np.delete(after.measurements, 2).tobytes() == np.delete(before.measurements, 2).tobytes()


def test_a_file_of_the_same_size_that_was_changed_later_is_measured_again(two_classes):
    measured(two_classes.root)
    path = two_classes.root / "ai" / "0001.png"
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    assert measured(two_classes.root).from_cache == 19


def test_what_cannot_be_read_is_tried_anew_each_time(two_classes):
    path = two_classes.root / "ai" / "broken.png"
    path.write_bytes(b"no picture")
    assert [id for id, _ in measured(two_classes.root).failures] == ["ai/broken.png"]
    assert measured(two_classes.root).from_cache == 20
    assert [id for id, _ in measured(two_classes.root).failures] == ["ai/broken.png"]


def test_what_was_measured_before_a_cancel_is_kept(make):
    make("ai", 3 * BATCH)
    make("real", 3 * BATCH)

    class Cancelled(Exception):
        pass

    def cancel(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        measured(make.root, progress=cancel)
    assert measured(make.root).from_cache >= BATCH


def test_a_cache_that_is_no_database_is_begun_anew(two_classes):
    measured(two_classes.root)
    (file,) = (home() / "measurements").glob("*.sqlite")
    file.write_bytes(b"this is no database, but long enough to be taken for one" * 100)
    assert len(measured(two_classes.root).rows) == 20
    assert measured(two_classes.root).from_cache == 20


def test_measurements_of_another_version_are_not_used(two_classes):
    measured(two_classes.root)
    (file,) = (home() / "measurements").glob("*.sqlite")
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 0")
    connection.close()
    assert measured(two_classes.root).from_cache == 0


def test_without_a_place_for_a_cache_everything_else_works(two_classes, monkeypatch, tmp_path):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "a file" / "cache"))
    assert len(measured(two_classes.root).rows) == len(measured(two_classes.root).rows) == 20


def test_the_caches_of_datasets_that_nobody_looks_at_any_more_go(two_classes):
    folder = home() / "measurements"
    folder.mkdir(parents=True)
    for number in range(MOST_DATASETS + 3):
        (folder / f"{number:02}.sqlite").write_bytes(b"")
        os.utime(folder / f"{number:02}.sqlite", (number, number))
    measured(two_classes.root)
    left = sorted(file.stem for file in folder.glob("*.sqlite"))
    assert "00" not in left and "02" not in left and "05" in left and len(left) == MOST_DATASETS + 1
