"""The predictions table of a finished model: every test and unseen picture as it is, and again as it arrives after each delivery."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detector.datasets import Dataset
from detector.delivery import AS_SENT, DELIVERIES
from detector.preprocessing import Preprocessing
from train.loop import predict_logits
from train.pipeline import read_ahead, read_photo

if TYPE_CHECKING:
    import keras

SAY_SECONDS = 15.0

View = Callable[[str], list[tuple[np.ndarray, int, int]]]
"""Picture's id -> (uint8 (H, W, 3), width and height to note down) for each way it is looked at."""


def predict_split(network: keras.Model, dataset: Dataset, split: str, preprocessing: Preprocessing, **pace) -> pd.DataFrame:
    """The pictures of one split as they are, without y_score. pace: batch_size, workers, should_stop() and say(), as for ``predict_test``."""
    return _table(network, dataset, dataset.split(split), _as_it_is(dataset), preprocessing, f"Judging {split}", **pace)


def predict_test(network: keras.Model, dataset: Dataset, preprocessing: Preprocessing, **pace) -> pd.DataFrame:
    """The splits test and unseen, without y_score, with a column ``delivery``: "" as they are, else the name of one of ``DELIVERIES``.

    Delivered are all unseen pictures and the paired ones of test; where none of these is paired, all of test. A delivery never enlarges:
    pictures that are smaller than its limit are only compressed again.

    pace: batch_size, workers, should_stop() that is asked between batches, say() for how far it is. Raises Stopped if asked to, and
    ImageReadError if a picture has become unreadable.
    """
    rows = dataset.rows[dataset.rows["split"].isin(("test", "unseen"))].reset_index(drop=True)
    table = _table(network, dataset, rows, _as_it_is(dataset), preprocessing, "Judging test pictures", **pace).assign(delivery="")
    test = rows["split"] == "test"
    paired = rows["paired"].to_numpy(bool)
    chosen = rows[~test | paired | ~(test & paired).any()]
    delivered = _table(network, dataset, chosen, _delivered(dataset), preprocessing, "Judging delivered test pictures", **pace)
    delivered["delivery"] = [delivery.name for delivery in DELIVERIES] * len(chosen)
    tables = [delivered[delivered["delivery"] == delivery.name] for delivery in DELIVERIES]
    return pd.concat([table, *tables], ignore_index=True)


def _as_it_is(dataset: Dataset) -> View:
    def view(id: str):
        photo = read_photo(dataset, id)
        return [(photo.pixels, photo.width, photo.height)]

    return view


def _delivered(dataset: Dataset) -> View:
    def view(id: str):
        pixels = read_photo(dataset, id, short_side=AS_SENT).pixels
        arrived = [delivery(pixels) for delivery in DELIVERIES]
        return [(each, each.shape[1], each.shape[0]) for each in arrived]

    return view


def _table(
    network: keras.Model, dataset: Dataset, rows: pd.DataFrame, view: View, preprocessing: Preprocessing, task: str,
    *, batch_size: int, workers: int, should_stop: Callable[[], bool], say: Callable[[str], None],
) -> pd.DataFrame:  # fmt: skip
    """``rows``, each repeated for every way ``view`` looks at it, with logit, width and height."""
    ids = rows["id"].tolist()
    sizes: list[tuple[int, int]] = []

    def batch(start: int):
        views = [view(id) for id in ids[start : start + batch_size]]
        looks = [look for each in views for look in each]
        return len(views), np.stack([preprocessing(pixels) for pixels, *_ in looks]), [size for _, *size in looks]

    def images():
        done, said = 0, time.monotonic()
        for count, stack, widths_and_heights in read_ahead(batch, range(0, len(ids), batch_size), workers):
            sizes.extend(widths_and_heights)
            for start in range(0, len(stack), batch_size):
                yield stack[start : start + batch_size]
            done += count
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                say(f"{task}: {done:,} of {len(ids):,}")

    logits = predict_logits(network, images(), should_stop)
    table = rows.drop(columns=["group"]).loc[np.repeat(rows.index, len(logits) // max(len(rows), 1))].reset_index(drop=True)
    table["logit"] = logits
    table[["width", "height"]] = np.array(sizes, np.int32).reshape(-1, 2)
    return table
