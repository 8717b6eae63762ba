"""train.reconstruct: photos and what autoencoders make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector.datasets import load_dataset
from detector.datasets.manifests import from_csv, read_csv
from tests.train.conftest import write_pictures
from train import reconstruct
from train.autoencoders import DESIGNS, build, fit, reconstructed
from train.reconstruct import blended, main


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The test pictures are 60 x 48."""
    monkeypatch.setattr(reconstruct, "CROP", 16)


@pytest.fixture
def data(tmp_path) -> Path:
    return write_pictures(tmp_path / "data", count=40)


def run(data: Path, *more: str) -> int:
    out = str(data / "more.csv")
    return main(["--data", str(data), "--out", out, "--with", "nearest,shuffled", "--steps", "2", *more])


def files_of(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data / "reconstructed").rglob("*.jpg")}


@pytest.mark.parametrize("design", DESIGNS)
def test_a_reconstruction_of_any_size_is_as_large_as_its_picture(design):
    pixels = np.random.default_rng(0).integers(0, 256, (17, 30, 3), dtype=np.uint8)
    answer = reconstructed(build(design, width=2), pixels)
    assert answer.shape == pixels.shape and answer.dtype == np.uint8


def test_an_autoencoder_learns_to_give_back_what_it_was_shown():
    import keras

    keras.utils.set_random_seed(0)
    crops = np.full((2, 16, 16, 3), 60, np.uint8)
    crops[:, :, ::2] = 200  # stripes of one pixel, of which the small picture knows nothing
    errors = fit(build("nearest", width=4), iter([crops] * 80), 80)
    assert len(errors) == 80 and errors[-1] < 0.5 * errors[0]


def test_above_the_cut_off_the_photos_own_detail_is_kept_and_below_it_the_fakes():
    """The photo: stripes of one pixel (the highest frequency) around 100. The fake: plain 140."""
    photo = np.full((8, 8, 3), 100, np.uint8)
    photo[::2] += 20
    photo[1::2] -= 20
    answer = blended(photo, np.full_like(photo, 140), cut_off=0.5)
    np.testing.assert_array_equal(answer[::2], 160)
    np.testing.assert_array_equal(answer[1::2], 120)


def test_flux_2s_autoencoder_takes_its_share_and_is_trained_by_nobody(data, monkeypatch):
    """Whose files say that it turns pictures round."""

    def turned(pixels, training=False):
        return 1 - pixels

    asked = []
    monkeypatch.setattr(reconstruct.taef2, "load", lambda folder: asked.append(folder) or turned)
    monkeypatch.setattr(reconstruct, "BLENDED", 0)
    words = ["--data", str(data), "--out", str(data / "more.csv"), "--with", "taef2", "--taef2", "there"]
    assert main(words) == 0 and asked == [Path("there")]
    table = load_dataset(data / "more.csv").rows
    fakes = table[table["kind"] == "reconstructed"]
    assert set(fakes["generator"]) == {"taef2"} and len(fakes)
    photo, fake = (data / fakes["id"].iloc[0].replace("fake", what) for what in ("photo", "fake"))
    means = [np.asarray(Image.open(path)).mean() for path in (photo, fake)]
    assert sum(means) == pytest.approx(255, abs=2)


@pytest.mark.parametrize(("name", "option"), [("taef2", "--taef2 FOLDER"), ("span", "--span FILE")])
def test_what_is_not_trained_here_needs_its_files(data, capsys, name, option):
    with pytest.raises(SystemExit):
        run(data, "--with", name)
    assert option in capsys.readouterr().err


def test_files_that_are_not_there_are_named(data, capsys):
    assert run(data, "--with", "taef2", "--taef2", str(data)) == 2
    assert "taef2_encoder.pth" in capsys.readouterr().err


