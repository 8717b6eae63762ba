"""detector.classifier on the tiny bundle: one compiled pass, batches, order, errors, threads."""

import threading
from pathlib import Path

import numpy as np
import pytest

from detector import classifier as classifiers
from detector.classifier import Classifier, image_files
from detector.engine import answering
from detector.explain import received, rollout
from detector.images import read_image
from detector.preprocessing import Region


def plain(classifier, pixels) -> tuple[float, np.ndarray]:
    """(logit, attention) by calling the network directly."""
    outputs = classifier.network(
        classifier.bundle.preprocessing(pixels)[None].astype(np.float32), training=False
    )
    return float(outputs["logit"][0, 0]), outputs["attention"].numpy()[0]


@pytest.mark.parametrize(
    ("count", "at_once", "passes"), [(5, None, [2, 2, 1]), (2, None, [2]), (5, 4, [4, 1])]
)
def test_many_inputs_are_passed_a_few_at_a_time_and_answered_as_each_alone(
    classifier, monkeypatch, count, at_once, passes
):
    engine, sizes = classifier.engine, []
    function, size = engine._on_images(answering), classifier.bundle.preprocessing.size
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    alone = [engine.outputs(image[None]) for image in images]
    monkeypatch.setattr("detector.engine.BATCH_SIZE", 2)
    monkeypatch.setattr(
        engine, "_on_images", lambda make: lambda few: sizes.append(len(few)) or function(few)
    )
    together = engine.outputs(images, at_once)
    assert sizes == passes and all(len(values) == count for values in together.values())
    for place, answer in enumerate(alone):
        for name, value in answer.items():
            np.testing.assert_allclose(together[name][place], value[0], atol=1e-5)


# ---- one photo


@pytest.mark.parametrize(
    ("kind", "verdict", "logit"), [("warm", "ai", 6), ("cool", "real", -6), ("mixed", "unsure", 0)]
)
def test_verdict_follows_the_logit(classifier, photo, kind, verdict, logit):
    analysis = classifier.analyse(photo(kind))
    assert analysis.verdict == verdict and analysis.logit == pytest.approx(logit, abs=1e-3)


def test_compiled_pass_gives_the_plain_models_logit(classifier, photo):
    pixels = photo("warm", 90, 40)
    assert classifier.analyse(pixels).logit == pytest.approx(plain(classifier, pixels)[0], abs=1e-5)


def test_compiled_pass_gives_the_plain_models_attention(classifier, photo):
    pixels = photo("warm", 90, 40)
    _, attention = classifier.forward(classifier.bundle.preprocessing(pixels)[None])
    assert attention.shape == (1, 1, 1, 16, 16)
    np.testing.assert_allclose(attention[0], plain(classifier, pixels)[1], atol=1e-6)


def test_score_is_the_calibrated_logit(classifier, photo):
    analysis = classifier.analyse(photo("warm"))
    assert analysis.y_score == pytest.approx(
        1 / (1 + np.exp(-analysis.logit / 2))
    )  # the card's temperature is 2


def test_attention_of_one_layer_is_the_softmax_itself(classifier, photo):
    pixels = photo("warm")
    analysis = classifier.analyse(pixels)
    np.testing.assert_allclose(analysis.attention, plain(classifier, pixels)[1][0, 0], atol=1e-6)
    np.testing.assert_allclose(analysis.attention.sum(axis=1), 1, atol=1e-5)


def test_heatmap_is_the_rollout_received(classifier, photo):
    pixels = photo("warm")
    expected = received(rollout(plain(classifier, pixels)[1], residual=True), (4, 4))
    heatmap = classifier.analyse(pixels).heatmap
    np.testing.assert_allclose(heatmap.values, expected.values, atol=1e-6)
    assert heatmap.method == "attention rollout"


