"""What a run tells of itself besides its epochs: phases with a count of pictures, and the loss within
epochs."""

from __future__ import annotations

import time

import pytest

from detector import architectures
from detector.datasets import load_dataset
from train import loss_trace
from train.finish import write_bundle
from train.loss_trace import LossTrace
from train.recipes import load_recipe
from train.runs import Phase, RunDirectory, phases
from train.runs.phases import PhaseProgress
from train.runs.store import find


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return RunDirectory.claim(tmp_path / "one")


@pytest.fixture
def clock(monkeypatch):
    """``clock.now``: what time.monotonic answers."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    return Clock


def test_calibrating_testing_and_closing_are_told_one_after_the_other(run, pictures, monkeypatch):
    told = []

    def write(self, name, content, whole=RunDirectory.write):
        if name == "progress.json":
            told.append((content["stage"], content["done"], content["total"]))
        whole(self, name, content)

    monkeypatch.setattr(RunDirectory, "write", write)
    monkeypatch.setattr(phases, "WRITE_SECONDS", 0.0)
    dataset, recipe = load_dataset(pictures), load_recipe("tiny-attention")
    network = architectures.get(recipe.architecture).build(None)
    write_bundle(run, recipe, dataset, network, "python -m train", lambda: False, lambda line: None)
    assert list(dict.fromkeys(phase for phase, _, _ in told)) == list(Phase)[1:]
    of_test = [(done, total) for phase, done, total in told if phase == Phase.TESTING]
    assert of_test == [(0, 24), (16, 24), (24, 24)], "batches of 16"


def test_a_phase_that_is_done_when_it_is_first_heard_of_has_no_rate(run, clock):
    clock.now = 100.0
    PhaseProgress(run)(Phase.CHECKING, 40, 40)
    assert run.read("progress.json") == {"stage": "checking", "done": 40, "total": 40}


def test_a_phase_is_told_once_a_second_at_its_beginning_and_at_its_end(run, clock):
    progress = PhaseProgress(run)
    seen = []
    for done, clock.now in ((0, 100.0), (10, 100.5), (40, 102.0), (50, 102.5), (60, 102.6)):
        progress(Phase.TESTING, done, 60)
        seen.append(run.read("progress.json")["done"])
    assert seen == [0, 0, 40, 40, 60]
    assert run.read("progress.json")["images_per_second"] == 23.08  # 60 in 2.6 seconds
    progress(Phase.CLOSING)
    assert run.read("progress.json") == {"stage": "closing", "done": 0, "total": 0}


def test_how_long_a_phase_takes_yet_follows_from_what_is_done(run, clock):
    progress = PhaseProgress(run)
    progress(Phase.TESTING, 0, 60)
    clock.now += 5
    progress(Phase.TESTING, 20, 60)
    assert run.read("progress.json")["seconds_left_at_most"] == 10


def test_the_loss_within_epochs_is_the_mean_since_the_row_before(run, clock):
    trace = LossTrace(run)
    for step, (loss, seconds) in enumerate([(1.0, 0.4), (2.0, 0.4), (3.0, 0.4), (5.0, 1.1)], start=1):
        clock.now += seconds
        trace.add(step / 4, "frozen", loss)
    assert find("one", run.path.parent).losses() == [
        {"epochs": 0.75, "stage": "frozen", "loss": 2.0},
        {"epochs": 1.0, "stage": "frozen", "loss": 5.0},
    ]


def test_rows_become_rarer_as_a_run_grows_older(run, clock):
    trace = LossTrace(run)
    for step in range(20_000):
        clock.now += 1.0
        trace.add(step, "frozen", 1.0)
    rows = len(find("one", run.path.parent).losses())
    assert 3000 < rows < 1000 * (1 + 3.1), (
        "a row a second for 1000 s, then 1000 for each factor e: ln 20 = 3.0"
    )
    assert loss_trace.SECONDS == 1.0


@pytest.mark.parametrize(
    ("epochs", "kept"), [(0.0, []), (0.5, [0.5]), (1.2, [0.5, 1.0]), (9.0, [0.5, 1.0, 1.5])]
)
def test_the_loss_is_cut_back_to_what_a_checkpoint_had_seen(run, epochs, kept):
    for done in (0.5, 1.0, 1.5):
        run.append_steps({"epochs": done, "stage": "frozen", "loss": 0.7})
    run.keep_steps(epochs)
    assert [row["epochs"] for row in find("one", run.path.parent).losses()] == kept


def test_cutting_back_a_loss_that_is_not_there_or_damaged_hurts_nobody(run):
    run.keep_steps(1.0)
    (run.path / "steps.csv").write_text("epochs,stage,loss\nx,frozen,1\n0.5,frozen,1\n")
    run.keep_steps(1.0)
    assert [row["epochs"] for row in find("one", run.path.parent).losses()] == [0.5]
