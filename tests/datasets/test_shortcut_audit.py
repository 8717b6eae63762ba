"""Shortcuts planted by hand are found and said in words; where there are none, none is claimed."""

import numpy as np
import pandas as pd
import pytest

from detector.datasets.file_measurement import MEASUREMENT
from detector.datasets.image_facts import facts as facts_of
from detector.datasets.image_facts import formats, histograms
from detector.datasets.shortcut_audit import audit_shortcuts
from detector.datasets.telling_facts import TellingFact, telling_facts


def dataset(n: int = 200) -> tuple[pd.DataFrame, np.ndarray]:
    """Half of each class, from ten sources; all files JPEGs of 640 x 480, whose sizes and colours are
    random."""
    rng = np.random.default_rng(0)
    measured = np.zeros(n, MEASUREMENT)
    measured["width"], measured["height"], measured["format"] = 640, 480, b"JPEG"
    measured["jpeg_quality"] = 90
    measured["bytes"] = rng.integers(50_000, 90_000, n)
    measured["colours"] = rng.integers(0, 256, (n, 8, 8, 3))
    y_true = np.arange(n) % 2
    sources = [f"source {number // 2 % 10}" for number in range(n)]
    return pd.DataFrame({"y_true": y_true, "source": sources}), measured


def audit(rows, measured, groups=None):
    return audit_shortcuts(rows, measured, np.arange(len(rows)) if groups is None else groups)


def test_where_nothing_gives_the_class_away_nothing_is_claimed():
    found = audit(*dataset())
    assert 0.4 < found.by_facts.value < 0.6 and 0.4 < found.by_thumbnail.value < 0.6
    assert found.facts == () and not found.some
    assert found.verdict == "Neither the files nor rough colours say much about the class."


def test_a_planted_format_is_found_and_said():
    rows, measured = dataset()
    measured["format"][rows["y_true"] == 1] = b"PNG"
    found = audit(rows, measured)
    assert found.by_facts.value > 0.99 and found.serious and found.elsewhere.value > 0.99
    assert "100% of AI-generated images are PNG files; 0% of real ones are." in map(str, found.facts)
    assert found.verdict.startswith("A ruler tells the classes apart")


def test_squares_are_counted_class_by_class():
    rows, measured = dataset()
    squares = np.r_[np.flatnonzero(rows["y_true"] == 1)[:71], np.flatnonzero(rows["y_true"] == 0)[:4]]
    measured["width"][squares] = measured["height"][squares] = 512
    first = audit(rows, measured).facts[0]
    assert str(first) == "71% of AI-generated images are square; 4% of real ones are."


def test_colours_that_give_the_class_away_are_found_by_the_thumbnail_alone():
    rows, measured = dataset()
    measured["colours"][rows["y_true"] == 1, :, :, 0] = 255
    found = audit(rows, measured)
    assert found.by_thumbnail.value > 0.99 and found.by_facts.value < 0.65 and found.serious
    assert found.verdict.startswith("Eight by eight colours tell the classes apart")


def test_near_duplicates_do_not_vouch_for_each_other():
    """Every picture many times, its size a number of its own: a copy in training would give it away."""
    rows, measured = dataset(2000)
    pictures = np.arange(2000) // 25
    rows["y_true"] = np.random.default_rng(1).integers(0, 2, 80)[pictures]
    measured["bytes"] = 50_000 + 97 * np.random.default_rng(2).permutation(80)[pictures]
    assert audit(rows, measured).by_facts.value > 0.9
    assert audit(rows, measured, pictures).by_facts.value < 0.75


def test_a_shortcut_of_one_source_is_worth_nothing_elsewhere():
    """In each source another size belongs to AI: what one source teaches is wrong in the next."""
    rows, measured = dataset(400)
    number = 2 * rows["source"].str[7:].astype(int) + rows["y_true"]
    measured["width"] = 600 + 10 * np.random.default_rng(1).permutation(20)[number]
    found = audit(rows, measured)
    assert found.by_facts.value > 0.95 and found.elsewhere.value < 0.65


