"""``python -m train.calibrate BUNDLE --folds FOLD_BUNDLE ... --data DIR``: a temperature for pictures from
known and from unknown sources.

On validation, whose sources it was trained on, a model is surer of itself than it has reason to be elsewhere.
The fold bundles, of the same recipe trained with ``left_out_folds``, were judged by sources they had never
seen. Their log-odds, each model's own temperature taken out, stand in for those of the bundle on unseen
sources. One temperature is fitted to validation and left-out pictures, the two groups weighing the same, for
nobody knows where a picture comes from; test and unseen pictures are not asked. Threshold and unsure band are
chosen on validation as before, so that verdicts stay, unless the recipe names a threshold, which is a
probability. What verdicts were worth on left-out sources goes into the card.

With ``--write`` the bundle's decision, predictions, scoreboard, metrics and limitations become what was
found; the scores of its explanations, if they are of another temperature, are dropped. Exit status:
0 done, 2 wrong usage, bundles or data, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd

from detector.bundle import PREDICTIONS, Bundle, BundleError, find_bundle, load_network, read_bundle
from detector.datasets import Dataset, DatasetError, leave_out, load_dataset
from detector.evaluation.abstention import answers
from detector.evaluation.calibration import calibrated
from detector.evaluation.method_scores import COMMAND
from detector.evaluation.metrics import headline
from detector.evaluation.perturbed import CLEAN, by_perturbation
from detector.evaluation.predictions import PredictionsError, read_predictions
from detector.images import ImageReadError
from train.decision import BothSources, decide, for_card, worth
from train.exit_status import DONE, ends_with_a_sentence
from train.model_card import refresh
from train.recipes import Decision, Recipe, RecipeError, dotted, from_dict
from train.report import card_on_disk, cut, other_images, pace, say

NOT_OF_TRAINING = (
    "left_out_",
    "title",
    "licence",
    "backbone_weights",
    "workers",
    "cache_gb",
    "checkpoint_minutes",
    "decision.",
)
"""Settings that a fold may have of its own without being another model for it; backbone weights are named
by file."""


@ends_with_a_sentence(
    "train.calibrate",
    BundleError,
    DatasetError,
    ImageReadError,
    PredictionsError,
    RecipeError,
    interrupted="nothing was written",
)
def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    bundle = read_bundle(find_bundle(arguments.bundle))
    settings = recipe_of(bundle).decision
    folds = [read_bundle(find_bundle(fold)) for fold in arguments.folds]
    out_of_fold = out_of_fold_rows(bundle, folds)
    predictions = own_predictions(bundle)
    say(f"Checking the images of {arguments.data}.")
    dataset = load_dataset(arguments.data, **cut(bundle))
    if problem := other_images(bundle, dataset):
        raise DatasetError(problem)
    check_folds(folds, dataset)
    val = judge_validation(bundle, dataset)
    found = transfer(val, out_of_fold, settings) | {"command": _command(bundle, folds)}
    found["on_left_out"]["models"] = f"models of its recipe ({differences(bundle, folds)})"
    if arguments.write:
        _write(bundle, val, predictions, found)
    print(json.dumps(found))
    return DONE


def _write(bundle: Bundle, val: pd.DataFrame, predictions: pd.DataFrame, found: dict[str, Any]) -> None:
    """Put what was ``found`` (of ``transfer``), and what follows from it, into the bundle."""
    temperature = found["temperature"]
    y_score = calibrated(val["logit"].to_numpy(), temperature)
    predictions = predictions.assign(y_score=calibrated(predictions["logit"].to_numpy(), temperature))
    card = card_on_disk(bundle)
    stale = not math.isclose(temperature, bundle.temperature, rel_tol=1e-3)
    if stale:
        card.pop("explanations", None)
    card |= for_card(found)
    card["metrics"] = {"validation": headline(val["y_true"].to_numpy(), y_score, found["threshold"])}
    refresh(bundle, card, predictions)
    say(f"Wrote temperature, predictions, scoreboard, metrics and limitations of {bundle.name}.")
    if stale:
        say(f"Its explanations have to be scored again: {COMMAND} --data DATA --images 200 --write")


def recipe_of(bundle: Bundle) -> Recipe:
    """The settings a bundle was trained with; raises RecipeError if its card does not hold them."""
    training = bundle.card.get("training")
    settings = training.get("settings") if isinstance(training, dict) else None
    if not isinstance(settings, dict) or not isinstance(settings.get("name"), str):
        raise RecipeError(f"The card of {bundle.name} does not say how it was trained.")
    try:
        return from_dict(settings)
    except OverflowError as error:
        raise RecipeError(
            f"The settings in the card of {bundle.name} are not those of a training: {error}."
        ) from error


def own_predictions(bundle: Bundle) -> pd.DataFrame:
    """The rows of a bundle's predictions; raises PredictionsError if they are broken, or of other weights
    than the bundle's."""
    predictions = read_predictions(bundle.path / PREDICTIONS)
    if predictions.weights_sha256 != bundle.weights_sha256:
        raise PredictionsError(
            f"The predictions of {bundle.path} were made by other weights than the bundle's."
        )
    return predictions.rows


