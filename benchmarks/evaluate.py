"""``python -m benchmarks.evaluate [--json]``: what the Evaluate page costs with a million rows, as ratios to
scikit-learn.

scikit-learn's side is ``roc_curve`` and ``precision_recall_curve``, every point kept, once. Both sides take
turns in one process, and what counts is the median of ratios between neighbours (see ``benchmarks.timing``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import plotly.io
from sklearn.metrics import precision_recall_curve, roc_curve

from benchmarks.timing import ratio, take_turns, timed
from detector import architectures
from detector.bundle import FORMAT, PREDICTIONS, WEIGHTS, file_sha256, write_card
from detector.evaluation.calibration import sigmoid
from detector.evaluation.curves import Curves
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from ui import figures

ROOT = Path(__file__).parents[1]
FIGURES = {
    "rows": "rows",
    "curves_s": "scikit-learn's curves, seconds",
    "our_curves_over_curves": "our sorted curves, all thresholds, over scikit-learn's",
    "file_to_figures_over_curves": "file to drawn figures with every metric, over scikit-learn's curves",
    "threshold_move_over_curves": (
        "threshold move to updated page, over scikit-learn's curves (goal: below 0.05)"
    ),
    "threshold_move_ms": "threshold move to updated page, milliseconds",
    "payload_bytes": "bytes of figures and tables sent for a threshold move",
    "page_imports_tensorflow": "the page imported TensorFlow (goal: 0)",
}

# The whole script run of a threshold move, figures encoded for the browser; the harness that reads the page
# back is not timed.
_MOVE_THRESHOLD = """
import json, sys, time
import train.runs  # first, because AppTest looks for modules beside the page, and there lies a train.py
from streamlit.testing.v1 import AppTest
import streamlit.runtime.scriptrunner.script_runner as runner
page = AppTest.from_file("pages/evaluate/page.py", default_timeout=300)
page.query_params["rows"] = "all rows"  # the page would begin with half of them
page.run()
tensorflow = "tensorflow" in sys.modules
from sklearn.metrics import precision_recall_curve, roc_curve
from benchmarks.timing import take_turns, timed
from detector.evaluation.predictions import read_predictions
rows = read_predictions(sys.argv[1]).rows
y_true, y_score = rows["y_true"].to_numpy(), rows["y_score"].to_numpy()
run, took, moves = runner.exec_func_with_error_handling, [], 0
def timed_run(script, context):
    start = time.perf_counter()
    outcome = run(script, context)
    took.append(time.perf_counter() - start)
    return outcome
runner.exec_func_with_error_handling = timed_run
def move():
    global moves
    moves += 1
    page.slider(key="threshold").set_value(0.2 + 0.6 * (moves * 0.382 % 1)).run()
    return took[-1]
def curves():
    roc_curve(y_true, y_score, drop_intermediate=False), precision_recall_curve(y_true, y_score)
seconds = take_turns({"move": move, "curves": timed(curves)}, int(sys.argv[2]))
sent = [element.proto for kind in ("plotly_chart", "arrow_data_frame") for element in page.get(kind)]
problems = [error.message for error in page.exception]
print(json.dumps({
    "seconds": seconds,
    "payload_bytes": sum(proto.ByteSize() for proto in sent),
    "tensorflow": tensorflow,
    "problems": problems,
}))
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluate",
        description="What the Evaluate page costs, as ratios to scikit-learn.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as here:
        measured = measure(Path(here), options.rows, options.rounds)
    print(json.dumps(measured) if options.json else table(measured))
    return 0


def measure(here: Path, rows: int, rounds: int) -> dict[str, Any]:
    """All figures. here: an empty folder to work in."""
    path = make_bundle(here / "practice", rows)
    library = library_seconds(path, rounds)
    page = move_threshold(here, path, rounds)
    return {
        "rows": rows,
        "curves_s": median(page["seconds"]["curves"]),
        "our_curves_over_curves": ratio(library, "ours", "scikit-learn"),
        "file_to_figures_over_curves": ratio(library, "file to figures", "scikit-learn"),
        "threshold_move_over_curves": ratio(page["seconds"], "move", "curves"),
        "threshold_move_ms": 1000 * median(page["seconds"]["move"]),
        "payload_bytes": page["payload_bytes"],
        "page_imports_tensorflow": int(page["tensorflow"]),
    }


