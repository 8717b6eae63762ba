"""What was measured, as a bundle carries it: the card's metrics and limitations, and ``scoreboard.json``."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd

from detector.bundle import PRACTICE_IS_NOT, PREDICTIONS, Bundle, write_card
from detector.delivery import DELIVERIES
from detector.evaluation.deliveries import by_delivery, only_compressed
from detector.evaluation.metrics import headline, named_subsets
from detector.evaluation.predictions import Predictions, write_predictions
from detector.evaluation.scoreboard import scoreboard, to_json
from detector.preprocessing import Preprocessing

SCOREBOARD = "scoreboard.json"


def metrics(test: pd.DataFrame, threshold: float) -> dict[str, dict]:
    """Name of a set -> its headline figures. test: the predictions, with y_score."""
    return {name: headline(test["y_true"][chosen], test["y_score"][chosen], threshold) for name, chosen in named_subsets(test).items()}


def limitations(preprocessing: Preprocessing, metrics: dict[str, dict], decision: dict, test: pd.DataFrame, practice: bool) -> list[str]:
    """What a reader of the card should not be left to find out: sentences made of what was measured.

    decision: as in the card. practice: whether it was trained on a practice set.
    """
    sentences = [PRACTICE_IS_NOT] if practice else []
    sentences += [
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
    sentences += _after_delivery(metrics, only_compressed(by_delivery(test)))
    if decision.get("error_outside_unsure") is not None:
        sentence = (
            f"On the {decision['chosen_on']} its unsure band was chosen on, it is unsure about {decision['share_unsure']:.1%} and wrong about "
            f"{decision['error_outside_unsure']:.1%} of the others; "
        )
        sentence += _on_left_out(decision.get("on_left_out")) or "on other sources it is wrong more often."
        sentences.append(sentence)
    return sentences


def _on_left_out(found: Any) -> str | None:
    """What `train.calibrate` found out about verdicts on unknown sources; None where the card does not hold it."""
    figures = [found.get(key) for key in ("share_unsure", "error_outside_unsure")] if isinstance(found, dict) else [None]
    if not all(type(figure) is float for figure in figures):
        return None
    return "on {images}, {models} were unsure about {0:.1%} and wrong about {1:.1%} of the others.".format(
        *figures, images=found.get("images", "left-out sources"), models=found.get("models", "models of its recipe")
    )


def _after_delivery(metrics: dict[str, dict], compressed: dict[str, float]) -> list[str]:
    """How pictures that were shrunk and compressed on their way fare, for the set that says most."""
    for name in ("unseen, paired", "unseen", "test, paired", "test"):
        clean = metrics.get(name, {}).get("balanced_accuracy")
        after = {each: metrics.get(f"{name}, {each.name}", {}).get("balanced_accuracy") for each in DELIVERIES}
        if clean is None or None in after.values():
            continue
        told = "; ".join(f"{value:.3f} ({delivery.title[0].lower()}{delivery.title[1:]})" for delivery, value in after.items())
        sentence = f"Delivered pictures: on the set “{name}” its balanced accuracy goes from {clean:.3f} to {told}."
        if small := [name for name, share in compressed.items() if share > 0.5]:
            sentence += (
                f" Most of these pictures were already smaller than the limit of {' and '.join(sorted(small))}, which only compressed them "
                "again; what shrinking costs a large picture was not measured."
            )
        return [sentence]
    return []


def refresh(bundle: Bundle, card: dict[str, Any], rows: pd.DataFrame) -> None:
    """Put the predictions ``rows``, and the scoreboard, metrics and limitations that follow from them, into the bundle, each file at once.

    card: what becomes the bundle's, its metrics holding "validation" or nothing. Ctrl-C waits until all is written; after a crash half-way the
    scores in predictions and scoreboard may belong to the old card, and the same command mends that.
    """
    decision = card["decision"]
    measured = card["metrics"] | metrics(rows, decision["threshold"])
    card = card | {"metrics": measured, "limitations": limitations(bundle.preprocessing, measured, decision, rows, bundle.practice)}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        write_predictions(Predictions(rows, bundle.weights_sha256), bundle.path / PREDICTIONS)
        write_scoreboard(bundle.path, rows, bundle.weights_sha256, decision)
        write_card(bundle.path, card)
    finally:
        signal.signal(signal.SIGINT, before)


def write_scoreboard(folder: Path, test: pd.DataFrame, weights_sha256: str, decision: dict) -> None:
    """Write ``scoreboard.json`` into the bundle folder at once."""
    low, high = decision["unsure"]
    board = scoreboard(test, decision["threshold"], (low, high))
    head = {"weights_sha256": weights_sha256, "threshold": decision["threshold"], "unsure": [low, high]}
    temporary = folder / f"{SCOREBOARD}.partial"
    temporary.write_text(_lines(head | to_json(board)), "utf-8")
    os.replace(temporary, folder / SCOREBOARD)


def _lines(content: dict) -> str:
    """JSON with a line for every set, source and generator."""
    parts = []
    for key, value in content.items():
        if isinstance(value, dict):
            inside = ",\n".join(f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(each, ensure_ascii=False)}" for name, each in value.items())
            parts.append(f" {json.dumps(key)}: {{\n{inside}\n }}")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