def out_of_fold_rows(bundle: Bundle, folds: Sequence[Bundle]) -> pd.DataFrame:
    """The left-out pictures of all folds, as they are: ``logit`` is each model's log-odds at its own
    temperature, ``answered`` and ``wrong`` (bool) are what its own threshold and unsure band make of them.

    Raises RecipeError where the bundles are not all the folds of the same recipe, and BundleError or
    PredictionsError for broken ones.
    """
    own = recipe_of(bundle)
    if own.left_out_folds:
        raise RecipeError(f"{bundle.name} is itself a fold; give the model that was trained on all sources.")
    tables: dict[int, pd.DataFrame] = {}
    count = recipe_of(folds[0]).left_out_folds
    for fold in folds:
        recipe = recipe_of(fold)
        if not recipe.left_out_folds:
            raise RecipeError(
                f"{fold.path} left no sources out of its training: --set left_out_folds=3 --set"
                " left_out_fold=0, and 1, and 2, does."
            )
        network = recipe.name, fold.architecture, fold.arguments
        if network != (own.name, bundle.architecture, bundle.arguments):
            raise RecipeError(
                f"{fold.path} is not of the recipe {own.name} and its network, as {bundle.name} is."
            )
        if recipe.left_out_folds != count or count != len(folds) or recipe.left_out_fold in tables:
            raise RecipeError(
                f"{fold.path} is fold {recipe.left_out_fold} of {recipe.left_out_folds}. Give the bundle of"
                " every fold, each once."
            )
        rows = own_predictions(fold)
        if not _has_fold_columns(rows):
            raise RecipeError(f"The predictions of {fold.path} do not name its left-out and paired pictures.")
        rows = by_perturbation(rows).get(CLEAN, rows[:0])
        rows = rows[rows["split"] == "unseen"]
        if rows.empty:
            raise RecipeError(f"The predictions of {fold.path} hold no left-out pictures.")
        y_true, y_score = rows["y_true"].to_numpy(), rows["y_score"].to_numpy()
        answered, wrong = answers(y_true, y_score, fold.threshold, fold.unsure)
        logit = rows["logit"] / fold.temperature
        tables[recipe.left_out_fold] = rows.assign(logit=logit, answered=answered, wrong=wrong)
    return pd.concat(tables.values(), ignore_index=True)


def _has_fold_columns(rows: pd.DataFrame) -> bool:
    """Whether predictions have what tells left-out and paired pictures."""
    if not {"split", "paired"} <= set(rows) or not rows.columns.is_unique:
        return False
    return rows["paired"].dtype == bool


def check_folds(folds: Sequence[Bundle], dataset: Dataset) -> None:
    """Raises DatasetError where a fold was not trained and judged with the images that this dataset has
    for it."""
    for fold in folds:
        recipe = recipe_of(fold)
        if problem := other_images(fold, leave_out(dataset, recipe.left_out_fold, recipe.left_out_folds)):
            raise DatasetError(problem)


def differences(bundle: Bundle, folds: Sequence[Bundle]) -> str:
    """In which settings that bear on training the folds differ from the bundle, besides what they leave
    out: words for the card."""
    own = dotted(recipe_of(bundle).to_dict())
    found = set()
    for fold in folds:
        for key, value in dotted(recipe_of(fold).to_dict()).items():
            if value != own.get(key) and not key.startswith(NOT_OF_TRAINING):
                found.add(f"{key} {value} instead of {own.get(key)}")
    return "; ".join(["trained without a part of its sources", *sorted(found)])


def judge_validation(bundle: Bundle, dataset: Dataset) -> pd.DataFrame:
    """The validation pictures with the bundle's logits."""
    from train.predict import predict_split

    return predict_split(load_network(bundle), dataset, "val", bundle.preprocessing, **pace())


def transfer(val: pd.DataFrame, out_of_fold: pd.DataFrame, settings: Decision) -> dict[str, Any]:
    """The decision of a model with these validation logits, and what verdicts were worth on the pictures of
    ``out_of_fold_rows``.

    Models differ in how large their logits are, and validation tells by how much: the temperature is the one
    fitted on ``val``, times the one that validation and left-out pictures, the two groups weighing the same,
    need beyond that.
    """
    both = BothSources.of(val, out_of_fold, settings)
    found = decide(val, settings, both.temperature)
    beyond = both.temperature / both.own
    say(f"Temperature {both.own:.3f} on validation, times {beyond:.3f} with {both.left_out}.")
    answered, wrong = (both.outside[column].to_numpy(bool) for column in ("answered", "wrong"))
    return found | {
        "fitted_on": both.fitted_on,
        "on_left_out": {"images": both.left_out, **worth(answered, wrong)},
    }


def _command(bundle: Bundle, folds: Sequence[Bundle]) -> str:
    """What repeats it, without this machine's paths: runs are taken to be in ``runs/``."""

    def name(each: Bundle) -> str:
        run = each.path.parent.name
        return f"runs/{run}/{each.name}" if each.name == "bundle" else each.name

    names = " ".join(map(name, folds))
    return f"python -m train.calibrate {name(bundle)} --folds {names} --data DATA --write"


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train.calibrate", description="Fit a temperature for known and unknown sources."
    )
    parser.add_argument("bundle", help="name in weights/, or path of a bundle")
    parser.add_argument(
        "--folds", required=True, nargs="+", help="the bundle of every fold of the same recipe"
    )
    parser.add_argument(
        "--data", required=True, help="the folder of images, or manifest CSV, that the model was trained from"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="put the temperature, and all that follows from it, into the bundle",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