def test_every_photo_gets_a_copy_and_a_fake_of_its_size_quality_source_and_group(data):
    before = load_dataset(data, check_files=False).rows
    assert run(data) == 0
    table = load_dataset(data / "more.csv").rows
    photos = before[(before["split"] == "train") & (before["y_true"] == 0)]
    made = table[~table["id"].isin(before["id"])]
    assert len(made) == 2 * len(photos)
    assert set(table["id"]) >= set(before["id"]) - {"images/broken.png"}
    for group, pair in made.groupby("group"):
        real, fake = (pair[pair["y_true"] == label].iloc[0] for label in (0, 1))
        photo = photos[photos["group"] == group].iloc[0]
        assert (real["source"], fake["source"], fake["split"]) == (photo["source"], photo["source"], "train")
        assert fake["kind"] == "reconstructed" and fake["generator"] in ("nearest", "shuffled")
        with Image.open(data / real["id"]) as copy, Image.open(data / fake["id"]) as other:
            assert copy.size == other.size == (60, 48)
            assert copy.quantization == other.quantization
    assert set(made["generator"]) >= {"nearest", "shuffled"}


def test_what_was_known_of_the_data_sets_own_pictures_stands_beside_what_was_made(data):
    manifest = pd.read_csv(data / "manifest.csv").assign(original_width=900, original_format="PNG")
    manifest["teacher_score"] = 0.25
    manifest.to_csv(data / "manifest.csv", index=False)
    before = load_dataset(data, check_files=False).rows
    assert run(data) == 0
    table = load_dataset(data / "more.csv", check_files=False).rows
    kept = table[table["id"].isin(before["id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before[before["id"].isin(kept["id"])].reset_index(drop=True))


def test_no_teacher_has_a_score_for_what_was_made(data):
    manifest = pd.read_csv(data / "manifest.csv").assign(teacher_score=0.25)
    manifest.to_csv(data / "manifest.csv", index=False)
    assert run(data) == 0
    table = load_dataset(data / "more.csv", check_files=False).rows
    made = table["id"].str.startswith("reconstructed/")
    assert made.any() and table["teacher_score"].isna().equals(made)


def test_a_run_goes_on_where_one_was_interrupted_and_makes_the_same_files(data, monkeypatch):
    save, saved = reconstruct._save, []

    def interrupted(path, pixels, quality):
        if len(saved) == 5:
            raise KeyboardInterrupt
        saved.append(path)
        save(path, pixels, quality)

    monkeypatch.setattr(reconstruct, "_save", interrupted)
    assert run(data) == 130 and not (data / "more.csv").exists()
    half = files_of(data)
    assert len(half) == 5
    monkeypatch.setattr(reconstruct, "_save", save)
    assert run(data) == 0
    whole = files_of(data)
    assert half.items() <= whole.items()
    for path in list((data / "reconstructed").rglob("*.jpg")):
        path.unlink()
    assert run(data) == 0
    assert files_of(data) == whole


def test_as_many_photos_as_are_asked_for_of_those_that_are_meant(data):
    assert run(data, "--count", "3", "--where", "paired") == 0
    made = from_csv(data / "more.csv", read_csv(data / "more.csv")).rows.query("kind == 'reconstructed'")
    assert len(made) == 3 and made["paired"].all()


def test_of_what_was_made_nothing_is_made_again(data):
    assert run(data) == 0
    made = files_of(data)
    words = ["--data", str(data / "more.csv"), "--out", str(data / "again.csv"), "--with", "nearest,shuffled"]
    assert main([*words, "--steps", "2"]) == 0
    assert files_of(data) == made


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--where", "y_true == 1"], "no real training pictures"),
        (["--where", "nonsense >"], "cannot be asked of the rows"),
        (["--out", "elsewhere.csv"], "must lie in the data set's folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(data, more, said, capsys):
    assert run(data, *more) == 2
    assert said in capsys.readouterr().err and not files_of(data)


def test_an_autoencoder_that_is_none_is_refused_with_those_that_are_there(data, capsys):
    with pytest.raises(SystemExit):
        main(["--data", str(data), "--out", str(data / "more.csv"), "--with", "nonesuch"])
    assert "there is no autoencoder nonesuch; there are nearest, bilinear" in capsys.readouterr().err
