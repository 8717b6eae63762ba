"""train.runs.directory: claiming a run directory, and telling from outside how a run is doing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import psutil
import pytest

from train.runs import RunDirectory, RunError

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return RunDirectory.claim(tmp_path / "runs" / "one")


@pytest.fixture
def child():
    """A process that sleeps."""
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def pretend(run: RunDirectory, pid, create_time) -> None:
    run.write("status.json", {"state": "running", "reason": "", "pid": pid, "create_time": create_time})


# ---- claiming


def test_a_run_directory_is_made_with_its_parents(tmp_path):
    assert RunDirectory.claim(tmp_path / "a" / "b" / "c").path.is_dir()


def test_a_directory_is_claimed_only_once(run):
    with pytest.raises(
        RunError, match="exists already. Give another one, or continue that run with --resume"
    ):
        RunDirectory.claim(run.path)


def test_a_directory_that_cannot_be_made_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        RunDirectory.claim(tmp_path / "file" / "run")


def test_a_directory_without_a_config_is_no_run(run):
    with pytest.raises(RunError, match="is not a run directory: it has no config.json"):
        RunDirectory.open(run.path)


def test_a_run_is_opened_by_its_path_and_named_after_its_folder(run):
    run.write("config.json", {})
    assert RunDirectory.open(str(run.path)).id == "one"


def test_a_run_is_held_by_one_at_a_time(run):
    run.hold()
    with pytest.raises(RunError, match="is still going"):
        RunDirectory(run.path).hold()


def test_a_run_is_let_go_when_its_process_ends(run):
    command = (
        "import sys; from pathlib import Path; from train.runs import RunDirectory;"
        " RunDirectory(Path(sys.argv[1])).hold()"
    )
    subprocess.run([sys.executable, "-c", command, run.path], check=True)
    run.hold()


# ---- status


def test_a_run_without_a_status_is_not_alive(run):
    assert run.read("status.json") == {} and not run.alive()


def test_a_status_is_of_this_process(run):
    run.set_status("running", "because")
    status = run.read("status.json")
    assert (status["state"], status["reason"], status["pid"]) == ("running", "because", psutil.Process().pid)
    assert run.alive()


def test_a_resumed_run_keeps_its_first_start(run, child):
    run.record_status("running", "", None, {"pid": child.pid, "create_time": 1.0})
    first = run.read("status.json")["started"]
    run.set_status("running")
    run.set_status("completed", "", 0)
    assert first and run.read("status.json")["started"] == first <= run.read("status.json")["updated"]


def test_a_run_is_alive_while_its_process_is(run, child):
    pretend(run, child.pid, psutil.Process(child.pid).create_time())
    assert run.alive()
    child.kill()
    child.wait()
    assert not run.alive()


def test_a_zombie_is_not_alive(run, child):
    pretend(run, child.pid, psutil.Process(child.pid).create_time())
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not run.alive()


def test_another_process_with_the_same_number_is_not_the_run(run, child):
    pretend(run, child.pid, psutil.Process(child.pid).create_time() - 3600)
    assert not run.alive()


def test_a_clock_that_was_set_meanwhile_does_not_kill_a_run(run, child):
    pretend(run, child.pid, psutil.Process(child.pid).create_time() - 2)
    assert run.alive()


@pytest.mark.parametrize(
    ("pid", "create_time"), [(None, None), ("1", 0.0), (-1, 0.0), (10**30, 0.0), (1, "yesterday"), ([], {})]
)
def test_nonsense_in_a_status_is_not_alive(run, pid, create_time):
    pretend(run, pid, create_time)
    assert not run.alive()


def test_a_damaged_status_is_not_alive(run):
    (run.path / "status.json").write_text("")
    assert not run.alive()


# ---- files


@pytest.mark.parametrize("text", ["{", "", "[1]", "\xff"])
def test_a_damaged_file_is_refused_in_a_sentence(run, text):
    (run.path / "status.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match="status.json"):
        run.read("status.json")


def test_a_reader_never_sees_half_a_file(run):
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            run.write("progress.json", {"number": number, "padding": "x" * (number * 997 % 20000)})

    run.write("progress.json", {"number": 0})
    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [json.loads((run.path / "progress.json").read_text())["number"] for _ in range(500)]
    finally:
        stop.set()
        writer.join()
    assert seen == sorted(seen) and seen[-1] > 0


def test_a_write_that_was_cut_off_leaves_the_old_content(run):
    run.write("progress.json", {"step": 1})
    (run.path / "progress.json.partial").write_text('{"step": ')
    assert run.read("progress.json") == {"step": 1}


# ---- metrics


def lines(run: RunDirectory) -> list[str]:
    return (run.path / "metrics.csv").read_text().splitlines()


def test_metrics_have_a_header_and_a_row_per_epoch(run):
    for epoch in (1, 2):
        run.append_metrics({"epoch": epoch, "loss": 0.5})
    assert lines(run) == ["epoch,loss", "1,0.5", "2,0.5"]


def test_the_first_row_sets_the_columns(run):
    run.append_metrics({"epoch": 1, "loss": 0.5})
    run.append_metrics({"loss": 0.25, "extra": 9})
    assert lines(run) == ["epoch,loss", "1,0.5", ",0.25"]


@pytest.mark.parametrize(
    ("rows", "kept"),
    [(2, ["epoch", "1", "2"]), (3, ["epoch", "1", "2", "3"]), (9, ["epoch", "1", "2", "3"]), (0, [])],
)
def test_metrics_are_cut_back_to_what_a_checkpoint_had_seen(run, rows, kept):
    for epoch in (1, 2, 3):
        run.append_metrics({"epoch": epoch})
    run.keep_metrics(rows)
    assert lines(run) == kept


def test_metrics_that_were_cut_back_to_nothing_start_again_with_a_header(run):
    (run.path / "metrics.csv").write_text("epo")  # a crash during the very first row
    run.keep_metrics(0)
    run.append_metrics({"epoch": 1})
    assert lines(run) == ["epoch", "1"]


def test_cutting_metrics_that_are_not_there_yet_does_nothing(run):
    run.keep_metrics(0)
    assert not (run.path / "metrics.csv").exists()