def make_bundle(folder: Path, rows: int) -> Path:
    """A bundle with that many predictions of a plausible kind and no network worth the name; returns the
    predictions' path."""
    rng = np.random.default_rng(0)
    y_true = (rng.random(rows) < 0.5).astype(np.int8)
    logit = rng.normal(2.0 * y_true - 1, 1.5).astype(np.float32)
    architecture = architectures.get("tiny-attention")
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(b"never loaded: the page only checks its hash")
    sha256 = file_sha256(folder / WEIGHTS)
    write_card(
        folder,
        {
            "format": FORMAT,
            "architecture": {"name": architecture.name, "arguments": architecture.complete({})},
            "preprocessing": architecture.preprocessing.to_card(),
            "labels": {"0": "real", "1": "AI-generated"},
            "calibration": {"temperature": 1.0},
            "decision": {"threshold": 0.5, "unsure": [0.4, 0.6]},
            "weights_sha256": sha256,
        },
    )
    table = pd.DataFrame(
        {
            "id": np.char.add("images/", np.arange(rows).astype(str)),
            "y_true": y_true,
            "split": rng.choice(["test", "unseen"], rows),
            "source": rng.choice([f"source {number}" for number in range(40)], rows),
            "paired": rng.random(rows) < 0.5,
            "width": rng.integers(200, 2000, rows, dtype=np.int32),
            "height": rng.integers(200, 2000, rows, dtype=np.int32),
            "logit": logit,
            "y_score": sigmoid(logit),
        }
    )
    write_predictions(Predictions(table, sha256), folder / PREDICTIONS)
    return folder / PREDICTIONS


def library_seconds(path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds for scikit-learn's curves, for ours, and from the file to encoded figures and all metrics."""
    rows = read_predictions(path).rows
    y_true, y_score = rows["y_true"].to_numpy(), rows["y_score"].to_numpy()

    def file_to_figures() -> None:
        evaluation = Evaluation(read_predictions(path).rows)
        evaluation.estimates(0.5)
        models = {"practice": evaluation.curves}
        for figure in figures.mark(
            figures.threshold_figures(models), {"practice": (evaluation.curves, 0.5)}
        ).values():
            plotly.io.to_json(figure, validate=False)

    return take_turns(
        {
            "scikit-learn": timed(
                lambda: (
                    roc_curve(y_true, y_score, drop_intermediate=False),
                    precision_recall_curve(y_true, y_score),
                )
            ),
            "ours": timed(lambda: Curves.of(y_true, y_score)),
            "file to figures": timed(file_to_figures),
        },
        rounds,
    )


def move_threshold(weights: Path, path: Path, rounds: int) -> dict[str, Any]:
    """Open the page on the bundle in ``weights`` in a fresh process and move its threshold. Raises
    RuntimeError if the page fails."""
    process = subprocess.run(
        [sys.executable, "-c", _MOVE_THRESHOLD, str(path), str(rounds)],
        cwd=ROOT,
        env={**os.environ, "TELLTALE_WEIGHTS": str(weights)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if process.returncode:
        raise RuntimeError(f"The Evaluate page could not be run:\n{process.stderr}")
    outcome = json.loads(process.stdout.splitlines()[-1])
    if outcome["problems"]:
        raise RuntimeError(f"The Evaluate page failed: {outcome['problems'][0]}")
    return outcome


def table(measured: dict[str, Any]) -> str:
    """The figures as text for people."""
    shown = {
        name: f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
        for name, value in measured.items()
    }
    lines = [f"{title:<85} {shown[name]:>12}" for name, title in FIGURES.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