def test_region_is_the_part_the_model_saw(classifier, photo):
    side = 48 * 32 / 36
    across, down = side / 64, side / 48
    assert classifier.analyse(photo("warm", 48, 64)).region == Region(
        (1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2
    )


def test_photo_and_its_pixels_give_the_same(classifier, photo_folder):
    read = read_image(photo_folder / "cool.jpg")
    assert classifier.analyse(read).logit == classifier.analyse(read.pixels).logit


def test_analysis_names_bundle_and_threshold(classifier, photo):
    analysis = classifier.analyse(photo("cool"))
    assert (analysis.bundle, analysis.threshold) == ("tiny", 0.5)


# ---- several heads, layers, none


@pytest.fixture
def judge(classifier):
    """The analysis of given attention scores (layers, heads, n, n), or of none, at logit 0."""

    def judged(scores: np.ndarray | None):
        outputs = {"logit": np.zeros((1, 1), np.float32)}
        return classifier._analysis(
            (10, 10), outputs if scores is None else {**outputs, "attention": scores[None]}
        )

    return judged


def test_heads_are_averaged_in_the_attention(judge):
    scores = np.stack([np.eye(16), np.full((16, 16), 1 / 16)])[None].astype(np.float32)
    np.testing.assert_allclose(judge(scores).attention, scores.mean(axis=(0, 1)), atol=1e-7)


def test_attention_of_two_layers_is_their_rollout(judge):
    scores = np.random.default_rng(0).dirichlet(np.ones(16), (2, 1, 16)).astype(np.float32)
    np.testing.assert_allclose(judge(scores).attention, rollout(scores, residual=True), atol=1e-7)


def test_network_without_attention_has_no_heatmap(judge):
    analysis = judge(None)
    assert analysis.heatmap is None and analysis.attention is None and analysis.y_score == 0.5


# ---- many files


def test_files_come_back_in_order_with_the_same_results_as_alone(classifier, photo_folder):
    paths = [photo_folder / name for name in ("warm.png", "cool.jpg", "mixed.png", "warm.png")]
    results = list(classifier.analyse_files(paths))
    assert [result.path for result in results] == [str(path) for path in paths]
    for result, path in zip(results, paths, strict=True):
        assert result.analysis.logit == pytest.approx(classifier.analyse(read_image(path)).logit, abs=1e-5)
        assert result.error is None


def test_order_is_kept_over_several_batches_and_workers(classifier, photo_folder, monkeypatch):
    monkeypatch.setattr(classifiers, "BATCH_SIZE", 3)
    names = ["warm.png", "cool.jpg", "mixed.png", "cool.jpg", "warm.png"] * 4
    results = classifier.analyse_files((photo_folder / name for name in names), workers=4)
    expected = {"warm.png": "ai", "cool.jpg": "real", "mixed.png": "unsure"}
    assert [result.analysis.verdict for result in results] == [expected[name] for name in names]


def test_sizes_and_notes_come_with_the_result(classifier, photo_folder):
    result = next(classifier.analyse_files([photo_folder / "cool.jpg"]))
    assert (result.width, result.height) == (200, 300) and any(
        "Small picture" in note for note in result.notes
    )


def test_bytes_are_taken_too(classifier, photo_folder):
    result = next(classifier.analyse_files([(photo_folder / "warm.png").read_bytes()]))
    assert result.path == "" and result.analysis.verdict == "ai"


def test_unreadable_file_in_the_middle_leaves_the_others_alone(classifier, photo_folder, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    paths = [
        photo_folder / "warm.png",
        tmp_path / "broken.jpg",
        tmp_path / "missing.jpg",
        photo_folder / "cool.jpg",
    ]
    warm, broken, missing, cool = classifier.analyse_files(paths)
    assert (warm.analysis.verdict, cool.analysis.verdict) == ("ai", "real")
    assert broken.analysis is None and broken.error and missing.error == "There is no file at this path."


def test_batch_of_unreadable_files_alone(classifier):
    assert [result.error for result in classifier.analyse_files([b"", b""])] == ["This file is empty."] * 2


def test_no_files_give_no_results(classifier):
    assert list(classifier.analyse_files([])) == []


def test_files_are_taken_as_they_are_needed(classifier, photo_folder, monkeypatch):
    monkeypatch.setattr(classifiers, "BATCH_SIZE", 2)
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield photo_folder / "warm.png"

    results = classifier.analyse_files(endless())
    next(results)
    results.close()
    assert len(taken) <= 4


def test_threads_get_the_same_results(classifier, photo):
    photos = [
        photo(kind, height, width)
        for kind in ("warm", "cool", "mixed")
        for height, width in ((40, 40), (90, 50))
    ]
    expected = [classifier.analyse(pixels).logit for pixels in photos]
    found = [[] for _ in range(2)]

    def work(logits):
        for _ in range(5):
            logits.append([classifier.analyse(pixels).logit for pixels in photos])

    threads = [threading.Thread(target=work, args=[logits]) for logits in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[expected] * 5] * 2


def test_wrong_input_size_is_refused(classifier):
    with pytest.raises((TypeError, ValueError)):
        classifier.forward(np.zeros((1, 31, 32, 3), np.uint8))


def test_load_takes_a_name_in_the_weights_folder(tiny_bundle, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    assert Classifier.load("tiny").bundle.name == "tiny"


# ---- finding files


def test_folder_is_searched_by_suffix_and_sorted(tmp_path):
    for name in (
        "b.PNG",
        "a.jpg",
        "sub/c.webp",
        "notes.txt",
        ".hidden.jpg",
        ".cache/d.jpg",
        "__MACOSX/._a.jpg",
        "phone.HEIC",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    assert [str(path.relative_to(tmp_path)) for path in image_files([tmp_path])] == [
        "a.jpg",
        "b.PNG",
        "phone.HEIC",
        "sub/c.webp",
    ]


def test_file_is_taken_whatever_its_name(tmp_path):
    assert image_files([tmp_path / "picture.dat", ".hidden.jpg"]) == [
        tmp_path / "picture.dat",
        Path(".hidden.jpg"),
    ]