@pytest.mark.parametrize("few", [9, 0])
def test_with_too_few_of_a_class_there_is_no_audit(few):
    rows, measured = dataset()
    kept = np.r_[np.flatnonzero(rows["y_true"] == 0), np.flatnonzero(rows["y_true"] == 1)[:few]]
    assert audit(rows.iloc[kept].reset_index(drop=True), measured[kept]) is None


def test_a_shortcut_in_a_few_images_is_found_too():
    rows, measured = dataset(24)
    measured["format"][rows["y_true"] == 1] = b"PNG"
    assert audit(rows, measured).by_facts.value > 0.95


def test_a_fact_that_a_single_image_has_does_no_harm():
    rows, measured = dataset()
    measured["jpeg_quality"][1:] = np.nan
    assert audit(rows, measured).by_facts.value < 0.6


def test_with_few_sources_none_is_left_out():
    rows, measured = dataset()
    assert audit(rows.assign(source="one"), measured).elsewhere is None


def test_a_bound_is_said_where_no_value_is_common():
    rows, measured = dataset()
    measured["bytes"] = np.where(rows["y_true"] == 1, 100_000, 60_000) + np.arange(200)
    found = telling_facts(facts_of(measured), rows["y_true"].to_numpy())
    assert str(found[0]) == "100% of AI-generated images are at least 100 kB large; 0% of real ones are."


def test_what_says_the_same_twice_is_said_once():
    rows, measured = dataset()
    ai = rows["y_true"] == 1
    measured["width"][ai] = measured["height"][ai] = 512
    measured["bytes"] = measured["width"] * measured["height"] // 4
    assert len(telling_facts(facts_of(measured), rows["y_true"].to_numpy())) == 1


def test_shares_are_never_rounded_to_all_or_nothing():
    assert str(TellingFact("square", 0.999, 0.001)) == (
        "more than 99% of AI-generated images are square; less than 1% of real ones are."
    )


def test_histograms_are_shares_of_each_class_by_itself():
    rows, measured = dataset()
    measured["width"][rows["y_true"] == 1] = 1280
    drawn = {each.fact.name: each for each in histograms(facts_of(measured), rows["y_true"].to_numpy())}
    width = drawn["width"]
    assert width.counts == {0: 100, 1: 100}
    assert [float(width.shares[label].max()) for label in (0, 1)] == [1.0, 1.0]
    assert width.edges[width.shares[0].argmax()] <= 640 < width.edges[width.shares[0].argmax() + 1]


def test_pictures_without_a_quality_are_in_no_histogram_of_it():
    rows, measured = dataset()
    measured["jpeg_quality"][rows["y_true"] == 1] = np.nan
    drawn = {each.fact.name: each for each in histograms(facts_of(measured), rows["y_true"].to_numpy())}
    assert drawn["jpeg_quality"].counts == {0: 100, 1: 0}


def test_a_square_lies_in_the_middle_of_a_bin():
    rows, measured = dataset()
    measured["width"] = measured["height"]
    drawn = {each.fact.name: each for each in histograms(facts_of(measured), rows["y_true"].to_numpy())}
    edges, place = drawn["aspect"].edges, int(drawn["aspect"].shares[0].argmax())
    assert edges[place] * edges[place + 1] == pytest.approx(1)


def test_formats_are_shares_the_commonest_first():
    rows, measured = dataset(20)
    measured["format"][rows["y_true"] == 1] = b"PNG"
    measured["format"][1] = b"JPEG"
    shares = formats(facts_of(measured), rows["y_true"].to_numpy())
    assert shares.index.tolist() == ["JPEG", "PNG"]
    assert shares.loc["PNG", 1] == pytest.approx(0.9) and shares.loc["PNG", 0] == 0
