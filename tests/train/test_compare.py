"""``python -m train.compare``: one budget, equal shares, goes on where it was, and fails row by row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.kill_storm import end_all
from train import compare, runs
from train.exit_status import DONE, INTERRUPTED, USAGE
from train.runs import RunError
from train.runs.recipe_comparison import Comparison, minutes_of, names_recipes

ROOT = Path(__file__).parents[2]


# ---- what is asked for


@pytest.mark.parametrize(
    ("text", "minutes"), [("20m", 20), ("90s", 1.5), ("1.5h", 90), ("20", 20), (" 2M ", 2)]
)
def test_a_budget_is_minutes_unless_it_says_otherwise(text, minutes):
    assert minutes_of(text) == pytest.approx(minutes)


@pytest.mark.parametrize("text", ["", "m", "soon", "0m", "-5m", "nan", "inf", "infh"])
def test_a_budget_that_is_none_is_refused(text):
    with pytest.raises(RunError, match="20m, 90s or 1.5h"):
        minutes_of(text)


def test_each_recipe_has_its_settings_and_an_equal_share_of_the_budget():
    settings = ("batch_size=8", "resnet18:finetune.learning_rate=1e-3", "title=one: two")
    comparison = Comparison("compare", ("resnet18", "tiny-attention"), "data", 5, settings)
    shared = ["batch_size=8", "title=one: two", "max_minutes=2.5"]
    assert comparison.overrides("tiny-attention") == shared
    assert comparison.overrides("resnet18") == [
        "batch_size=8",
        "finetune.learning_rate=1e-3",
        "title=one: two",
        "max_minutes=2.5",
    ]


def test_a_recipe_that_is_named_twice_is_refused():
    with pytest.raises(RunError, match="every recipe once"):
        Comparison("compare", ("resnet18", "here/resnet18.toml"), "data", 5)


def test_a_setting_of_a_recipe_that_is_not_compared_is_refused():
    with pytest.raises(RunError, match="resnet50 is none of the recipes"):
        names_recipes(["resnet50:seed=1"], ["resnet18"])


def test_an_unknown_recipe_is_refused_before_anything_is_trained(tmp_path, capsys):
    words = ["nonesuch", "--data", str(tmp_path), "--budget", "1m", "--out", str(tmp_path / "out")]
    assert compare.main(words) == USAGE
    assert "There is no recipe 'nonesuch'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# ---- with trainings that take no time


@pytest.fixture
def compared(store, tmp_path, monkeypatch):
    """``compare.main`` on stand-ins for trainings; their names are what they do."""
    monkeypatch.setattr(compare, "load_recipe", lambda name, overrides: None)

    def run(*recipes: str, **options: str) -> int:
        words = [
            *recipes,
            "--data",
            str(tmp_path),
            "--budget",
            options.pop("budget", "10m"),
            "--format",
            "json",
        ]
        for name, value in options.items():
            words += [f"--{name}", value]
        return compare.main(words)

    return run


def test_a_recipe_that_fails_is_a_row_with_its_sentence_and_the_next_one_is_trained(compared, capsys):
    assert compared("raises", "leaves_silently") == compare.FAILED
    first, second = json.loads(capsys.readouterr().out)
    assert (first["recipe"], second["recipe"]) == ("raises", "leaves_silently")
    assert "the third step is one too many" in first["error"] and second["error"]


def steps_of(store: Path, run_id: str) -> list[int]:
    """The steps that a stand-in did, in all its processes."""
    return [int(line.split()[0]) for line in (store / run_id / "proof.txt").read_text().splitlines()]


def test_the_same_command_goes_on_with_what_ended_early_and_leaves_what_is_finished(compared, store):
    compared("raises_once", "finishes")
    assert steps_of(store, "compare-raises_once") == [1, 2, 3]
    compared("raises_once", "finishes")
    assert steps_of(store, "compare-raises_once") == list(range(1, 11))
    assert steps_of(store, "compare-finishes") == list(range(1, 11))


def test_ctrl_c_stops_the_run_so_that_it_can_go_on(compared, store, monkeypatch, capsys):
    def press(seconds: float) -> None:
        if (store / "compare-waits_to_be_stopped" / "proof.txt").exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(compare, "time", SimpleNamespace(sleep=press))
    assert compared("waits_to_be_stopped", "finishes") == INTERRUPTED
    assert "the same command goes on from here" in capsys.readouterr().err
    while (run := runs.find("compare-waits_to_be_stopped")).live:
        pass
    assert run.state == "stopped" and "resume" in run.actions
    assert not (store / "compare-finishes").exists()


def test_runs_of_another_budget_are_not_taken_for_these(compared, capsys):
    compared("raises")
    capsys.readouterr()
    assert compared("raises", budget="5m") == USAGE
    assert "started with other settings, data or budget" in capsys.readouterr().err


# ---- a real one


@pytest.fixture(scope="module")
def real(pictures, tmp_path_factory):
    """A comparison of two real recipes, one of which cannot be built, in a process of its own."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "broken.toml").write_text('architecture = "tiny-attention"\nbackbone_weights = "imagenet"\n')
    words = ["tiny-attention", str(folder / "broken.toml"), "--data", str(pictures), "--budget", "1s"]
    words += ["--out", str(folder / "out"), "--device", "cpu", "--set", "finetune.epochs=100000"]
    yield folder / "out", [sys.executable, "-m", "train.compare", *words]
    end_all(folder / "out")


def test_a_budget_ends_a_training_that_would_take_days_and_its_figures_are_printed(real, pictures):
    out, words = real
    first = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert first.returncode == DONE, first.stderr
    assert "tiny-attention" in first.stdout and "k  " in first.stdout
    assert "There are no ImageNet weights" in first.stdout or "no ImageNet weights" in first.stdout
    trained, broken = json.loads((out / "compare.json").read_text())
    assert trained["n"] == 24 and 0 <= trained["estimates"]["roc_auc"]["value"] <= 1
    assert trained["speed"]["parameters"] > 1000 and trained["minutes"] < 5
    assert broken["estimates"] == {}

    begun = (out / "compare-tiny-attention" / "status.json").read_text()
    again = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert (out / "compare-tiny-attention" / "status.json").read_text() == begun
