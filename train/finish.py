"""The end of a run: calibrate and choose the threshold on validation, touch the test split once, write the bundle."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from detector import architectures
from detector.bundle import FORMAT, PRACTICE_IS_NOT, PREDICTIONS, WEIGHTS, file_sha256, write_card
from detector.datasets import Dataset
from detector.evaluation.calibration import calibrated, choose_threshold, choose_unsure_band, fit_temperature
from detector.evaluation.metrics import headline, named_subsets
from detector.evaluation.predictions import Predictions, write_predictions
from detector.preprocessing import Preprocessing
from train.checkpoints import save_weights
from train.loop import predict_logits
from train.pipeline import read_ahead, read_photo
from train.recipes import Decision, Recipe
from train.runs import RunDirectory

LIBRARIES = ("keras", "tensorflow", "jax", "torch", "numpy", "pillow", "opencv-python", "scikit-learn")


def write_bundle(
    run: RunDirectory,
    recipe: Recipe,
    dataset: Dataset,
    network: keras.Model,
    command: str,
    should_stop: Callable[[], bool],
    say: Callable[[str], None],
) -> Path:
    """Write ``run.bundle`` (weights, card, test predictions) and return it. Everything is written beside it first and renamed at the end.

    Raises Stopped, and ImageReadError if an image has become unreadable.
    """
    partial = run.path / "bundle.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    save_weights(network, partial / WEIGHTS)
    architecture = architectures.get(recipe.architecture)
    arguments = architecture.complete(recipe.architecture_arguments)

    # Predictions come from the file that ships, read back at full precision.
    keras.config.set_dtype_policy("float32")
    shipped = architecture.build(None, **arguments)
    shipped.load_weights(partial / WEIGHTS)
    val = _predict(shipped, dataset, ("val",), recipe, architecture.preprocessing, should_stop)
    decision = _decide(val, recipe.decision)
    figures = "temperature {temperature:.3f}, threshold {threshold:.3f}, unsure {unsure[0]:.3f} to {unsure[1]:.3f}".format(**decision)
    say(f"Calibrated on validation: {figures}.")
    test = _predict(shipped, dataset, ("test", "unseen"), recipe, architecture.preprocessing, should_stop)
    for rows in (val, test):
        rows["y_score"] = calibrated(rows["logit"], decision["temperature"])

    sha256 = file_sha256(partial / WEIGHTS)
    write_predictions(Predictions(test, sha256), partial / PREDICTIONS)
    subsets = {name: headline(rows["y_true"], rows["y_score"], decision["threshold"]) for name, rows in _subsets(val, test)}
    for name, figures in subsets.items():
        shown = (f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}" for key, value in figures.items())
        say(f"{name}: {', '.join(shown)}")
    counts = dataset.rows.groupby(["split", "y_true"]).size()
    write_card(partial, {
        "format": FORMAT,
        "title": _title(recipe, dataset),
        "practice": dataset.practice,
        "architecture": {"name": architecture.name, "arguments": arguments},
        "preprocessing": architecture.preprocessing.to_card(),
        "labels": {"0": "real", "1": "AI-generated"},
        "calibration": {"method": "temperature", "temperature": decision["temperature"], "fitted_on": decision["fitted_on"]},
        "decision": {key: decision[key] for key in ("threshold", "unsure", "chosen_on", "error_outside_unsure", "share_unsure")},
        "weights_sha256": sha256,
        "metrics": subsets,
        "limitations": ([PRACTICE_IS_NOT] if dataset.practice else []) + _limitations(architecture.preprocessing, subsets, decision),
        "licence": recipe.licence or "not stated",
        "data_provenance": _provenance(dataset.rows),
        "training": {
            "run_id": run.id, "recipe": recipe.name, "command": command,
            "settings": {**recipe.to_dict(), "backbone_weights": Path(recipe.backbone_weights).name},
            "finished": datetime.now(UTC).isoformat(timespec="seconds"), "backend": keras.config.backend(), "libraries": _versions(),
            "dataset": {
                "layout": dataset.layout, "manifest_sha256": dataset.manifest_hash, "sources": int(dataset.rows["source"].nunique()),
                "images": {f"{split} {'AI-generated' if label else 'real'}": int(n) for (split, label), n in counts.items()},
                "left_out_as_unreadable": len(dataset.unreadable),
                "changed_during_training": dataset.manifest_hash != run.read("config.json").get("manifest_sha256", dataset.manifest_hash),
            },
        },
    })  # fmt: skip
    shutil.rmtree(run.bundle, ignore_errors=True)
    os.rename(partial, run.bundle)
    return run.bundle


def _title(recipe: Recipe, dataset: Dataset) -> str:
    title = recipe.title or recipe.name
    return f"Practice: {title}" if dataset.practice and not title.startswith("Practice") else title


def _predict(network, dataset: Dataset, splits: tuple[str, ...], recipe: Recipe, preprocessing: Preprocessing, should_stop) -> pd.DataFrame:
    """The predictions table of some splits, without y_score."""
    rows = dataset.rows[dataset.rows["split"].isin(splits)].reset_index(drop=True)
    sizes: list[tuple[int, int]] = []

    def batch(start: int):
        photos = [read_photo(dataset, id) for id in rows["id"][start : start + recipe.batch_size]]
        return np.stack([preprocessing(photo.pixels) for photo in photos]), [(photo.width, photo.height) for photo in photos]

    def images():
        for stack, widths_and_heights in read_ahead(batch, range(0, len(rows), recipe.batch_size), recipe.workers):
            sizes.extend(widths_and_heights)
            yield stack

    table = rows.drop(columns=["group"])
    table["logit"] = predict_logits(network, images(), should_stop)
    table[["width", "height"]] = np.array(sizes, np.int32).reshape(-1, 2)
    return table


def _decide(val: pd.DataFrame, settings: Decision) -> dict:
    """Temperature, threshold and unsure band, all from validation rows."""
    rows = val[val["paired"]] if settings.calibrate_on == "paired" and val[val["paired"]]["y_true"].nunique() == 2 else val
    where = f"{len(rows)} {'paired ' if rows is not val else ''}validation images"
    y_true = rows["y_true"].to_numpy()
    temperature = fit_temperature(y_true, rows["logit"])
    y_score = calibrated(rows["logit"], temperature)
    balanced = settings.threshold == "balanced"
    threshold = choose_threshold(y_true, y_score, settings.max_false_alarms) if balanced else float(settings.threshold)
    low, high = choose_unsure_band(y_true, y_score, threshold, settings.unsure_max_error)
    low, high = min(low, threshold), max(high, threshold)  # rounding must not put the threshold outside
    outside = (y_score <= low) | (y_score >= high)
    wrong = (y_score >= threshold) != (y_true == 1)
    return {
        "temperature": temperature, "fitted_on": where, "threshold": threshold, "unsure": [low, high], "chosen_on": where,
        "error_outside_unsure": float(wrong[outside].mean()) if outside.any() else None, "share_unsure": float(1 - outside.mean()),
    }  # fmt: skip


def _limitations(preprocessing: Preprocessing, metrics: dict[str, dict], decision: dict) -> list[str]:
    """What a reader of the card should not be left to find out: sentences made of what was measured."""
    sentences = [
        f"It sees one {preprocessing.size} x {preprocessing.size} square from the middle of a picture whose short side was reduced to "
        f"{preprocessing.short_side} pixels; nothing finer and nothing further out."
    ]
    for name, meaning in (
        ("test, paired", "from its training sources, real and AI-generated showing the same subjects"),
        ("unseen, paired", "from sources it was never trained or tuned on, real and AI-generated showing the same subjects"),
        ("unseen, unpaired", "from sources it was never trained or tuned on, where subject and style may help"),
    ):
        figures = metrics.get(name, {})
        if figures.get("balanced_accuracy") is not None:
            sentences.append(
                f"On {figures['n']} pictures {meaning}, its balanced accuracy is {figures['balanced_accuracy']:.3f} and its ROC AUC "
                f"{figures['roc_auc']:.3f}; it calls {figures['false_alarm_rate']:.1%} of the real ones AI-generated."
            )
    if decision["error_outside_unsure"] is not None:
        sentences.append(
            f"On the {decision['chosen_on']} its unsure band was chosen on, it is unsure about {decision['share_unsure']:.1%} and wrong about "
            f"{decision['error_outside_unsure']:.1%} of the others; on other sources it is wrong more often."
        )
    return sentences


def _provenance(rows: pd.DataFrame) -> str:
    """Which sources the images came from, the largest first, and how many were trained on."""
    train = rows[rows["split"] == "train"]["source"].value_counts()
    sources = ", ".join(f"{name} ({count})" for name, count in train.items())
    return f"Trained on {train.sum():,} images from {len(train)} sources: {sources}."


def _subsets(val: pd.DataFrame, test: pd.DataFrame):
    yield "validation", val
    for name, chosen in named_subsets(test).items():
        yield name, test[chosen]


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
