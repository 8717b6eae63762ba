"""SIGKILLs at random moments: afterwards every run directory reads true and resumes to its end."""

from __future__ import annotations

import pytest

from tests.support.kill_storm import Weather, falsehoods, processes_of, storm
from train.runs import RunDirectory


def test_after_fifty_kills_every_run_reads_true_and_resumes(tmp_path):
    damage = storm(tmp_path / "runs", Weather(kills=50), seed=0)
    assert sum(damage.kills.values()) >= 50 and set(damage.kills) == {"app", "supervisor", "training"}, damage
    assert (damage.false_states, damage.lost_runs) == ([], []) and damage.runs > 0
    assert not processes_of(tmp_path / "runs")


@pytest.mark.parametrize(("state", "claim"), [("completed", "the model is missing"), ("running", "")])
def test_a_false_claim_is_noticed(tmp_path, monkeypatch, state, claim):
    """The storm's own judge: a completed run without proof, and one that is said to run with no process of
    its own."""
    monkeypatch.setattr("tests.support.kill_storm.SETTLE_SECONDS", 0.2)
    run = RunDirectory.claim(tmp_path / "one")
    run.write("config.json", {"recipe": {}, "data": "", "command": ""})
    run.set_status(state)
    if state == "completed":
        monkeypatch.setattr("train.runs.processes.is_alive", lambda _: False)
    (sentence,) = falsehoods(tmp_path, lambda _: claim)
    assert sentence.startswith(f"one is said to be {state}")
