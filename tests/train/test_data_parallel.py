"""Several devices that share every batch: the same training as on one. Two processors that TensorFlow makes
of one stand for GPUs, in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from math import isfinite
from pathlib import Path

import pytest

from tests.support.shared_batches import WHOLE
from tests.train.test_training_runs import ROOT, figures, finish, run_at, wait_for_epochs
from train.loop import Loop
from train.recipes import RecipeError, load_recipe
from train.runs import RunDirectory, batch_in_words, uneven_batch


@pytest.fixture(scope="module")
def found(pictures, tmp_path_factory) -> dict:
    """What ``tests.support.shared_batches`` found out."""
    command = [sys.executable, "-m", "tests.support.shared_batches", str(pictures)]
    command.append(str(tmp_path_factory.mktemp("shared") / "runs"))
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def agree(one: dict[str, list], other: dict[str, list]) -> bool:
    """Whether two runs went the same way, to 1e-4 in every figure."""
    same_losses = one["losses"] == pytest.approx(other["losses"], abs=1e-4)
    return same_losses and one["metrics"] == like(other["metrics"], 1e-4)


def like(rows: list[dict[str, float]], tolerance: float) -> list:
    return [pytest.approx(row, rel=tolerance, abs=tolerance) for row in rows]


def test_two_devices_learn_step_by_step_what_one_learns(found):
    assert len(found["exact"]["1"]["losses"]) == 8
    assert agree(found["exact"]["1"], found["exact"]["2"])


def test_so_they_do_with_a_second_loss_on_attention(found):
    assert agree(found["focus"]["1"], found["focus"]["2"])
    assert not agree(found["focus"]["1"], found["exact"]["1"])


def test_a_run_that_stopped_on_two_devices_goes_on_with_one(found):
    whole, rest = found["exact"]["1"], found["goes_on"]
    assert 0 < len(rest["losses"]) < len(whole["losses"])
    assert rest["losses"] == pytest.approx(whole["losses"][-len(rest["losses"]) :], abs=1e-4)
    assert rest["metrics"] == like(whole["metrics"], 1e-4)


def test_running_statistics_move_as_far_in_a_step_as_on_one_device(found):
    one, two = found["statistics"]["1"], found["statistics"]["2"]
    assert max(abs(value - 1) for value in one) > 5e-3
    assert two == pytest.approx(one, abs=2e-3)


def test_each_device_computes_its_own_part_there_and_back(found):
    ways = ("Conv2D", "Conv2DBackpropFilter")
    assert {f"{way} /device:{name}": 3 for way in ways for name in ("CPU:0", "CPU:1")}.items() <= found[
        "places"
    ].items()
    assert not [place for place in found["places"] if place.endswith(" ")]


def test_half_precision_with_its_scaled_loss_trains_on_two_devices(found):
    losses = found["mixed"]["losses"]
    assert all(map(isfinite, losses))
    assert losses == pytest.approx(found["exact"]["2"]["losses"], abs=0.02)


def test_the_log_says_batch_and_learning_rate(found):
    (line,) = [line for line in found["said"] if line.startswith("Stage finetune: ")]
    assert line.endswith(" 10 steps an epoch, 16 pictures (8 on each of 2 GPUs) a step, learning rate 0.003.")


def shared(*arguments) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.support.virtual_devices", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_run_on_two_devices_that_was_killed_goes_on_as_if_nothing_had_happened(found, pictures, tmp_path):
    path: Path = tmp_path / "run"
    settings = [word for setting in WHOLE for word in ("--set", setting)]
    words = ["--recipe", "tiny-attention", "--data", pictures, "--run-dir", path, *settings]
    process = shared(*words)
    wait_for_epochs(process, path, 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 2 <= len(figures(run_at(path))) < 6
    code, complaint = finish(shared("--resume", path))
    assert code == 0, complaint
    run = run_at(path)
    assert run.status["state"] == "completed" and "Resuming in stage finetune" in run.log
    assert figures(run) == like(found["whole"]["metrics"], 1e-3)


def test_a_batch_that_cannot_be_shared_evenly_is_refused_before_training(tmp_path, pictures):
    from detector.datasets import load_dataset

    recipe, run = load_recipe("tiny-attention"), RunDirectory.claim(tmp_path / "run")
    dataset = load_dataset(pictures)
    loop = Loop(run, recipe, dataset, lambda: False, lambda line: None, devices=("GPU:0", "GPU:1", "GPU:2"))
    with pytest.raises(RecipeError, match="3 GPUs cannot share a batch of 16 evenly. Set batch_size to 18"):
        loop.train()


def test_a_batch_is_said_in_words():
    assert (batch_in_words(1, 1), batch_in_words(32, 1)) == ("1 picture", "32 pictures")
    assert (uneven_batch(31, 1), uneven_batch(32, 2)) == ("", "")
