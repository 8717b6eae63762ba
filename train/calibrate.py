"""``python -m train.calibrate BUNDLE --folds FOLD_BUNDLE ... --data DIR``: a temperature for pictures from known and from unknown sources.

On validation, whose sources it was trained on, a model is surer of itself than it has reason to be elsewhere. The fold bundles, of the same recipe
trained with ``left_out_folds``, were judged by sources they had never seen. Their log-odds, each model's own temperature taken out, stand in
for those of the bundle on unseen sources. One temperature is fitted to validation and left-out pictures, the two groups weighing the same, for
nobody knows where a picture comes from; test and unseen pictures are not asked. Threshold and unsure band are chosen on validation as before, so
that verdicts stay, unless the recipe names a threshold, which is a probability. What verdicts were worth on left-out sources goes into the card.

With ``--write`` the bundle's decision, predictions, scoreboard, metrics and limitations become what was found; the scores of its explanations,
if they were measured at another temperature, are dropped. Exit status: 0 done, 2 wrong usage, bundles or data, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from detector.bundle import CARD, PREDICTIONS, Bundle, BundleError, find, load_network, read_bundle
from detector.datasets import Dataset, DatasetError, leave_out, load_dataset
from detector.evaluation.calibration import calibrated, fit_temperature
from detector.evaluation.deliveries import CLEAN, by_delivery
from detector.evaluation.metrics import headline
from detector.evaluation.predictions import PredictionsError, read_predictions
from detector.images import ImageReadError
from train.decision import counted, decide, for_card
from train.measured import refresh
from train.recipes import Decision, Recipe, RecipeError, from_dict
from train.report import BATCH_SIZE, DONE, INTERRUPTED, USAGE, other_images, say, seed

NOT_OF_TRAINING = ("left_out_", "title", "licence", "backbone_weights", "workers", "cache_gb", "checkpoint_minutes", "decision.")
"""Settings that a fold may have of its own without being another model for it; backbone weights are named by file."""


def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        bundle = read_bundle(find(arguments.bundle))
        settings = recipe_of(bundle).decision
        folds = [read_bundle(find(fold)) for fold in arguments.folds]
        left_out = left_out_rows(bundle, folds)
        predictions = own_predictions(bundle)
        say(f"Checking the images of {arguments.data}.")
        dataset = load_dataset(arguments.data, seed=seed(bundle))
        if problem := other_images(bundle, dataset):
            raise DatasetError(problem)
        check_folds(folds, dataset)
        val = judge_validation(bundle, dataset)
        found = transfer(val, left_out, settings) | {"command": _command(bundle, folds)}
        found["on_left_out"]["models"] = f"models of its recipe ({differences(bundle, folds)})"
        val = val.assign(y_score=calibrated(val["logit"], found["temperature"]))
        predictions = predictions.assign(y_score=calibrated(predictions["logit"], found["temperature"]))
        if arguments.write:
            card: dict[str, Any] = json.loads((bundle.path / CARD).read_text("utf-8"))
            if stale := not math.isclose(found["temperature"], bundle.temperature, rel_tol=1e-3):
                card.pop("explanations", None)
            card |= for_card(found)
            card["metrics"] = {"validation": headline(val["y_true"], val["y_score"], found["threshold"])}
            refresh(bundle, card, predictions)
            say(f"Wrote temperature, predictions, scoreboard, metrics and limitations of {bundle.name}.")
            if stale:
                say("Its explanations have to be measured again: python -m benchmarks.explanations --data DATA --images 200 --write")
    except (BundleError, DatasetError, ImageReadError, PredictionsError, RecipeError) as error:
        print(f"train.calibrate: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("train.calibrate: interrupted before anything was written.", file=sys.stderr)
        return INTERRUPTED
    print(json.dumps(found))
    return DONE


def recipe_of(bundle: Bundle) -> Recipe:
    """The settings a bundle was trained with; raises RecipeError if its card does not hold them."""
    training = bundle.card.get("training")
    settings = training.get("settings") if isinstance(training, dict) else None
    if not isinstance(settings, dict) or not isinstance(settings.get("name"), str):
        raise RecipeError(f"The card of {bundle.name} does not say how it was trained.")
    try:
        return from_dict(settings)
    except OverflowError as error:
        raise RecipeError(f"The settings in the card of {bundle.name} are not those of a training: {error}.") from error


def own_predictions(bundle: Bundle) -> pd.DataFrame:
    """The rows of a bundle's predictions; raises PredictionsError if they are broken, or of other weights than the bundle's."""
    predictions = read_predictions(bundle.path / PREDICTIONS)
    if predictions.weights_sha256 != bundle.weights_sha256:
        raise PredictionsError(f"The predictions of {bundle.path} were made by other weights than the bundle's.")
    return predictions.rows


def left_out_rows(bundle: Bundle, folds: Sequence[Bundle]) -> pd.DataFrame:
    """The left-out pictures of all folds, as they are: ``logit`` is each model's log-odds at its own temperature, ``answered`` and ``wrong`` (bool)
    are what its own threshold and unsure band make of them.

    Raises RecipeError where the bundles are not all the folds of the same recipe, and BundleError or PredictionsError for broken ones.
    """
    own = recipe_of(bundle)
    if own.left_out_folds:
        raise RecipeError(f"{bundle.name} is itself a fold; give the model that was trained on all sources.")
    tables: dict[int, pd.DataFrame] = {}
    count = recipe_of(folds[0]).left_out_folds
    for fold in folds:
        recipe = recipe_of(fold)
        if not recipe.left_out_folds:
            raise RecipeError(f"{fold.path} left no sources out of its training: --set left_out_folds=3 --set left_out_fold=0, and 1, and 2, does.")
        if (recipe.name, fold.architecture, fold.arguments) != (own.name, bundle.architecture, bundle.arguments):
            raise RecipeError(f"{fold.path} is not of the recipe {own.name} and its network, as {bundle.name} is.")
        if recipe.left_out_folds != count or count != len(folds) or recipe.left_out_fold in tables:
            raise RecipeError(f"{fold.path} is fold {recipe.left_out_fold} of {recipe.left_out_folds}. Give the bundle of every fold, each once.")
        rows = own_predictions(fold)
        if not {"split", "paired"} <= set(rows) or not rows.columns.is_unique or rows["paired"].dtype != bool:
            raise RecipeError(f"The predictions of {fold.path} do not name its left-out and paired pictures.")
        rows = by_delivery(rows).get(CLEAN, rows[:0])
        rows = rows[rows["split"] == "unseen"]
        if rows.empty:
            raise RecipeError(f"The predictions of {fold.path} hold no left-out pictures.")
        low, high = fold.unsure
        tables[recipe.left_out_fold] = rows.assign(
            logit=rows["logit"] / fold.temperature,
            answered=(rows["y_score"] <= low) | (rows["y_score"] >= high),
            wrong=(rows["y_score"] >= fold.threshold) != (rows["y_true"] == 1),
        )
    return pd.concat(tables.values(), ignore_index=True)


def check_folds(folds: Sequence[Bundle], dataset: Dataset) -> None:
    """Raises DatasetError where a fold was not trained and judged with the images that this dataset has for it."""
    for fold in folds:
        recipe = recipe_of(fold)
        if problem := other_images(fold, leave_out(dataset, recipe.left_out_fold, recipe.left_out_folds)):
            raise DatasetError(problem)


def differences(bundle: Bundle, folds: Sequence[Bundle]) -> str:
    """In which settings that bear on training the folds differ from the bundle, besides what they leave out: words for the card."""
    own = _flat(recipe_of(bundle).to_dict())
    found = {
        f"{key} {value} instead of {own.get(key)}"
        for fold in folds
        for key, value in _flat(recipe_of(fold).to_dict()).items()
        if value != own.get(key) and not key.startswith(NOT_OF_TRAINING)
    }
    return "; ".join(["trained without a part of its sources", *sorted(found)])


def _flat(settings: dict, prefix: str = "") -> dict[str, Any]:
    """{"finetune": {"epochs": 4}} as {"finetune.epochs": 4}."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def judge_validation(bundle: Bundle, dataset: Dataset) -> pd.DataFrame:
    """The validation pictures with the bundle's logits."""
    from train.predictions import predict_split  # imports Keras: wrong folders are reported before TensorFlow has started

    pace = {"batch_size": BATCH_SIZE, "workers": min(4, (os.cpu_count() or 1) + 1), "should_stop": lambda: False, "say": say}
    return predict_split(load_network(bundle), dataset, "val", bundle.preprocessing, **pace)


