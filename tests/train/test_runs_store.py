"""What the store makes of run directories of every kind, put there by hand: whole, damaged, foreign, left
over from before a restart."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from train import runs
from train.runs import processes, stopping, store

CONFIG = {"recipe": {"name": "tiny"}, "data": "/pictures", "command": "python -m train --recipe tiny"}
LAUNCH = {
    "recipe": "tiny",
    "overrides": ["seed=1"],
    "data": "/pictures",
    "device": "cpu",
    "token": None,
    "created": "2024-01-02T03:04:05+00:00",
}
GONE = {"pid": 2**22 + 1, "create_time": psutil.boot_time() + 3600}  # Linux's highest process number is 2**22
BEFORE_THE_RESTART = {"pid": os.getpid(), "create_time": psutil.boot_time() - 3600}
HERE = processes.identity()


def status(state: str, process: dict, reason: str = "") -> dict:
    return {"state": state, "reason": reason, **process}


def put(folder: Path, name: str, **files: dict | bytes) -> runs.Run:
    """The run of that name with these files, ``.json`` left out."""
    path = folder / name
    path.mkdir(parents=True)
    for file, content in files.items():
        (path / f"{file}.json").write_bytes(
            content if isinstance(content, bytes) else json.dumps(content).encode()
        )
    return runs.find(name, folder)


# ---- the state, from what is written and who lives

STATES = {
    "typed, going": ({"config": CONFIG, "status": status("running", HERE)}, "running", ""),
    "typed, gone": ({"config": CONFIG, "status": status("running", GONE)}, "lost", "gone without a word"),
    "typed, number taken by another program": (
        {"config": CONFIG, "status": status("running", {**HERE, "create_time": HERE["create_time"] - 60})},
        "lost",
        "gone",
    ),
    "the machine was restarted": (
        {"config": CONFIG, "status": status("running", BEFORE_THE_RESTART)},
        "lost",
        "The machine was restarted",
    ),
    "restarted while it was queued": (
        {"launch": LAUNCH, "supervisor": {"state": "queued", **BEFORE_THE_RESTART}},
        "lost",
        "The machine was restarted",
    ),
    "queued": ({"launch": LAUNCH, "supervisor": {"state": "queued", **HERE}}, "queued", ""),
    "queued to be resumed": (
        {"config": CONFIG, "status": status("failed", GONE, "x"), "supervisor": {"state": "queued", **HERE}},
        "queued",
        "",
    ),
    "queued, supervisor gone": (
        {"launch": LAUNCH, "supervisor": {"state": "queued", **GONE}},
        "lost",
        "waiting for its turn",
    ),
    "queued and stopped": (
        {"launch": LAUNCH, "supervisor": {"state": "queued", **HERE}, "stop": stopping.request()},
        "stopping",
        "leaving the queue",
    ),
    "starting": (
        {"launch": LAUNCH, "supervisor": {"state": "running", **GONE, "trainer": HERE}},
        "running",
        "It is starting.",
    ),
    "supervisor gone, training goes on": (
        {
            "config": CONFIG,
            "status": status("running", HERE),
            "supervisor": {"state": "running", **GONE, "trainer": HERE},
        },
        "running",
        "",
    ),
    "supervisor gone, then completed": (
        {
            "config": CONFIG,
            "status": status("completed", GONE),
            "supervisor": {"state": "running", "pid": 1, "create_time": 0, "trainer": GONE},
        },
        "completed",
        "",
    ),
    "resumed and gone before it said anything": (
        {
            "config": CONFIG,
            "status": status("failed", GONE, "old"),
            "supervisor": {
                "state": "running",
                **GONE,
                "trainer": {**GONE, "create_time": GONE["create_time"] + 60},
            },
        },
        "lost",
        "gone",
    ),
    "all gone after a stop": (
        {"config": CONFIG, "status": status("running", GONE), "stop": stopping.request()},
        "stopped",
        "on request",
    ),
    "completed": ({"config": CONFIG, "status": status("completed", GONE)}, "completed", ""),
    "failed": ({"config": CONFIG, "status": status("failed", GONE, "Why.")}, "failed", "Why."),
    "claimed, then gone": ({"config": CONFIG}, "lost", "gone"),
    "empty": ({}, "damaged", "This folder holds no run"),
    "half a status": (
        {"config": CONFIG, "status": b'{"state": "run'},
        "damaged",
        "status.json in this folder is damaged",
    ),
    "an empty status": ({"config": CONFIG, "status": b""}, "damaged", "status.json"),
    "a status of other types": (
        {"config": CONFIG, "status": {"state": 1, "reason": [], "pid": "x"}},
        "damaged",
        '"state" is not what',
    ),
    "a config that is a list": ({"config": b"[]"}, "damaged", "config.json"),
    "a config without recipe": ({"config": {"data": "x", "command": "y"}}, "damaged", '"recipe" is not what'),
    "no text at all": ({"config": b"\xff\xfe\x00"}, "damaged", "config.json"),
    "a thousand brackets": ({"config": b"[" * 100_000}, "damaged", "config.json"),
    "a huge file": ({"config": b" " * (5 * 2**20)}, "damaged", "config.json"),
}
"""name: (files, state, what the reason holds)."""


@pytest.mark.parametrize("name", STATES)
def test_state_and_reason_are_derived_from_what_is_written_and_who_lives(tmp_path, name):
    files, state, reason = STATES[name]
    run = put(tmp_path, name, **files)
    assert (
        run.state == state
        and reason in run.reason
        and (bool(run.reason) or state in ("running", "queued", "completed"))
    )


def test_a_run_that_ends_while_one_looks_is_not_called_lost(tmp_path, monkeypatch):
    put(tmp_path, "one", config=CONFIG, status=status("completed", GONE))
    read, stale = runs.RunDirectory.read, [status("running", GONE)]
    monkeypatch.setattr(
        runs.RunDirectory,
        "read",
        lambda run, name: stale.pop() if stale and name == "status.json" else read(run, name),
    )
    assert runs.find("one", tmp_path).state == "completed"


def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(tmp_path):
    (tmp_path / "one").mkdir()
    os.mkfifo(tmp_path / "one" / "status.json")
    assert runs.find("one", tmp_path).state == "damaged"


def test_one_damaged_run_does_not_hide_the_others(tmp_path):
    put(tmp_path, "bad", status=b"{")
    put(tmp_path, "good", config=CONFIG, status=status("completed", GONE))
    (tmp_path / "a file").write_text("")
    assert {run.id: run.state for run in runs.all_runs(tmp_path)} == {"bad": "damaged", "good": "completed"}


# ---- what can be done

ACTIONS = {
    "typed, going": {"stop"},
    "queued": {"stop"},
    "queued and stopped": set(),
    "completed": {"delete", "resume"},  # its model is gone
    "failed": {"delete", "resume"},
    "typed, gone": {"delete", "resume"},
    "half a status": {"delete", "resume"},  # its checkpoints may be all right
    "a config that is a list": {"delete"},
    "empty": {"delete"},
}


@pytest.mark.parametrize("name", ACTIONS)
def test_only_what_makes_sense_can_be_done(tmp_path, name):
    assert put(tmp_path, "one", **STATES[name][0]).actions == ACTIONS[name]


def test_a_folder_that_never_was_a_run_is_not_deleted(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.txt").write_text("...")
    run = runs.find("thesis", tmp_path)
    assert run.state == "damaged" and run.actions == frozenset()
    with pytest.raises(runs.RunError, match="cannot be deleted"):
        runs.delete("thesis", tmp_path)
    assert (tmp_path / "thesis" / "chapter-1.txt").exists()


def test_a_completed_run_with_its_model_can_be_promoted(tmp_path):
    put(tmp_path, "one", config=CONFIG, status=status("completed", GONE))
    (tmp_path / "one" / "bundle").mkdir()
    (tmp_path / "one" / "bundle" / "card.json").write_text("{}")
    run = runs.find("one", tmp_path)
    assert run.actions == {"delete", "promote"} and run.bundle == tmp_path / "one" / "bundle"


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_nothing_can_be_done_on_a_readonly_telltale(tmp_path, monkeypatch, value):
    monkeypatch.setenv("TELLTALE_READONLY", value)
    assert runs.readonly() and put(tmp_path, "one", **STATES["failed"][0]).actions == frozenset()
    for act in (
        runs.stop,
        runs.resume,
        runs.delete,
        lambda *_: runs.start("tiny", [], ".", "two", folder=tmp_path),
    ):
        with pytest.raises(runs.RunError, match="read-only"):
            act("one", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_folder_that_cannot_be_written_to_names_the_variable_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("TELLTALE_READONLY", raising=False)
    assert runs.why_locked(tmp_path) == ""
    monkeypatch.setattr(store, "writable", lambda folder: False)
    assert "cannot be written to" in runs.why_locked(tmp_path)
    for act in (runs.stop, runs.resume, runs.delete):
        with pytest.raises(runs.RunError, match="Set TELLTALE_RUNS to a folder that can"):
            act("one", tmp_path)


@pytest.mark.parametrize("value", ["", "0", "no", "false"])
def test_a_telltale_that_is_not_readonly(monkeypatch, value):
    monkeypatch.setenv("TELLTALE_READONLY", value)
    assert not runs.readonly()


# ---- what is told of a run


def test_a_launched_run_tells_what_was_asked_for(tmp_path):
    run = put(tmp_path, "one", launch=LAUNCH, supervisor={"state": "queued", **GONE, "device": "cpu"})
    assert (run.recipe, run.data, run.device) == ({"name": "tiny"}, "/pictures", "cpu")
    assert run.created == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert run.command == (
        "python",
        "-m",
        "train",
        "--recipe",
        "tiny",
        "--data",
        "/pictures",
        "--run-dir",
        f"{tmp_path}/one",
        "--set",
        "seed=1",
        "--device",
        "cpu",
    )


def test_practice_is_taken_from_the_config(tmp_path):
    assert (
        put(tmp_path, "one", config={**CONFIG, "practice": True}).practice
        and not put(tmp_path, "two", config=CONFIG).practice
    )


def test_metrics_are_figures_and_damaged_rows_are_left_out(tmp_path):
    run = put(tmp_path, "one", config=CONFIG)
    assert run.metrics() == []
    (run.path / "metrics.csv").write_text(
        "stage,epoch,loss\nfrozen,1,0.5\nfrozen,2,nan\nfrozen,3\nfrozen,4,1,2\nfinetune,5,"
    )
    assert run.metrics() == [
        {"stage": "frozen", "epoch": 1.0, "loss": 0.5},
        {"stage": "frozen", "epoch": 2.0, "loss": None},
        {"stage": "finetune", "epoch": 5.0, "loss": None},
    ]


def test_metrics_that_are_no_table_are_none(tmp_path):
    run = put(tmp_path, "one", config=CONFIG)
    (run.path / "metrics.csv").write_bytes(bytes(range(256)) * 100)
    assert run.metrics() == [] or all(isinstance(row, dict) for row in run.metrics())


def test_damaged_progress_is_no_progress(tmp_path):
    put(tmp_path, "one", config=CONFIG, status=status("running", HERE), progress=b"{")
    run = runs.find("one", tmp_path)
    assert run.state == "running" and run.progress == {}


def test_no_folder_means_no_runs(tmp_path):
    assert runs.all_runs(tmp_path / "nowhere") == []


def test_the_folder_is_that_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path))
    assert runs.folder() == tmp_path.resolve()
    monkeypatch.delenv("TELLTALE_RUNS")
    assert runs.folder() == Path(__file__).parents[2] / "runs"


def test_a_thousand_runs_are_listed_quickly(tmp_path):
    files = {"launch": LAUNCH, "status": status("completed", GONE)}
    for number in range(1000):
        path = tmp_path / f"run-{number}"
        path.mkdir()
        for name, content in files.items():
            (path / f"{name}.json").write_text(json.dumps(content))
    runs.all_runs(tmp_path)
    start = time.process_time()
    assert len(runs.all_runs(tmp_path)) == 1000
    assert time.process_time() - start < 1.0


def test_a_run_that_was_long_over_is_read_again_once_it_changes(tmp_path):
    run = put(tmp_path, "one", config=CONFIG, status=status("failed", GONE, "first"))
    os.utime(run.path, (1e9, 1e9))
    first, second = runs.all_runs(tmp_path), runs.all_runs(tmp_path)
    assert first[0] is second[0] and first[0].reason == "first"
    runs.RunDirectory(run.path).write("status.json", status("failed", GONE, "other"))
    assert runs.all_runs(tmp_path)[0].reason == "other"


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "../one", "/etc", "one/../one", "one\0", "a\\b", "nowhere"]
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    put(tmp_path / "runs", "one", config=CONFIG)
    put(tmp_path, "outside", config=CONFIG)
    with pytest.raises(runs.RunError, match="There is no run named"):
        runs.find(name, tmp_path / "runs")


def test_a_name_longer_than_file_systems_allow_is_of_no_run(tmp_path):
    with pytest.raises(runs.RunError, match="There is no run named"):
        runs.find("x" * 256, tmp_path)


@pytest.mark.parametrize("name", ["a", "7", "run-2.b_C", "x" * 80])
def test_a_proper_name(name):
    assert runs.valid_id(name) is None


@pytest.mark.parametrize(
    "name", ["", "x" * 81, ".a", "-a", "a b", "a/b", "a\n", "é", "a.", "a.partial", "--resume"]
)
def test_a_name_that_will_not_do_is_refused_in_a_sentence(name):
    assert runs.valid_id(name).endswith(".")


# ---- stops


def test_a_stop_that_nobody_sees_to_says_so(tmp_path):
    run = put(tmp_path, "one", config=CONFIG, status=status("running", HERE), stop=stopping.request())
    assert run.state == "stopping" and "Stop it again" in run.reason and run.actions == {"stop"}


@pytest.mark.parametrize(
    "stop", [{"asked": "yesterday"}, {"asked": "2024-01-01T00:00:00+00:00", "terminate_at": 7}]
)
def test_a_stop_that_makes_no_sense_is_carried_out_at_once(stop):
    assert stopping.seconds(stop, "terminate_at") == 0 and stopping.sentence(stop, True)
