"""The end of a run: calibrate and choose the threshold on validation, touch the test split once, write the
bundle."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from detector import architectures
from detector.bundle import FORMAT, PREDICTIONS, WEIGHTS, file_sha256, write_card
from detector.datasets import Dataset
from detector.evaluation.calibration import calibrated
from detector.evaluation.metrics import headline
from detector.evaluation.predictions import Predictions, write_predictions
from train.checkpoints import save_weights
from train.decision import decide, decide_for_unknown_sources, for_card
from train.model_card import limitations, metrics, unseen_scores, write_scoreboard
from train.predict import predict_split, predict_test
from train.recipes import Recipe
from train.runs import RunDirectory
from train.runs.phases import Phase, PhaseProgress

LIBRARIES = ("keras", "tensorflow", "jax", "torch", "numpy", "pillow", "opencv-python", "scikit-learn")


@dataclass(frozen=True, eq=False)
class Judged:
    """What a network says of pictures, as predictions tables without y_score. test: of every split that it
    was neither trained nor tuned on. unknown: of training pictures, each judged by a network that saw
    nothing of their source; None where there were no such networks."""

    val: pd.DataFrame
    test: pd.DataFrame
    unknown: pd.DataFrame | None = None


def write_bundle(
    run: RunDirectory,
    recipe: Recipe,
    dataset: Dataset,
    network: keras.Model,
    command: str,
    should_stop: Callable[[], bool],
    say: Callable[[str], None],
    judged: Judged | None = None,
    tiles: int = 0,
) -> Path:
    """Write ``run.bundle`` (weights, card, test predictions, scoreboard) and return it. Everything is written
    beside it first and renamed at the end.

    network: all of it or, with ``judged``, only what a bundle keeps of it. judged: where somebody has judged
    the pictures already; otherwise they are judged now, with the weights as they were written. tiles: how
    many of a picture the network judges beside the whole.

    Raises Stopped, and ImageReadError if an image has become unreadable.
    """
    partial = run.path / "bundle.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    architecture = architectures.get(recipe.architecture)
    whole = judged is None
    save_weights(architecture.trained(network) if whole else network, partial / WEIGHTS)
    arguments = architecture.complete(recipe.architecture_arguments)
    preprocessing = replace(architecture.preprocessing, tiles=tiles)

    told = PhaseProgress(run)
    judged = judged or _judge(partial, recipe, dataset, should_stop=should_stop, say=say, told=told)
    told(Phase.CLOSING)
    val, test = judged.val, judged.test
    if judged.unknown is None:
        decision = decide(val, recipe.decision)
    else:
        decision = decide_for_unknown_sources(val, judged.unknown, recipe.decision)
    how = decision["not_calibrated"] or f"Calibrated on {decision['fitted_on']}:"
    say(f"{how} {_in_words(decision)}.")
    for rows in (val, test):
        rows["y_score"] = calibrated(rows["logit"].to_numpy(), decision["temperature"])

    sha256 = file_sha256(partial / WEIGHTS)
    write_predictions(Predictions(test, sha256), partial / PREDICTIONS)
    write_scoreboard(partial, test, sha256, decision)
    of_validation = headline(val["y_true"].to_numpy(), val["y_score"].to_numpy(), decision["threshold"])
    subsets = {"validation": of_validation, **metrics(test, decision["threshold"])}
    for name, figures in subsets.items():
        say(f"{name}: {', '.join(map(_figure, figures.items()))}")
    card = {
        "format": FORMAT,
        "title": _title(recipe, dataset),
        "practice": dataset.practice,
        "architecture": {"name": architecture.name, "arguments": arguments},
        "preprocessing": preprocessing.to_card(),
        "labels": {"0": "real", "1": "AI-generated"},
        **for_card(decision),
        "weights_sha256": sha256,
        **_encoder(architecture, recipe),
        "metrics": subsets,
        **unseen_scores(test),
        "limitations": limitations(preprocessing, subsets, decision, test, dataset.practice),
        "licence": _licence(recipe, architecture),
        "data_provenance": _provenance(dataset.rows),
        "training": _training(run, recipe, dataset, command),
    }
    write_card(partial, card)
    shutil.rmtree(run.bundle, ignore_errors=True)
    os.rename(partial, run.bundle)
    return run.bundle


def _judge(
    folder: Path,
    recipe: Recipe,
    dataset: Dataset,
    **pace: Any,
) -> Judged:
    """By the file that ships, read back at full precision. pace: as for ``predict_test``."""
    keras.config.set_dtype_policy("float32")
    architecture = architectures.get(recipe.architecture)
    shipped = architecture.build(None, **architecture.complete(recipe.architecture_arguments))
    architecture.trained(shipped).load_weights(folder / WEIGHTS)
    if architecture.encoder:
        architecture.encoder.load(shipped, recipe.backbone_weights)
    pace |= {"batch_size": recipe.batch_size, "workers": recipe.workers}
    logit = keras.Model(shipped.input, shipped.output["logit"])  # attention nobody looks at is not computed
    val = predict_split(logit, dataset, "val", architecture.preprocessing, **pace)
    return Judged(val, predict_test(logit, dataset, architecture.preprocessing, **pace))


def _encoder(architecture: architectures.Architecture, recipe: Recipe) -> dict[str, Any]:
    """The card's ``encoder``, for networks that stand on one; the recipe names its file as the backbone."""
    if architecture.encoder is None:
        return {}
    return {"encoder": {"file": architecture.encoder.file, "sha256": file_sha256(recipe.backbone_weights)}}