def transfer(val: pd.DataFrame, left_out: pd.DataFrame, settings: Decision) -> dict:
    """The decision of a model with these validation logits, and what verdicts were worth on ``left_out`` (of ``left_out_rows``).

    Models differ in how large their logits are, and validation tells by how much: the temperature is the one fitted on ``val``, times the one
    that validation and left-out pictures, the two groups weighing the same, need beyond that.
    """
    own = decide(val, settings)["temperature"]
    inside, outside = counted(val, settings), counted(left_out, settings)
    rows = pd.concat([inside.assign(logit=inside["logit"] / own), outside])
    weights = np.repeat([1 / len(inside), 1 / len(outside)], [len(inside), len(outside)])
    beyond = fit_temperature(rows["y_true"], rows["logit"], weights)
    found = decide(val, settings, temperature=own * beyond)
    paired = "paired " if outside is not left_out else ""
    wrong = outside["wrong"][outside["answered"]]
    say(f"Temperature {own:.3f} on validation, times {beyond:.3f} with {len(outside):,} {paired}images of sources left out of training.")
    return found | {
        "fitted_on": f"{found['fitted_on']} and {len(outside):,} {paired}images of sources left out of training, in equal parts",
        "on_left_out": {
            "images": f"{len(outside):,} {paired}images of sources left out of training",
            "share_unsure": float(1 - outside["answered"].mean()), "error_outside_unsure": float(wrong.mean()) if len(wrong) else None,
        },
    }  # fmt: skip


def _command(bundle: Bundle, folds: Sequence[Bundle]) -> str:
    """What repeats it, without this machine's paths: runs are taken to be in ``runs/``."""

    def name(each: Bundle) -> str:
        return f"runs/{each.path.parent.name}/{each.name}" if each.name == "bundle" else each.name

    return f"python -m train.calibrate {name(bundle)} --folds {' '.join(map(name, folds))} --data DATA --write"


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.calibrate", description="Fit a temperature for known and unknown sources.")
    parser.add_argument("bundle", help="name in weights/, or path of a bundle")
    parser.add_argument("--folds", required=True, nargs="+", help="the bundle of every fold of the same recipe")
    parser.add_argument("--data", required=True, help="the folder of images, or manifest CSV, that the model was trained from")
    parser.add_argument("--write", action="store_true", help="put the temperature, and all that follows from it, into the bundle")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
