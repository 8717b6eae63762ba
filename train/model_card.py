"""Writes what a bundle says of its model: the card's metrics and limitations, and ``scoreboard.json``."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd

from detector.atomic_files import write_whole
from detector.bundle import PRACTICE_IS_NOT, PREDICTIONS, Bundle, write_card
from detector.evaluation import score_evidence
from detector.evaluation.metrics import headline
from detector.evaluation.perturbed import by_perturbation, only_compressed
from detector.evaluation.predictions import Predictions, write_predictions
from detector.evaluation.scoreboard import scoreboard, to_json
from detector.evaluation.subsets import quoted_subsets
from detector.perturbations import DELIVERY_CHAINS
from detector.preprocessing import Preprocessing

SCOREBOARD = "scoreboard.json"
SETS_IN_WORDS = {
    "test, paired": "from its training sources, real and AI-generated showing the same subjects",
    "unseen, paired": (
        "from sources it was never trained or tuned on, real and AI-generated showing the same subjects"
    ),
    "unseen2, paired": "from a second set of such sources, real and AI-generated showing the same subjects",
    "unseen, unpaired": "from sources it was never trained or tuned on, where subject and style may help",
}
"""The sets that a card's limitations tell of, and what their pictures are."""


def metrics(test: pd.DataFrame, threshold: float) -> dict[str, dict]:
    """Name of a set -> its headline figures. test: the predictions, with y_score."""
    y_true, y_score = test["y_true"].to_numpy(), test["y_score"].to_numpy()
    found = {}
    for name, chosen in quoted_subsets(test).items():
        found[name] = headline(y_true[chosen], y_score[chosen], threshold)
    return found


def unseen_scores(test: pd.DataFrame) -> dict[str, Any]:
    """The card's field on what scores were worth on unseen sources; nothing where too few rows are of such.
    test: the predictions, with y_score."""
    found = score_evidence.measure(test)
    return {score_evidence.CARD_KEY: score_evidence.to_card(found)} if found else {}


def limitations(
    preprocessing: Preprocessing, metrics: dict[str, dict], decision: dict, test: pd.DataFrame, practice: bool
) -> list[str]:
    """What a reader of the card should not be left to find out: sentences made of its figures.

    decision: as in the card, with "not_calibrated" where there is a reason. practice: whether it was trained
    on a practice set.
    """
    sentences = [PRACTICE_IS_NOT] if practice else []
    if why_not := decision.get("not_calibrated"):
        sentences.append(f"{why_not} Its probabilities are no more than scores.")
    sentences.append(_what_it_sees(preprocessing))
    for name, meaning in SETS_IN_WORDS.items():
        figures = metrics.get(name, {})
        if figures.get("balanced_accuracy") is not None:
            sentences.append(
                f"On {figures['n']} pictures {meaning}, its balanced accuracy is"
                f" {figures['balanced_accuracy']:.3f} and its ROC AUC {figures['roc_auc']:.3f}; it calls"
                f" {figures['false_alarm_rate']:.1%} of the real ones AI-generated."
            )
    sentences += _after_delivery(metrics, only_compressed(by_perturbation(test)))
    if decision.get("error_outside_unsure") is not None:
        unsure, wrong = decision["share_unsure"], decision["error_outside_unsure"]
        elsewhere = _out_of_fold(decision.get("on_left_out")) or "on other sources it is wrong more often."
        sentences.append(
            f"On the {decision['chosen_on']} its unsure band was chosen on, it is unsure about"
            f" {unsure:.1%} and wrong about {wrong:.1%} of the others; {elsewhere}"
        )
    return sentences


def _what_it_sees(preprocessing: Preprocessing) -> str:
    size, tiles = preprocessing.size, preprocessing.tiles
    square = (
        f"It sees one {size} x {size} square from the middle of a picture whose short side was reduced to"
        f" {preprocessing.short_side} pixels"
    )
    if not tiles:
        return f"{square}; nothing finer and nothing further out."
    return (
        f"{square}, and {tiles} tiles of {size} x {size} of its own pixels, spread over it; most of a large"
        " picture's fine detail lies between them."
    )


def _out_of_fold(found: Any) -> str | None:
    """What `train.calibrate` found out about verdicts on unknown sources; None where the card does not
    hold it."""
    if not isinstance(found, dict):
        return None
    unsure, wrong = found.get("share_unsure"), found.get("error_outside_unsure")
    if type(unsure) is not float or type(wrong) is not float:
        return None
    images = found.get("images", "left-out sources")
    models = found.get("models", "models of its recipe")
    return f"on {images}, {models} were unsure about {unsure:.1%} and wrong about {wrong:.1%} of the others."


def _after_delivery(metrics: dict[str, dict], compressed: dict[str, float]) -> list[str]:
    """How pictures that were shrunk and compressed on their way fare, for the set that says most."""
    for name in ("unseen, paired", "unseen", "test, paired", "test"):
        clean = metrics.get(name, {}).get("balanced_accuracy")
        after = {}
        for delivery in DELIVERY_CHAINS:
            delivered = metrics.get(f"{name}, {delivery.name}", {})
            title = delivery.title[0].lower() + delivery.title[1:]
            after[title] = delivered.get("balanced_accuracy")
        if clean is None or None in after.values():
            continue
        words = [f"{value:.3f} ({title})" for title, value in after.items()]
        told = "; ".join(words)
        sentence = (
            f"Delivered pictures: on the set “{name}” its balanced accuracy goes from {clean:.3f} to {told}."
        )
        small = sorted(limit for limit, share in compressed.items() if share > 0.5)
        if small:
            sentence += (
                f" Most of these pictures were already smaller than the limit of {' and '.join(small)},"
                " which only compressed them again; what shrinking costs a large picture was not measured."
            )
        return [sentence]
    return []


def refresh(bundle: Bundle, card: dict[str, Any], rows: pd.DataFrame) -> None:
    """Put the predictions ``rows``, and the scoreboard, metrics and limitations that follow from them, into
    the bundle, each file at once.

    card: what becomes the bundle's, its metrics holding "validation" or nothing. Ctrl-C waits until all is
    written; after a crash half-way the scores in predictions and scoreboard may belong to the old card, and
    the same command mends that.
    """
    decision = card["decision"]
    of_sets = card["metrics"] | metrics(rows, decision["threshold"])
    told = decision | {"not_calibrated": card["calibration"].get("why", "")}
    sentences = limitations(bundle.preprocessing, of_sets, told, rows, bundle.practice)
    card = card | {"metrics": of_sets, "limitations": sentences, **unseen_scores(rows)}
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
    write_whole(folder / SCOREBOARD, _lines(head | to_json(board)))


def _lines(content: dict) -> str:
    """JSON with a line for every set, source and generator."""
    parts = []
    for key, value in content.items():
        if isinstance(value, dict):
            inside = ",\n".join("  " + _entry(*item) for item in value.items())
            parts.append(f" {_text(key)}: {{\n{inside}\n }}")
        else:
            parts.append(" " + _entry(key, value))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entry(key: str, value: Any) -> str:
    return f"{_text(key)}: {_text(value)}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
