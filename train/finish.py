"""The end of a run: calibrate and choose the threshold on validation, touch the test split once, write the bundle."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import keras
import pandas as pd

from detector import architectures
from detector.bundle import FORMAT, PREDICTIONS, WEIGHTS, file_sha256, write_card
from detector.datasets import Dataset
from detector.evaluation.calibration import calibrated
from detector.evaluation.metrics import headline
from detector.evaluation.predictions import Predictions, write_predictions
from train.checkpoints import save_weights
from train.decision import decide, for_card
from train.measured import limitations, metrics, write_scoreboard
from train.predictions import predict_split, predict_test
from train.recipes import Recipe
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
    """Write ``run.bundle`` (weights, card, test predictions, scoreboard) and return it. Everything is written beside it first and renamed at the end.

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
    pace = {"batch_size": recipe.batch_size, "workers": recipe.workers, "should_stop": should_stop, "say": say}
    val = predict_split(shipped, dataset, "val", architecture.preprocessing, **pace)
    decision = decide(val, recipe.decision)
    figures = "temperature {temperature:.3f}, threshold {threshold:.3f}, unsure {unsure[0]:.3f} to {unsure[1]:.3f}".format(**decision)
    say(f"Calibrated on validation: {figures}.")
    test = predict_test(shipped, dataset, architecture.preprocessing, **pace)
    for rows in (val, test):
        rows["y_score"] = calibrated(rows["logit"], decision["temperature"])

    sha256 = file_sha256(partial / WEIGHTS)
    write_predictions(Predictions(test, sha256), partial / PREDICTIONS)
    write_scoreboard(partial, test, sha256, decision)
    subsets = {"validation": headline(val["y_true"], val["y_score"], decision["threshold"])} | metrics(test, decision["threshold"])
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
        **for_card(decision),
        "weights_sha256": sha256,
        "metrics": subsets,
        "limitations": limitations(architecture.preprocessing, subsets, decision, test, dataset.practice),
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
    if recipe.left_out_folds:
        title += f", fold {recipe.left_out_fold} of {recipe.left_out_folds} left out"
    return f"Practice: {title}" if dataset.practice and not title.startswith("Practice") else title


def _provenance(rows: pd.DataFrame) -> str:
    """Which sources the images came from, the largest first, and how many were trained on."""
    train = rows[rows["split"] == "train"]["source"].value_counts()
    sources = ", ".join(f"{name} ({count})" for name, count in train.items())
    return f"Trained on {train.sum():,} images from {len(train)} sources: {sources}."


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
