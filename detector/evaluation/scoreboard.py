"""The scoreboard: how a model does on every set it is reported on, whole, after perturbations, by source and
by generator, with 95% intervals.

Made from a predictions table alone, so that a reader without the pictures can repeat it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from detector.evaluation import abstention, perturbed, slices
from detector.evaluation.abstention import RiskCoverage
from detector.evaluation.before_after import PerturbedSet, perturbed_sets
from detector.evaluation.control_sets import control_subsets
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import Estimates, Format, Place, in_text, shown_in
from detector.evaluation.slices import Slicing, has_interval
from detector.evaluation.subsets import quoted_subsets

ANSWERED = (0.8, 0.5)
"""Shares of pictures answered at which the risk-coverage curve is quoted."""
IN_CONTROLS = ("balanced_accuracy", "roc_auc", "false_alarm_rate")
"""Metrics that are quoted of control sets."""
ALL_ANSWERED = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Those at which the JSON holds it."""
NOTHING = "–"
"""A cell whose rows do not define the figure."""


@dataclass(frozen=True)
class Entry:
    """One set of rows. estimates: every metric. risk: its risk-coverage curve. band: its unsure band at
    work; None where none is known."""

    evaluation: Evaluation
    estimates: Estimates
    risk: RiskCoverage
    band: abstention.Band | None


@dataclass(frozen=True)
class Scoreboard:
    """sets: name -> entry. clean: the names of those of pictures as they are. controls: name -> entry, of
    `control_subsets`. drops: (set, perturbation) -> metric -> difference on the same pictures, perturbed
    minus as they are. sources, generators: a row each, pictures as they are, worst first."""

    sets: dict[str, Entry]
    clean: tuple[str, ...]
    controls: dict[str, Entry]
    drops: dict[tuple[str, str], Estimates]
    sources: pd.DataFrame
    generators: pd.DataFrame

    @property
    def parts(self) -> dict[str, pd.DataFrame]:
        """What a row of ``sources`` and of ``generators`` is -> its table."""
        return {"source": self.sources, "generator": self.generators}


def scoreboard(rows: pd.DataFrame, threshold: float, unsure: tuple[float, float]) -> Scoreboard:
    """rows: predictions with split, paired, source and generator, and the perturbation if any. threshold,
    unsure: what the model decides by."""
    tables = perturbed.by_perturbation(rows)
    clean = tables.get(perturbed.CLEAN, rows[:0])
    subsets = quoted_subsets(rows)
    sets = {}
    for name, chosen in subsets.items():
        sets[name] = _entry(rows[chosen], threshold, unsure)
    controls = {}
    for name, chosen in control_subsets(clean).items():
        controls[name] = _entry(clean[chosen], threshold, unsure)
    drops = {}
    for each in perturbed_sets(tables):
        if f"{each.set_name}, {each.perturbation}" in sets:
            drops[each.set_name, each.perturbation] = _drop(each, threshold)
    return Scoreboard(
        sets=sets,
        clean=tuple(quoted_subsets(clean)),
        controls=controls,
        drops=drops,
        sources=_parts(clean, "source", threshold),
        generators=_parts(clean, "generator", threshold),
    )


def scoreboard_of_table(rows: pd.DataFrame, threshold: float) -> Scoreboard:
    """The same of a table without a model: the sets are the splits it has, all rows together first, and no
    unsure band is known. rows: what `column_mapping.apply_mapping` or `tables.read_table` gives."""
    evaluations = Evaluation.by_perturbation(rows)
    tables = {name: each.rows for name, each in evaluations.items()}
    sets, clean = {}, []
    for perturbation, each in evaluations.items():
        for name, inside in each.masks.items():
            title = f"{name}, {perturbation}" if perturbation else name
            sets[title] = _entry(each.rows[inside], threshold, None)
            if perturbation == perturbed.CLEAN:
                clean.append(title)
    drops = {}
    for pair in perturbed_sets(tables):
        if pair.perturbation != perturbed.CLEAN:
            drops[pair.set_name, pair.perturbation] = _drop(pair, threshold)
    as_they_are = tables.get(perturbed.CLEAN, rows[:0])
    return Scoreboard(
        sets=sets,
        clean=tuple(clean),
        controls={},
        drops=drops,
        sources=_parts(as_they_are, "source", threshold),
        generators=_parts(as_they_are, "generator", threshold),
    )


