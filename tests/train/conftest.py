"""Tiny pictures on disk, and runs that take no time."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.support.kill_storm import STAND_IN, end_all
from train.runs import commands


@pytest.fixture
def eager_steps():
    """Steps of training in this process run as they are written. To trace one takes longer than the few that
    a test has of each; tests that train in a process of its own trace them."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A data set for tests that only read it: 72 images to train on, 24 each for validation and test, and
    one that is broken."""
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures", count=120)


@pytest.fixture(scope="session")
def sourced(pictures, tmp_path_factory) -> Path:
    """The same pictures, said to be of four sources."""
    folder = Path(shutil.copytree(pictures, tmp_path_factory.mktemp("data") / "sourced"))
    manifest = pd.read_csv(folder / "manifest.csv")
    manifest["source"] = ["abcd"[number // 2 % 4] for number in range(len(manifest))]
    manifest.to_csv(folder / "manifest.csv", index=False)
    return folder


def write_pictures(root: Path, count: int) -> Path:
    """A manifest and ``count`` small pictures below ``root``, half of them with stripes, which are the
    AI-generated ones; one file is broken."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with open(root / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            [
                "file",
                "label",
                "split",
                "source",
                "generator",
                "kind",
                "paired",
                "group",
                "original_width",
                "original_format",
            ]
        )
        for number in range(count):
            coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            pixels = np.array(Image.fromarray(coarse).resize((60, 48), Image.Resampling.BICUBIC))
            if number % 2:
                pixels[::4] //= 2
            name, split = (
                f"images/{number:03d}.png",
                ("train", "train", "train", "val", "test")[number * 5 // count],
            )
            Image.fromarray(pixels).save(root / name)
            rows.writerow(
                [
                    name,
                    "ai" if number % 2 else "real",
                    split,
                    "stripes",
                    "none",
                    "test card",
                    number % 4 < 2,
                    number,
                    640,
                    "PNG",
                ]
            )
        (root / "images" / "broken.png").write_text("This is no picture.")
        rows.writerow(
            ["images/broken.png", "ai", "train", "stripes", "none", "test card", False, count, 640, "PNG"]
        )
    return root


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty folder of runs, trained by ``tests.support.stand_in``; whatever still goes on when the test
    ends is killed."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("TELLTALE_RUNS", str(folder))
    monkeypatch.delenv("TELLTALE_READONLY", raising=False)
    monkeypatch.setattr(commands, "TRAINER", STAND_IN)
    yield folder
    end_all(folder)
