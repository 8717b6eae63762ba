"""detector.evaluation.control_sets: which rows a control set holds, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detector.evaluation.control_sets import MIN_ROWS, control_subsets


def table(*groups: tuple[int, int, str, int]) -> pd.DataFrame:
    """Test pictures: groups of (label, number of pictures, format, short side)."""
    rows = []
    for label, count, form, side in groups:
        rows += [{"y_true": label, "original_format": form, "original_width": side}] * count
    made = pd.DataFrame(rows).assign(split="test", paired=False, original_height=2000, kind="photo")
    made["generator"] = np.where(made["y_true"] == 1, "flux", "camera (phone)")
    return made.assign(id=[f"{number}.jpg" for number in range(len(made))])


def test_jpeg_files_are_those_of_either_class_that_came_as_jpeg():
    rows = table((1, 30, "PNG", 512), (1, 25, "JPEG", 512), (0, 40, "JPEG", 512))
    chosen = control_subsets(rows)["test, JPEG files"]
    assert chosen.tolist() == [False] * 30 + [True] * 65


def test_where_all_files_are_jpeg_that_is_no_control_of_its_own():
    assert "test, JPEG files" not in control_subsets(table((1, 30, "JPEG", 512), (0, 30, "JPEG", 512)))


def test_matched_sizes_hold_as_many_pictures_of_each_class_in_every_bin():
    rows = table((1, 30, "PNG", 1024), (1, 5, "PNG", 600), (0, 22, "JPEG", 1030), (0, 50, "JPEG", 600))
    chosen = rows[control_subsets(rows)["test, sizes matched"]]
    counts = chosen.groupby(["original_width", "y_true"]).size().to_dict()
    assert counts == {(600, 0): 5, (600, 1): 5, (1024, 1): 22, (1030, 0): 22}


def test_which_pictures_match_depends_on_their_ids_alone():
    rows = table((1, 30, "PNG", 1024), (0, 60, "JPEG", 1024))
    shuffled = rows.sample(frac=1, random_state=1)
    chosen = rows[control_subsets(rows)["test, sizes matched"]]
    again = shuffled[control_subsets(shuffled)["test, sizes matched"]]
    assert set(chosen["id"]) == set(again["id"])


def test_pictures_of_unknown_size_match_nothing():
    rows = table((1, 30, "PNG", 0), (1, 30, "PNG", 512), (0, 60, "JPEG", 512))
    assert rows[control_subsets(rows)["test, sizes matched"]]["original_width"].eq(512).all()


def test_camera_photographs_are_real_ones_alone():
    rows = table((1, 30, "PNG", 512), (0, 30, "JPEG", 4000))
    assert rows[control_subsets(rows)["test, camera photographs"]]["y_true"].tolist() == [0] * 30


def test_a_control_with_hardly_a_picture_of_a_class_is_none():
    rows = table((1, MIN_ROWS - 1, "JPEG", 512), (1, 30, "PNG", 600), (0, MIN_ROWS - 1, "JPEG", 512))
    assert control_subsets(rows) == {}


def test_a_table_without_facts_of_the_files_has_no_controls():
    assert control_subsets(pd.DataFrame({"y_true": [0, 1], "split": "test", "paired": True})) == {}