def markdown(board: Scoreboard) -> str:
    """The tables as docs/scoreboard.md quotes them: the sets, controls, what perturbations cost, what
    abstaining buys."""
    tables = [_table_of_sets(board)]
    if board.controls:
        tables.append(_table_of_controls(board))
    if board.drops:
        tables.append(_table_of_drops(board))
    tables.append(_table_of_abstention(board))
    return "\n\n".join(tables)


def markdown_of_parts(board: Scoreboard) -> str:
    """By source and by generator, pictures as they are, worst first."""
    tables = [_table_of_parts(part, table) for part, table in board.parts.items() if len(table)]
    return "\n\n".join(tables)


def to_json(board: Scoreboard) -> dict[str, Any]:
    """The scoreboard as plain values: estimates are [value, low, high], to four digits, and null where the
    rows do not define them."""
    drops = {}
    for (name, perturbation), drop in board.drops.items():
        drops[f"{name}, {perturbation}"] = _plain_all(drop)
    content: dict[str, Any] = {
        "sets": {name: _plain_entry(entry) for name, entry in board.sets.items()},
        "controls": {name: _plain_entry(entry) for name, entry in board.controls.items()},
        "drops": drops,
    }
    for part, table in board.parts.items():
        rows = table.to_dict("records")
        content[f"{part}s"] = {row["slice"]: _plain_part(row) for row in rows}
    return content


def _entry(rows: pd.DataFrame, threshold: float, unsure: tuple[float, float] | None) -> Entry:
    """rows: at least one."""
    evaluation = Evaluation(rows)
    band = None
    if unsure:
        band = abstention.band(evaluation.y_true, evaluation.y_score, threshold, unsure)
    risk = RiskCoverage.of(evaluation.curves, threshold)
    return Entry(evaluation, evaluation.estimates(threshold), risk, band)


def _drop(each: PerturbedSet, threshold: float) -> Estimates:
    """What a perturbation changes, metric by metric."""
    drop: Estimates = {}
    for metric in shown_in(Place.CHANGE):
        drop[metric.name] = each.pairs.difference(metric.name, threshold, threshold)
    return drop


def _parts(rows: pd.DataFrame, column: str, threshold: float) -> pd.DataFrame:
    """A row per value of the column and split, worst first; no rows without the column."""
    if column not in rows or not len(rows):
        return pd.DataFrame(columns=["slice"])
    part = rows[column].astype(str)
    if "split" in rows:
        part = rows["split"].astype(str) + ": " + part
    slicing = Slicing.by(rows.assign(part=part), "part", most=None)
    return slices.worst_first(slices.table(slicing.parts, threshold))


# ---- Markdown


def _table_of_sets(board: Scoreboard) -> str:
    metrics = shown_in(Place.SCOREBOARD)
    rows = []
    for name, entry in board.sets.items():
        cells = [_cell(entry.estimates[metric.name]) for metric in metrics]
        rows.append([name, f"{len(entry.evaluation):,}", *cells])
    return _table(["rows", "pictures", *(in_text(metric.heading) for metric in metrics)], rows)


def _table_of_controls(board: Scoreboard) -> str:
    metrics = [metric for metric in shown_in(Place.SCOREBOARD) if metric.name in IN_CONTROLS]
    headings = ["control", "pictures", *(in_text(metric.heading) for metric in metrics)]
    rows = []
    for name, entry in board.controls.items():
        cells = [_cell(entry.estimates[metric.name]) for metric in metrics]
        wrong = _cell(entry.band.error) if entry.band else NOTHING
        rows.append([name, f"{len(entry.evaluation):,}", *cells, wrong])
    return _table([*headings, "wrong outside the unsure band"], rows)


def _table_of_drops(board: Scoreboard) -> str:
    metrics = shown_in(Place.CHANGE)
    headings = ["the same pictures, before and after"]
    for metric in metrics:
        in_points = ", points" if metric.format is Format.PERCENT else ""
        headings.append(in_text(metric.heading) + in_points)
    rows = []
    for (name, perturbation), drop in board.drops.items():
        cells = [_signed(drop[metric.name], metric.format) for metric in metrics]
        rows.append([f"{name}, {perturbation}", *cells])
    return _table(headings, rows)


