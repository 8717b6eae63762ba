"""The Evaluate page's benchmark runs and says what it should; how quick anything is does not matter here."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import evaluate

ROOT = Path(__file__).parents[2]


def test_it_prints_one_object_with_every_figure():
    command = [sys.executable, "-m", "benchmarks.evaluate", "--json", "--rows", "3000", "--rounds", "1"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert process.returncode == 0, process.stderr
    measured = json.loads(process.stdout)
    assert measured.keys() == evaluate.FIGURES.keys()
    assert measured["rows"] == 3000 and measured["page_imports_tensorflow"] == 0
    assert 0 < measured["payload_bytes"] < 1_000_000 and measured["threshold_move_over_curves"] > 0


def test_people_get_a_table():
    text = evaluate.table(dict.fromkeys(evaluate.FIGURES, 0.5))
    assert len(text.splitlines()) == len(evaluate.FIGURES) and "below 0.05" in text
