"""A model that looks at the whole and at tiles: verdicts, maps and copies are made of the same views."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from detector.architectures.attention_head import TILE_LOGIT
from detector.classifier import Classifier
from detector.explain import METHODS
from detector.explain.region_map import edges, region_map
from detector.explain.walkthrough import walk_through
from detector.images import read_image
from detector.perturbation_test import judge_perturbed_copies, short_side
from detector.preprocessing import Region
from pages.how_it_works import tile_figures, tile_texts
from pages.how_it_works.charts import curve
from pages.how_it_works.head_texts import probability
from pages.how_it_works.steps import steps_of
from tests.support.networks import TINY_TILED, built
from train.linear_head import logistic_regression
from train.predict import of_views


@pytest.fixture(scope="module")
def tiled() -> Classifier:
    return built(TINY_TILED)


@pytest.fixture
def pixels() -> np.ndarray:
    """uint8 (64, 128, 3): dark noise on the left, bright noise on the right."""
    rng = np.random.default_rng(0)
    left, right = (rng.integers(low, low + 100, (64, 64, 3)) for low in (0, 150))
    return np.concatenate([left, right], axis=1).astype(np.uint8)


def answers(classifier: Classifier, image: np.ndarray) -> tuple[float, float]:
    """Of one model input: its logit as a whole, and as a tile."""
    outputs = classifier.network(image[None].astype(np.float32), training=False)
    return float(outputs["logit"][0, 0]), float(outputs[TILE_LOGIT][0, 0])


def test_the_logit_is_that_of_the_whole_plus_the_mean_of_the_tiles(tiled, pixels):
    analysis = tiled.analyse(pixels)
    views = tiled.bundle.preprocessing.views(pixels)
    expected = [answers(tiled, views[0])[0], *(answers(tiled, view)[1] for view in views[1:])]
    assert [tile.logit for tile in analysis.tiles] == pytest.approx(expected[1:], abs=1e-5)
    assert analysis.logit == pytest.approx(expected[0] + np.mean(expected[1:]), abs=1e-5)
    assert analysis.of_tiles == pytest.approx(np.mean(expected[1:]), abs=1e-5)
    assert [tile.region for tile in analysis.tiles] == [
        Region(0.125, 0.25, 0.375, 0.75),
        Region(0.625, 0.25, 0.875, 0.75),
    ]


def test_many_photos_are_judged_as_each_alone(tiled, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.engine.BATCH_SIZE", 4)  # views of one photo in two passes
    rng = np.random.default_rng(1)
    files = []
    for number in range(5):
        picture = Image.fromarray(rng.integers(0, 256, (40 + number, 70, 3), dtype=np.uint8))
        picture.save(tmp_path / f"{number}.png")
        files.append(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"none")
    results = list(tiled.analyse_files([*files, tmp_path / "broken.png"]))
    assert results[-1].analysis is None and results[-1].error
    for file, result in zip(files, results, strict=False):
        assert result.analysis.logit == pytest.approx(tiled.analyse(read_image(file)).logit, abs=1e-4)


def test_tiles_are_cut_from_all_the_pixels_of_a_file(tiled, tmp_path):
    """A picture of 900 pixels would come at half its size for the whole alone."""
    chessboard = (np.indices((900, 900)).sum(0) % 2 * 255).astype(np.uint8)  # grey once reduced
    fine = np.dstack([chessboard] * 3)
    Image.fromarray(fine).save(tmp_path / "fine.png")
    assert tiled.read(tmp_path / "fine.png").pixels.shape == (900, 900, 3)
    assert short_side(tiled.bundle) == 2048
    (result,) = tiled.analyse_files([tmp_path / "fine.png"])
    assert result.analysis.logit == pytest.approx(tiled.analyse(fine).logit, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_of_the_whole_and_counts_the_tiles_in(tiled, pixels, method):
    heatmap = tiled.explain(pixels, method)
    assert heatmap.grid == (4, 4)
    analysis = tiled.analyse(pixels)
    if heatmap.constant is not None:
        assert heatmap.values.sum() + heatmap.constant == pytest.approx(analysis.logit, abs=1e-3)
    if heatmap.towards:
        assert heatmap.towards == tiled.bundle.side(analysis.y_score)
    (test,) = tiled.faithfulness(pixels, [heatmap], random_pairs=1)
    assert test.side == tiled.bundle.side(analysis.y_score)
    assert test.confidence == pytest.approx(max(analysis.y_score, 1 - analysis.y_score), abs=1e-4)


def test_the_maps_of_a_picture_judge_its_tiles_once(tiled, pixels, monkeypatch):
    outputs, judged = tiled.engine.outputs, []
    monkeypatch.setattr(
        tiled.engine, "outputs", lambda *images: judged.append(len(images[0])) or outputs(*images)
    )
    one, other = pixels[::-1], pixels[:, ::-1]
    for photo in (one, one, other, one):
        _, beside = tiled.whole_and_tiles(photo)
    assert judged == [2, 2]
    assert beside == pytest.approx(tiled.analyse(one).of_tiles, abs=1e-5)


def test_copies_are_judged_by_their_views(tiled, pixels):
    analysis = tiled.analyse(pixels)
    copies, seen = judge_perturbed_copies(tiled, _png(pixels), analysis)
    for copy, image in zip(copies, seen, strict=True):
        alone = tiled.analyse(copy.perturbation(pixels))
        assert copy.logit == pytest.approx(alone.logit, abs=1e-4) and len(alone.tiles) == 2
        assert image.shape == (32, 32, 3)


def test_a_part_of_a_picture_is_its_own_only_tile(tiled, pixels):
    larger = np.tile(pixels, (2, 1, 1))
    parts = region_map(tiled.engine, larger)
    corner = tiled.bundle.preprocessing(
        larger[: edges(128, parts.grid[0])[1], : edges(128, parts.grid[1])[1]]
    )
    assert parts.values[0, 0] == pytest.approx(sum(answers(tiled, corner)), abs=1e-4)


def test_how_it_works_ends_at_the_probability_of_the_verdict(tiled, pixels):
    walk, analysis = walk_through(tiled, pixels), tiled.analyse(pixels)
    assert walk.of_tiles == pytest.approx(analysis.of_tiles, abs=1e-5) != 0
    assert walk.y_score == pytest.approx(analysis.y_score, abs=1e-4) and walk.verdict == analysis.verdict
    text = probability(walk)
    assert f"{walk.of_tiles:+.3f} (the tiles) = {analysis.logit:+.3f}" in text.shapes
    assert "2 tiles, 32 × 32 pixels" in text.sentence
    assert list(curve(walk).data[-1].x) == pytest.approx([analysis.logit], abs=1e-4)


def test_how_it_works_shows_each_tile_before_the_probability(tiled, pixels):
    names = [step.name for step in steps_of(tiled.bundle.architecture, tiles=True)]
    assert names[-2:] == ["tiles", "probability"] and "tiles" not in [
        step.name for step in steps_of(tiled.bundle.architecture)
    ]
    walk = walk_through(tiled, pixels)
    assert [(tile.region, tile.logit) for tile in walk.tiles] == [
        (tile.region, pytest.approx(tile.logit, abs=1e-5)) for tile in tiled.analyse(pixels).tiles
    ]
    assert f"mean {walk.of_tiles:+.3f}" in tile_texts.tiles(walk).shapes
    figure = tile_figures.tiles(walk, 0)
    assert [panel["image"] for panel in figure["panels"]] == ["photo", "tile 1", "tile 2"]
    # the whole shows the middle, and the tiles, half as high, lie at the ends of its middle rows
    grid = np.array(figure["words"]).reshape(figure["grid"])
    assert "no tile" in grid[0, 0] and "by tile 1, too" in grid[1, 0] and "by tile 2, too" in grid[1, -1]


def test_a_finished_model_is_measured_on_the_same_views(tiled, pixels):
    preprocessing = tiled.bundle.preprocessing
    of_pictures = of_views(tiled.network, preprocessing)
    views = np.stack([preprocessing.views(pixels), preprocessing.views(pixels[:, ::-1])]).astype(np.float32)
    logits = of_pictures.predict_on_batch(views)["logit"][:, 0]
    assert logits == pytest.approx(
        [tiled.analyse(each).logit for each in (pixels, pixels[:, ::-1])], abs=1e-4
    )


def test_a_trace_of_single_pixels_is_learnt_from_tiles_and_not_from_the_whole(tiled):
    """Smooth pictures of 512 pixels; half of them bear a chessboard of single pixels, which is gone where the
    whole is reduced to 36."""
    rng = np.random.default_rng(0)
    chessboard = 24 * (np.indices((512, 512)).sum(0) % 2)[:, :, None]
    y_true = np.arange(80) % 2
    views = []
    for label in y_true:
        coarse = Image.fromarray(rng.integers(40, 200, (4, 4, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC))
        views.append(tiled.bundle.preprocessing.views((smooth + label * chessboard).astype(np.uint8)))
    features = tiled.engine.outputs(np.concatenate(views))["features"].mean((1, 2)).reshape(80, 3, -1)
    areas = []
    for seen in (features[:, 0], features[:, 1:].mean(1)):
        kernel, bias = logistic_regression(seen[:40], y_true[:40], np.ones(40))
        areas.append(roc_auc_score(y_true[40:], seen[40:] @ kernel + bias))
    assert areas[0] < 0.75 < 0.95 < areas[1]


def _png(pixels: np.ndarray) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