def _table_of_abstention(board: Scoreboard) -> str:
    headings = [
        "rows",
        "wrong, if all are answered",
        *(f"the surest {share:.0%}" for share in ANSWERED),
        "area under that curve",
    ]
    has_band = any(entry.band for entry in board.sets.values())
    if has_band:
        headings += ["unsure about", "wrong outside the unsure band"]
    rows = []
    for name in board.clean:
        entry = board.sets[name]
        row = [
            name,
            _cell(entry.risk.at(1)),
            *(_cell(entry.risk.at(share)) for share in ANSWERED),
            f"{entry.risk.area:.3f}",
        ]
        if entry.band:
            row += [f"{1 - entry.band.answered.value:.1%}", _cell(entry.band.error)]
        rows.append(row)
    return _table(headings, rows)


def _table_of_parts(part: str, table: pd.DataFrame) -> str:
    metrics = shown_in(Place.PARTS)
    headings = [part, "pictures", "AI-generated", *(in_text(metric.in_words) for metric in metrics)]
    rows = []
    for row in table.to_dict("records"):
        cells = [_cell(_estimate(row, metric.name)) for metric in metrics]
        rows.append([row["slice"], str(row["n"]), str(row["n_ai"]), *cells])
    return _table(headings, rows)


def _table(headings: list[str], rows: Iterable[list[str]]) -> str:
    lines = [headings, *rows]
    written = [f"| {' | '.join(map(_text, line))} |" for line in lines]
    rule = "|---" * len(headings) + "|"
    return "\n".join([written[0], rule, *written[1:]])


def _cell(estimate: Estimate | None) -> str:
    """The value, with its interval where there is one."""
    if estimate is None or np.isnan(estimate.value):
        return NOTHING
    if not np.isfinite(estimate.low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def _signed(estimate: Estimate | None, form: Format) -> str:
    """A difference; of shares in percentage points."""
    if estimate is None:
        return NOTHING
    value, low, high = estimate.value, estimate.low, estimate.high
    if form is Format.PERCENT:
        return f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _text(name: str) -> str:
    """Words in a Markdown cell, some of which are names that anybody may have given."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    return printable.replace("\\", "\\\\").replace("|", "\\|")


# ---- JSON


def _plain_entry(entry: Entry) -> dict[str, Any]:
    curves, risk = entry.evaluation.curves, entry.risk
    return {
        "n": curves.n,
        "n_ai": curves.n_ai,
        "n_real": curves.n_real,
        **_plain_all(entry.estimates),
        "answered": _plain(entry.band.answered if entry.band else None),
        "error_outside_unsure": _plain(entry.band.error if entry.band else None),
        "error_at_coverage": {f"{share:g}": _plain(risk.at(share)) for share in ALL_ANSWERED},
        "area_under_risk_coverage": _number(risk.area),
    }


def _plain_part(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Proportions with their intervals, other metrics as plain numbers."""
    plain: dict[str, Any] = {"n": row["n"], "n_ai": row["n_ai"], "n_real": row["n_real"]}
    for metric in shown_in(Place.SLICES):
        if has_interval(metric):
            plain[metric.name] = _plain(_estimate(row, metric.name))
        else:
            plain[metric.name] = _number(row[metric.name])
    return plain


def _plain_all(estimates: Estimates) -> dict[str, list[float | None] | None]:
    return {name: _plain(estimate) for name, estimate in estimates.items()}


def _plain(estimate: Estimate | None) -> list[float | None] | None:
    if estimate is None:
        return None
    return [_number(estimate.value), _number(estimate.low), _number(estimate.high)]


def _number(value: float | None) -> float | None:
    if value is None or not np.isfinite(value):
        return None
    return round(float(value), 4)


def _estimate(row: Mapping[Hashable, Any], name: str) -> Estimate | None:
    """A metric of a row of slices."""
    value = row[name]
    if value is None or np.isnan(value):
        return None
    low = row.get(f"{name}_low", np.nan)
    high = row.get(f"{name}_high", np.nan)
    return Estimate(value, low, high)
