"""The predictions table of a finished model: every test and unseen picture as it is, and again as it
arrives after each delivery."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detector.architectures.attention_head import TILE_LOGIT
from detector.datasets import TEACHER_SCORE, Dataset
from detector.perturbations import AS_SENT, DELIVERY_CHAINS
from detector.preprocessing import Preprocessing
from train.loop import predict_logits
from train.pipeline import read_ahead, read_photo
from train.runs.phases import Phase

if TYPE_CHECKING:
    import keras

SAY_SECONDS = 15.0
JUDGED = ("test", "unseen", "unseen2")
"""The splits that a finished model is measured on."""

Look = tuple[np.ndarray, int, int]
"""uint8 (H, W, 3), and the width and height to note down."""
View = Callable[[str], Iterator[Look]]
"""Picture's id -> each way it is looked at, one after the other."""


def predict_split(
    network: keras.Model, dataset: Dataset, split: str, preprocessing: Preprocessing, **pace: Any
) -> pd.DataFrame:
    """The pictures of one split as they are, without y_score. pace: as for ``predict_test``."""
    rows, seen = dataset.split(split), _as_it_is(dataset, preprocessing)
    return _table(of_views(network, preprocessing), rows, seen, preprocessing, Phase.CALIBRATING, **pace)


def predict_test(
    network: keras.Model, dataset: Dataset, preprocessing: Preprocessing, **pace: Any
) -> pd.DataFrame:
    """The splits test and unseen, without y_score, with a column ``delivery``: "" as they are, else the name
    of one of ``DELIVERY_CHAINS``.

    Delivered are all unseen pictures and the paired ones of test; where none of these is paired, all of test.
    A delivery never enlarges: pictures that are smaller than its limit are only compressed again.

    pace: batch_size, workers, should_stop() that is asked between batches; say() is told in words, from time
    to time, how far it is, and told(phase, done, total) after every batch. Raises Stopped if asked to, and
    ImageReadError if a picture has become unreadable.
    """
    rows = dataset.rows[dataset.rows["split"].isin(JUDGED)].reset_index(drop=True)
    seen, network = _as_it_is(dataset, preprocessing), of_views(network, preprocessing)
    table = _table(network, rows, seen, preprocessing, Phase.TESTING, **pace)
    table = table.assign(delivery="")
    test = rows["split"].to_numpy() == "test"
    paired = rows["paired"].to_numpy(bool)
    none_is_paired = not (test & paired).any()
    chosen = rows[~test | paired | none_is_paired]
    phase = Phase.TESTING_PERTURBED
    delivered = _table(network, chosen, _delivered(dataset), preprocessing, phase, **pace)
    delivered["delivery"] = [delivery.name for delivery in DELIVERY_CHAINS] * len(chosen)
    tables = [delivered[delivered["delivery"] == delivery.name] for delivery in DELIVERY_CHAINS]
    return pd.concat([table, *tables], ignore_index=True)


def of_views(network: keras.Model, preprocessing: Preprocessing) -> keras.Model:
    """The network for pictures given by their views, float32 (B, 1 + tiles, size, size, 3), see
    ``Preprocessing.views``: a model that answers ``logit``, (B, 1), of the whole and the tiles together.
    Without tiles it is the network itself, for model inputs."""
    if not preprocessing.tiles:
        return network
    import keras
    from keras import layers, ops

    size, count = preprocessing.size, 1 + preprocessing.tiles
    views = layers.Input((count, size, size, 3))
    outputs = network(ops.reshape(views, (-1, size, size, 3)))
    whole = ops.reshape(outputs["logit"], (-1, count))[:, :1]
    of_tiles = ops.reshape(outputs[TILE_LOGIT], (-1, count))[:, 1:]
    return keras.Model(views, {"logit": whole + ops.mean(of_tiles, axis=1, keepdims=True)})


def described(rows: pd.DataFrame) -> pd.DataFrame:
    """What a predictions table says of pictures: the columns of a dataset but those for training alone."""
    return rows.drop(columns=["group", TEACHER_SCORE], errors="ignore")


def _as_it_is(dataset: Dataset, preprocessing: Preprocessing) -> View:
    def view(picture_id: str) -> Iterator[Look]:
        photo = read_photo(dataset, picture_id, preprocessing.decoded_short_side)
        yield photo.pixels, photo.width, photo.height

    return view


def _delivered(dataset: Dataset) -> View:
    def view(picture_id: str) -> Iterator[Look]:
        pixels = read_photo(dataset, picture_id, short_side=AS_SENT).pixels
        for delivery in DELIVERY_CHAINS:
            arrived = delivery(pixels)
            yield arrived, arrived.shape[1], arrived.shape[0]

    return view


def _table(
    network: keras.Model,
    rows: pd.DataFrame,
    view: View,
    preprocessing: Preprocessing,
    phase: Phase,
    *,
    batch_size: int,
    workers: int,
    should_stop: Callable[[], bool],
    say: Callable[[str], None],
    told: Callable[[Phase, int, int], None] | None = None,
) -> pd.DataFrame:
    """``rows``, each repeated for every way ``view`` looks at it, with logit, width and height. network: as
    ``of_views`` makes it."""
    ids = rows["id"].tolist()
    at_once = max(1, batch_size // (1 + preprocessing.tiles))
    sizes: list[tuple[int, int]] = []

    def batch(start: int) -> tuple[int, np.ndarray, list[tuple[int, int]]]:
        few, views, widths_and_heights = ids[start : start + batch_size], [], []
        for picture_id in few:
            for pixels, width, height in view(picture_id):  # large; only their views stay
                views.append(preprocessing.views(pixels))
                widths_and_heights.append((width, height))
        inputs = np.stack(views)
        return len(few), inputs if preprocessing.tiles else inputs[:, 0], widths_and_heights

    def images() -> Iterator[np.ndarray]:
        done, said = 0, time.monotonic()
        for count, stack, widths_and_heights in read_ahead(batch, range(0, len(ids), batch_size), workers):
            sizes.extend(widths_and_heights)
            for start in range(0, len(stack), at_once):
                yield stack[start : start + at_once]
            done += count
            if told:
                told(phase, done, len(ids))
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                say(f"{phase.title}: {done:,} of {len(ids):,}")

    if told:
        told(phase, 0, len(ids))
    logits = predict_logits(network, images(), should_stop)
    looks_each = len(logits) // max(len(rows), 1)
    repeated = rows.loc[np.repeat(rows.index, looks_each)]
    table = described(repeated).reset_index(drop=True)
    table["logit"] = logits
    table[["width", "height"]] = np.array(sizes, np.int32).reshape(-1, 2)
    return table
