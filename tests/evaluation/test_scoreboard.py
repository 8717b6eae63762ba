"""detector.evaluation.scoreboard: its figures by hand, its tables, and that README and docs quote them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.bundle import PREDICTIONS
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from detector.evaluation.scoreboard import markdown, markdown_of_parts, scoreboard, to_json

ROOT = Path(__file__).parents[2]
UNSURE = (0.4, 0.6)


@pytest.fixture
def rows() -> pd.DataFrame:
    """Eight test pictures; the four paired ones also after web, where one that was right is no longer."""
    clean = pd.DataFrame(
        {
            "id": list("abcdefgh"),
            "y_true": np.int8([0, 1] * 4),
            "split": "test",
            "paired": [True] * 4 + [False] * 4,
            "delivery": "",
            "source": ["s|1"] * 4 + ["s2"] * 4,
            "generator": ["", "flux"] * 4,
            "y_score": [0.1, 0.9, 0.2, 0.8, 0.7, 0.9, 0.45, 0.3],
        }
    )
    return pd.concat(
        [clean, clean[:4].assign(delivery="web", y_score=[0.1, 0.9, 0.2, 0.3])], ignore_index=True
    )


@pytest.fixture
def board(rows):
    return scoreboard(rows, 0.5, UNSURE)


def run(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "detector.evaluation", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_figures_by_hand(board):
    test = board.sets["test"].estimates  # e is a false alarm, h is missed
    assert (
        test["accuracy"].value == 6 / 8
        and test["false_alarm_rate"].value == 1 / 4
        and test["balanced_accuracy"].value == 0.75
    )
    assert board.sets["test, paired, web"].estimates["accuracy"].value == 3 / 4
    assert list(board.sets) == ["test", "test, paired", "test, paired, web"]


def test_the_interval_of_false_alarms_is_that_of_the_real_pictures_alone(board):
    estimate = board.sets["test"].estimates["false_alarm_rate"]
    assert (estimate.low, estimate.high) == pytest.approx((0.0456, 0.6994), abs=1e-4)  # Wilson, 1 of 4


def test_the_unsure_band_by_hand(board):
    band = board.sets["test"].band  # g, at 0.45, is left open; of the other seven e and h are wrong
    assert band.answered.value == 7 / 8 and band.error.value == 2 / 7


def test_what_a_perturbation_costs_is_measured_on_the_same_pictures(board):
    assert {key: drop["balanced_accuracy"].value for key, drop in board.drops.items()} == {
        ("test, paired", "web"): -0.25
    }


def test_sources_are_of_pictures_as_they_are_and_the_worst_leads(board):
    assert board.sources[["slice", "n"]].values.tolist() == [["test: s2", 4], ["test: s|1", 4]]
    assert board.generators["n"].sum() == 8


def test_every_row_of_the_tables_has_as_many_cells_as_its_heading(board):
    for table in f"{markdown(board)}\n\n{markdown_of_parts(board)}".split("\n\n"):
        counts = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(counts) == 1
    assert "| test, paired, web | 4 | 0.750 (0.301–0.954) |" in markdown(
        board
    ) and "test: s\\|1" in markdown_of_parts(board)


def test_a_bar_in_the_name_of_a_delivery_parts_no_cell(rows):
    table = markdown(scoreboard(rows.assign(delivery=rows["delivery"].replace("web", "w|x")), 0.5, UNSURE))
    assert table.count("test, paired, w\\|x |") == 2 and "w|x" not in table


def test_rows_of_one_class_have_dashes_and_nulls(rows):
    board = scoreboard(rows[rows["y_true"] == 1], 0.5, UNSURE)
    assert "| – |" in markdown(board) and to_json(board)["sets"]["test"]["roc_auc"] is None


def test_json_is_plain(board):
    content = json.loads(json.dumps(to_json(board), allow_nan=False))
    assert (
        content["sets"]["test"]["accuracy"][0] == 0.75
        and content["sets"]["test"]["error_at_coverage"]["1"][0] == 0.25
    )
    assert (
        content["drops"]["test, paired, web"]["balanced_accuracy"][0] == -0.25
        and content["sources"]["test: s|1"]["recall"][0] == 1
    )


def test_predictions_without_perturbations_are_reported_as_well(rows):
    board = scoreboard(rows[:8].drop(columns="delivery"), 0.5, UNSURE)
    assert list(board.sets) == ["test", "test, paired"] and not board.drops


# ---- python -m detector.evaluation


def test_the_docs_quote_what_the_command_prints():
    printed = run().stdout
    assert printed.count("\n\n") == 3, "a table is missing"
    for line in printed.splitlines():
        assert line in (ROOT / "docs" / "scoreboard.md").read_text("utf-8")


def test_the_readme_quotes_balanced_accuracy_auc_and_false_alarms_of_both_models():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    table = lines[next(place for place, line in enumerate(lines) if line.startswith("| rows | pictures |")) :]
    (_, _, *models), _, *quoted = (cells(line) for line in table[: table.index("")])
    assert len(models) == 2 and len(quoted) == 7
    for place, name in enumerate(models):
        printed = {line[0]: line for line in map(cells, run(name).stdout.split("\n\n")[0].splitlines())}
        for rows, pictures, *of_models in quoted:
            _, n, _, balanced, auc, *_, alarms = (cell.split(" (")[0] for cell in printed[rows])
            assert [pictures, of_models[place]] == [n, f"{balanced} / {auc} / {float(alarms):.1%}"]


def cells(line: str) -> list[str]:
    """Of a row of a Markdown table, without emphasis."""
    return [cell.strip(" `*") for cell in line.split("|")[1:-1]]


def test_the_command_prints_one_object(tiny_bundle):
    assert set(json.loads(run(tiny_bundle, "--json").stdout)) == {
        "sets",
        "controls",
        "drops",
        "sources",
        "generators",
    }


def test_the_command_refuses_predictions_of_other_weights(spoilable_bundle):
    predictions = read_predictions(spoilable_bundle / PREDICTIONS)
    write_predictions(Predictions(predictions.rows, "0" * 64), spoilable_bundle / PREDICTIONS)
    done = run(spoilable_bundle)
    assert done.returncode == 2 and "made by other weights" in done.stderr


def test_the_command_refuses_predictions_without_splits(spoilable_bundle):
    predictions = read_predictions(spoilable_bundle / PREDICTIONS)
    write_predictions(
        Predictions(predictions.rows.drop(columns="split"), predictions.weights_sha256),
        spoilable_bundle / PREDICTIONS,
    )
    done = run(spoilable_bundle)
    assert done.returncode == 2 and "have no column split" in done.stderr
