"""``python -m train --exclude FILE``: what is on the list is not trained on, not by a resumed run either."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def train(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "train", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture
def no_ai(pictures, tmp_path) -> Path:
    """A list of every AI-generated picture: a run that honours it cannot begin, which is quickly seen."""
    manifest = pd.read_csv(pictures / "manifest.csv")
    manifest.loc[manifest["label"] == "ai", ["file"]].to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def test_a_run_honours_the_list_and_keeps_it_when_resumed(pictures, no_ai, tmp_path):
    run = tmp_path / "run"
    words = ("--recipe", "tiny-attention", "--data", pictures, "--exclude", no_ai, "--run-dir", run)
    process = train(*words)
    assert process.returncode == 2 and "All images found are real" in process.stderr
    config = json.loads((run / "config.json").read_text())
    assert config["exclude"] == str(no_ai)
    assert config["command"].endswith("--exclude mine.csv") and config["words"][-2:] == [
        "--exclude",
        str(no_ai),
    ]
    assert "All images found are real" in train("--resume", run).stderr


def test_a_list_that_is_not_there_is_refused_before_anything_is_trained(pictures, tmp_path):
    run = tmp_path / "run"
    words = ("--recipe", "tiny-attention", "--data", pictures, "--exclude", "/no/list.csv", "--run-dir", run)
    process = train(*words)
    assert process.returncode == 2 and "There is no exclusion list /no/list.csv." in process.stderr
