"""``python -m train.calibrate BUNDLE --folds FOLD_BUNDLE ... --data DIR``: choose how logits become verdicts on sources left out of training.

On pictures from the sources it was trained on, validation included, a model is surer of itself than it has reason to be on others. The fold
bundles, of the same recipe trained with ``left_out_folds``, were judged by sources they had never seen. Their log-odds, each model's own
temperature taken out, stand in for those of the bundle on unseen sources: temperature, threshold and unsure band are chosen on all of them together.
Test and unseen pictures have no say.

With ``--write`` the bundle's decision, predictions, scoreboard, metrics and limitations become what was found; the scores of its explanations,
measured at another temperature, are dropped. Exit status: 0 done, 2 wrong usage, bundles or data, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from detector.bundle import CARD, PREDICTIONS, Bundle, BundleError, find, load_network, read_bundle
from detector.datasets import DatasetError, load_dataset
from detector.evaluation.calibration import calibrated
from detector.evaluation.metrics import headline
from detector.evaluation.predictions import PredictionsError, read_predictions
from detector.images import ImageReadError
from train.decision import decide, for_card
from train.measured import refresh
from train.recipes import Decision, Recipe, RecipeError, from_dict
from train.report import BATCH_SIZE, DONE, INTERRUPTED, USAGE, other_images, say, seed


def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        bundle = read_bundle(find(arguments.bundle))
        settings = recipe_of(bundle).decision
        if arguments.max_error is not None:
            settings = replace(settings, unsure_max_error=arguments.max_error)
        folds = [read_bundle(find(fold)) for fold in arguments.folds]
        rows = left_out_rows(bundle, folds)
        predictions = read_predictions(bundle.path / PREDICTIONS).rows
        say(f"Checking the images of {arguments.data}.")
        dataset = load_dataset(arguments.data, seed=seed(bundle))
        if problem := other_images(bundle, dataset):
            raise DatasetError(problem)
        val = judge_validation(bundle, dataset)
        found = transfer(val, rows, settings) | {"command": _command(bundle, folds, arguments.max_error)}
        val = val.assign(y_score=calibrated(val["logit"], found["temperature"]))
        predictions = predictions.assign(y_score=calibrated(predictions["logit"], found["temperature"]))
        if arguments.write:
            card: dict[str, Any] = json.loads((bundle.path / CARD).read_text("utf-8"))
            card.pop("explanations", None)
            card |= for_card(found)
            card["metrics"] = {"validation": headline(val["y_true"], val["y_score"], found["threshold"])}
            refresh(bundle, card, predictions)
            say(f"Wrote decision, predictions, scoreboard, metrics and limitations of {bundle.name}. Its explanations are to be measured again.")
    except (BundleError, DatasetError, ImageReadError, PredictionsError, RecipeError) as error:
        print(f"train.calibrate: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("train.calibrate: interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    print(json.dumps(found))
    return DONE


def recipe_of(bundle: Bundle) -> Recipe:
    """The settings a bundle was trained with; raises RecipeError if its card does not hold them."""
    training = bundle.card.get("training")
    settings = training.get("settings") if isinstance(training, dict) else None
    if not isinstance(settings, dict):
        raise RecipeError(f"The card of {bundle.name} does not say how it was trained.")
    return from_dict(settings)


def left_out_rows(bundle: Bundle, folds: Sequence[Bundle]) -> pd.DataFrame:
    """The left-out pictures of all folds, as they are, ``logit`` being each model's log-odds at its own temperature.

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
        if recipe.left_out_folds != count or recipe.left_out_fold in tables:
            raise RecipeError("The folds must all be of one number, and each be given once.")
        rows = read_predictions(fold.path / PREDICTIONS).rows
        as_they_are = rows["delivery"] == "" if "delivery" in rows else True
        rows = rows[(rows["split"] == "unseen") & as_they_are]
        tables[recipe.left_out_fold] = rows.assign(logit=rows["logit"] / fold.temperature)
    if missing := sorted(set(range(count)) - set(tables)):
        raise RecipeError(f"Fold {missing[0]} of {count} is missing.")
    return pd.concat(tables.values(), ignore_index=True)


def judge_validation(bundle: Bundle, dataset) -> pd.DataFrame:
    """The validation pictures with the bundle's logits."""
    from train.predictions import predict_split  # imports Keras: wrong folders are reported before TensorFlow has started

    pace = {"batch_size": BATCH_SIZE, "workers": min(4, (os.cpu_count() or 1) + 1), "should_stop": lambda: False, "say": say}
    return predict_split(load_network(bundle), dataset, "val", bundle.preprocessing, **pace)


def transfer(val: pd.DataFrame, left_out: pd.DataFrame, settings: Decision) -> dict:
    """What ``decide`` finds on ``left_out``, for a model with these validation logits.

    The folds' models differ in how large their logits are, and validation tells by how much: the temperature is the one fitted on ``val``, times
    the one that ``left_out``, whose logits are already divided by their own models' validation temperatures, needs beyond that.
    """
    own = decide(val, settings, "validation images")["temperature"]
    found = decide(left_out, settings, "images of sources left out of training")
    say(f"Temperature {own:.3f} on validation, times {found['temperature']:.3f} on left-out sources.")
    return found | {"temperature": own * found["temperature"]}


def _command(bundle: Bundle, folds: Sequence[Bundle], max_error: float | None) -> str:
    """What repeats the decision, without this machine's paths."""
    names = " ".join(f"{fold.path.parent.name}/{fold.name}" for fold in folds)
    return f"python -m train.calibrate {bundle.name} --folds {names} --data DATA" + (f" --max-error {max_error:g}" if max_error is not None else "")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.calibrate", description="Choose how logits become verdicts on left-out sources.")
    parser.add_argument("bundle", help="name in weights/, or path of a bundle")
    parser.add_argument("--folds", required=True, nargs="+", help="the bundle of every fold of the same recipe")
    parser.add_argument("--data", required=True, help="the folder of images, or manifest CSV, that the model was trained from")
    parser.add_argument("--max-error", type=_share, help="the largest share wrong outside the unsure band (default: what the recipe says)")
    parser.add_argument("--write", action="store_true", help="put the decision, and all that follows from it, into the bundle")
    return parser.parse_args(argv)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
