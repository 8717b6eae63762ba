"""train.predict: what a network says of the pictures of a data set."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from detector.datasets import load_dataset
from detector.perturbations import DELIVERY_CHAINS
from detector.preprocessing import Preprocessing
from train import predict
from train.predict import predict_split, predict_test

PREPROCESSING = Preprocessing(32, 32, 90)
PACE = {"batch_size": 8, "workers": 1, "should_stop": lambda: False, "say": lambda line: None}


class Brightness:
    """A network whose logit is how bright its input is."""

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return {"logit": images.mean((1, 2, 3))[:, None]}


@pytest.fixture(scope="module")
def dataset(pictures):
    return load_dataset(pictures)


@pytest.fixture
def kept(monkeypatch) -> list[int]:
    """How many pictures were in memory at their own size whenever a further one had been read."""
    read, seen, counts = predict.read_photo, [], []

    def counted(*arguments, **named):
        photo = read(*arguments, **named)
        seen.append(weakref.ref(photo.pixels))
        counts.append(sum(pixels() is not None for pixels in seen))
        return photo

    monkeypatch.setattr(predict, "read_photo", counted)
    return counts


def test_each_picture_of_a_split_gets_the_logit_of_its_view(dataset):
    table = predict_split(Brightness(), dataset, "val", PREPROCESSING, **PACE)
    expected = [
        PREPROCESSING(predict.read_photo(dataset, id).pixels).mean() for id in dataset.split("val")["id"]
    ]
    np.testing.assert_allclose(table["logit"], expected, rtol=1e-5)
    assert set(table["width"]) == {60} and set(table["height"]) == {48}


@pytest.mark.parametrize("delivery", DELIVERY_CHAINS, ids=lambda each: each.name)
def test_after_a_delivery_each_picture_gets_the_logit_of_what_arrives(dataset, delivery):
    table = predict_test(Brightness(), dataset, PREPROCESSING, **PACE)
    table = table[table["delivery"] == delivery.name]
    arrived = [delivery(predict.read_photo(dataset, id).pixels) for id in table["id"]]
    np.testing.assert_allclose(table["logit"], [PREPROCESSING(each).mean() for each in arrived], rtol=1e-5)


def test_of_a_batch_only_views_are_kept(dataset, kept):
    predict_split(Brightness(), dataset, "val", PREPROCESSING, **PACE)
    assert len(kept) > 8 and max(kept) <= 2
