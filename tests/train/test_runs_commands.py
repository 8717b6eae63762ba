"""train.runs.commands: the command that is shown for a run can be pasted, and does the same again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from train import runs
from train.runs import commands

ROOT = Path(__file__).parents[2]
ODD = "my pictures, “naïve” 'quoted' \"twice\" $HOME; 日本"


def in_a_shell(line: str, folder: Path) -> int:
    """The exit status of a command line typed in a folder, in Telltale's environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ).returncode


def test_the_command_of_a_typed_run_can_be_pasted_and_repeats_it(tmp_path):
    home = tmp_path / ODD
    home.mkdir()
    shutil.copy(ROOT / "train" / "recipes" / "tiny-attention.toml", home / "my own.toml")
    words = [sys.executable, "-m", "train", "--recipe", "my own.toml", "--data", "not there"]
    words += ["--run-dir", "runs/first", "--set", 'title=a "title" of its own', "--device", "cpu"]
    assert in_a_shell(shlex.join(words), home) == 2
    first = runs.find("first", home / "runs")
    assert first.state == "failed" and "does not exist" in first.reason
    assert first.command[first.command.index("--data") + 1] == str(home / "not there")

    before = json.loads((first.path / "config.json").read_text())
    shutil.rmtree(first.path)
    assert in_a_shell(shlex.join(first.command), ROOT) == 2
    again = runs.find("first", home / "runs")
    config = json.loads((again.path / "config.json").read_text())
    assert again.command == first.command
    assert (config["recipe"], config["data"]) == (before["recipe"], before["data"])


def test_a_weights_file_named_from_another_folder_is_found_again(tmp_path):
    words = [sys.executable, "-m", "train", "--recipe", "tiny-attention", "--data", "not there"]
    words += ["--run-dir", "first", "--set", "backbone_weights=my weights.h5"]
    assert in_a_shell(shlex.join(words), tmp_path) == 2
    command = runs.find("first", tmp_path).command
    assert f'backbone_weights="{tmp_path}/my weights.h5"' in command


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python -m train --data 'my pictures'", ("python", "-m", "train", "--data", "my pictures")),
        ("python -m train --data 'never closed", ("python -m train --data 'never closed",)),
    ],
)
def test_the_command_of_a_run_of_an_earlier_version_keeps_its_quotes(tmp_path, line, words):
    (tmp_path / "one").mkdir()
    config = {"recipe": {"name": "tiny"}, "data": "/pictures", "command": line}
    (tmp_path / "one" / "config.json").write_text(json.dumps(config))
    assert runs.find("one", tmp_path).command == words


def test_runs_of_a_checkout_lie_in_it(monkeypatch, tmp_path):
    monkeypatch.delenv("TELLTALE_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert runs.folder() == ROOT / "runs"


def test_runs_of_an_installed_package_lie_in_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("TELLTALE_RUNS", raising=False)
    monkeypatch.setattr(commands, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert runs.folder() == tmp_path / "runs"
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path / "elsewhere"))
    assert runs.folder() == tmp_path / "elsewhere"