def _licence(recipe: Recipe, architecture: architectures.Architecture) -> str:
    """What the recipe says of it, and whose weights the backbone began with where others have them under a
    licence of their own."""
    stated = recipe.licence or "not stated"
    if recipe.backbone_weights != "imagenet" or architecture.published is None:
        return stated
    return f"{stated}; began with the weights of {architecture.published.credit}"


def _in_words(decision: dict[str, Any]) -> str:
    low, high = decision["unsure"]
    temperature, threshold = decision["temperature"], decision["threshold"]
    return f"temperature {temperature:.3f}, threshold {threshold:.3f}, unsure {low:.3f} to {high:.3f}"


def _figure(item: tuple[str, Any]) -> str:
    """A name and its value, for the log."""
    name, value = item
    return f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"


def _training(run: RunDirectory, recipe: Recipe, dataset: Dataset, command: str) -> dict[str, Any]:
    """The card's ``training``: how the model was made."""
    begun_with = run.read("config.json").get("manifest_sha256", dataset.manifest_hash)
    return {
        "run_id": run.id,
        "recipe": recipe.name,
        "command": command,
        "settings": {**recipe.to_dict(), "backbone_weights": Path(recipe.backbone_weights).name},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "backend": keras.config.backend(),
        "libraries": _versions(),
        "dataset": {
            "layout": dataset.layout,
            "manifest_sha256": dataset.manifest_hash,
            "sources": int(dataset.rows["source"].nunique()),
            "images": _counts(dataset.rows),
            "left_out_as_unreadable": len(dataset.unreadable),
            "changed_during_training": dataset.manifest_hash != begun_with,
        },
    }


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    """For instance "train real" -> how many there are."""
    counts: dict[str, int] = {}
    for split, label in sorted(zip(rows["split"], rows["y_true"], strict=True)):
        name = f"{split} {'AI-generated' if label else 'real'}"
        counts[name] = counts.get(name, 0) + 1
    return counts


def _title(recipe: Recipe, dataset: Dataset) -> str:
    title = recipe.title or recipe.name
    if recipe.left_out_folds:
        title += f", fold {recipe.left_out_fold} of {recipe.left_out_folds} left out"
    return f"Practice: {title}" if dataset.practice and not title.startswith("Practice") else title


def _provenance(rows: pd.DataFrame) -> str:
    """Which sources the images came from, the largest first, and how many were trained on."""
    counts = rows[rows["split"] == "train"]["source"].value_counts()
    sources = [f"{name} ({count})" for name, count in counts.items()]
    return f"Trained on {counts.sum():,} images from {len(counts)} sources: {', '.join(sources)}."


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
