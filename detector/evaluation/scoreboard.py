"""The scoreboard: how a model does on every set it is reported on, whole, after delivery, by source and by generator, with 95% intervals.

Made from a predictions table alone, so that a reader without the pictures can repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.evaluation import abstention, deliveries
from detector.evaluation.abstention import RiskCoverage
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import named_subsets
from detector.evaluation.scorecard import Card, false_alarm_rate
from detector.evaluation.slices import Slicing, summary

METRICS = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "roc_auc": "ROC AUC", "average_precision": "average precision",
    "f1": "F1", "expected_calibration_error": "calibration error", "false_alarm_rate": "false alarms on real",
}  # fmt: skip
RATES = ("accuracy", "recall", "false_alarm_rate")
"""What is quoted of sources and generators, many of which have one class only."""
ANSWERED = (0.8, 0.5)
"""Shares of pictures answered at which the risk-coverage curve is quoted."""


@dataclass(frozen=True)
class Entry:
    """One set of rows. figures: every metric. risk: its risk-coverage curve. band: its unsure band at work."""

    evaluation: Evaluation
    figures: Card
    risk: RiskCoverage
    band: abstention.Band


@dataclass(frozen=True)
class Scoreboard:
    """sets: name -> entry. clean: the names of those of pictures as they are. drops: (set, delivery) -> metric -> difference on the same
    pictures, as they arrive minus as they are. sources, generators: a row each, pictures as they are, worst first."""

    sets: dict[str, Entry]
    clean: tuple[str, ...]
    drops: dict[tuple[str, str], Card]
    sources: pd.DataFrame
    generators: pd.DataFrame


def scoreboard(rows: pd.DataFrame, threshold: float, unsure: tuple[float, float]) -> Scoreboard:
    """rows: predictions with split, paired, source and generator, and delivery if any. threshold, unsure: what the model decides by."""
    tables = deliveries.by_delivery(rows)
    clean = tables.get(deliveries.CLEAN, rows[:0])
    sets = {name: _entry(rows[chosen], threshold, unsure) for name, chosen in named_subsets(rows).items()}
    drops = {
        (each.set_name, each.delivery): {
            "balanced_accuracy": each.pairs.of_calls("balanced_accuracy", threshold, threshold), "roc_auc": each.pairs.of_area("roc_auc"),
        }
        for each in deliveries.arrivals(tables) if each.delivery != deliveries.CLEAN and f"{each.set_name}, {each.delivery}" in sets
    }  # fmt: skip
    return Scoreboard(sets, tuple(named_subsets(clean)), drops, *(_parts(clean, column, threshold) for column in ("source", "generator")))


def markdown(board: Scoreboard) -> str:
    """The tables as the README quotes them: the sets, what deliveries cost, what abstaining buys."""
    return "\n\n".join([
        _table("rows | pictures | " + " | ".join(METRICS.values()), (
            [name, f"{len(entry.evaluation):,}", *(_cell(entry.figures[key]) for key in METRICS)] for name, entry in board.sets.items()
        )),
        *([_table("the same pictures, before and after | balanced accuracy, points | ROC AUC", (
            [f"{name}, {delivery}", _points(drop["balanced_accuracy"]), _signed(drop["roc_auc"])] for (name, delivery), drop in board.drops.items()
        ))] if board.drops else []),
        _table(
            "rows | wrong, if all are answered | " + " | ".join(f"the surest {share:.0%}" for share in ANSWERED)
            + " | area under that curve | unsure about | wrong outside the unsure band",
            (
                [name, _cell(entry.risk.at(1)), *(_cell(entry.risk.at(share)) for share in ANSWERED), f"{entry.risk.area:.3f}",
                 f"{1 - entry.band.answered.value:.1%}", _cell(entry.band.error)]
                for name, entry in ((name, board.sets[name]) for name in board.clean)
            ),
        ),
    ])  # fmt: skip


def markdown_of_parts(board: Scoreboard) -> str:
    """By source and by generator, pictures as they are, worst first."""
    headings = "pictures | AI-generated | right | caught of AI-generated | false alarms on real | ROC AUC"
    return "\n\n".join(
        _table(f"{column} | {headings}", (
            [_text(row["slice"]), str(row["n"]), str(row["n_ai"]), *(_cell(_estimate(row, key)) for key in RATES),
             _cell(_estimate(row, "roc_auc"), interval=False)]
            for row in table.to_dict("records")
        ))
        for column, table in (("source", board.sources), ("generator", board.generators))
    )  # fmt: skip


def to_json(board: Scoreboard) -> dict:
    """The scoreboard as plain values: estimates are [value, low, high], to four digits, and null where the rows do not define them."""
    return {
        "sets": {
            name: {
                "n": len(entry.evaluation), "n_ai": entry.evaluation.curves.n_ai, "n_real": entry.evaluation.curves.n_real,
                **{key: _plain(estimate) for key, estimate in entry.figures.items()},
                "answered": _plain(entry.band.answered), "error_outside_unsure": _plain(entry.band.error),
                "error_at_coverage": {f"{share:g}": _plain(entry.risk.at(share)) for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)},
                "area_under_risk_coverage": round(entry.risk.area, 4),
            }
            for name, entry in board.sets.items()
        },
        "drops": {f"{name}, {delivery}": {key: _plain(value) for key, value in drop.items()} for (name, delivery), drop in board.drops.items()},
        **{
            column: {
                row["slice"]: {
                    "n": row["n"], "n_ai": row["n_ai"], "n_real": row["n_real"],
                    **{key: _plain(_estimate(row, key)) for key in RATES},
                    "balanced_accuracy": _number(row["balanced_accuracy"]), "roc_auc": _number(row["roc_auc"]),
                }
                for row in table.to_dict("records")
            }
            for column, table in (("sources", board.sources), ("generators", board.generators))
        },
    }  # fmt: skip


def _entry(rows: pd.DataFrame, threshold: float, unsure: tuple[float, float]) -> Entry:
    evaluation = Evaluation(rows)
    card = evaluation.card(threshold)
    risk = RiskCoverage.of(evaluation.curves, threshold)
    band = abstention.band(evaluation.y_true, evaluation.y_score, threshold, unsure)
    return Entry(evaluation, card | {"false_alarm_rate": false_alarm_rate(card)}, risk, band)


def _parts(rows: pd.DataFrame, column: str, threshold: float) -> pd.DataFrame:
    """A row per value of the column and split, worst first; no rows without the column."""
    if column not in rows or not len(rows):
        return pd.DataFrame(columns=["slice"])
    named = rows.assign(part=rows["split"].astype(str) + ": " + rows[column].astype(str))
    curves = Slicing.by(named, "part", most=None).curves
    table = pd.DataFrame([{"slice": name, **summary(each, threshold)} for name, each in curves.items()])
    return table.sort_values("accuracy_high", kind="stable", ignore_index=True)


def _table(headings: str, rows: Iterator[list[str]]) -> str:
    columns = headings.count(" | ") + 1
    return "\n".join([f"| {headings} |", "|---" * columns + "|", *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(estimate: Estimate | None, interval: bool = True) -> str:
    if estimate is None or np.isnan(estimate.value):
        return "–"
    return f"{estimate.value:.3f}" + (f" ({estimate.low:.3f}–{estimate.high:.3f})" if interval and np.isfinite(estimate.low) else "")


def _points(estimate: Estimate | None) -> str:
    """A difference of shares in percentage points."""
    return "–" if estimate is None else f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f})"


def _signed(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def _text(name: str) -> str:
    """A source's name in a Markdown cell."""
    return "".join(c if c.isprintable() else " " for c in name).replace("\\", "\\\\").replace("|", "\\|")


def _estimate(row: dict, key: str) -> Estimate | None:
    value = row[key]
    return None if value is None or np.isnan(value) else Estimate(value, row.get(f"{key}_low", np.nan), row.get(f"{key}_high", np.nan))


def _plain(estimate: Estimate | None) -> list[float | None] | None:
    return None if estimate is None else [_number(edge) for edge in (estimate.value, estimate.low, estimate.high)]


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
