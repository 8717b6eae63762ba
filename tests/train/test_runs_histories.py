"""What becomes of launched runs, with real processes: each history has the right state, reason, last words
and possible actions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.stand_in import FLOOD_BYTES, STEPS
from train import runs
from train.runs import Run, RunDirectory, processes, stopping

ROOT = Path(__file__).parents[2]
AGAIN = frozenset({"resume", "delete"})
SECONDS = 120


def wait(run_id: str, until: Callable[[Run], bool]) -> Run:
    """The run, as soon as ``until`` is true of it."""
    deadline = time.monotonic() + SECONDS
    while not until(run := runs.find(run_id)):
        assert time.monotonic() < deadline, run
        time.sleep(0.02)
    return run


def over(run: Run) -> bool:
    return not run.live


def training(run: Run) -> bool:
    """It has come so far that a stop or a kill hits it in the middle."""
    return run.state == "running" and run.progress.get("step", 0) >= 1


def told(run: Run, history: str, **options) -> Run:
    return runs.start(history, [], str(ROOT / "weights"), run, **options)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def supervisor(run: Run) -> int:
    return RunDirectory(run.path).read("supervisor.json")["pid"]


def steps_done(run: Run) -> list[int]:
    return [int(line.split()[0]) for line in (run.path / "proof.txt").read_text().splitlines()]


# ---- a table of exits

EXITS = {
    "finishes": ("completed", 0, "", "step 10 of 10", frozenset({"delete", "promote"})),
    "raises": (
        "failed",
        1,
        "ValueError: the third step is one too many",
        "ValueError: the third step is one too many",
        AGAIN,
    ),
    "kills_itself": (
        "failed",
        -signal.SIGKILL,
        "It was killed from outside (SIGKILL); most often the machine",
        "SIGKILL",
        AGAIN,
    ),
    "crashes": ("failed", -signal.SIGSEGV, "It crashed (SIGSEGV).", "SIGSEGV", AGAIN),
    "leaves_silently": ("failed", 7, "It ended without saying why (exit code 7).", "exit code 7", AGAIN),
    "leaves_a_child": ("failed", 1, "It ended without saying why (exit code 1).", "exit code 1", AGAIN),
    "fills_the_disk": (
        "failed",
        1,
        "The disk is full. Free some space, then resume.",
        "The disk is full.",
        AGAIN,
    ),
    "runs_out_of_memory": ("failed", 1, "The machine ran out of memory.", "ran out of memory", AGAIN),
    "dies_while_libraries_start": ("failed", 134, "The machine ran out of memory.", "ran out of", AGAIN),
    "writes_without_newline": ("failed", -signal.SIGKILL, "It was killed from outside", "SIGKILL", AGAIN),
    "floods_its_log": ("failed", 1, "ValueError: dry", "ValueError: dry", AGAIN),
}
"""history: (state, exit status, how the reason begins, what the last line of the log holds, what can be
done)."""


@pytest.fixture(scope="module")
def exits(tmp_path_factory) -> dict[str, Run]:
    """Every history of the table, lived through in one queue."""
    folder = tmp_path_factory.mktemp("exits") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        from tests.support.kill_storm import STAND_IN
        from train.runs import commands

        patch.setenv("TELLTALE_RUNS", str(folder))
        patch.setattr(commands, "TRAINER", STAND_IN)
        for history in EXITS:
            told(history, history)
        return {history: wait(history, over) for history in EXITS}


@pytest.mark.parametrize("history", EXITS)
def test_a_history_ends_in_its_state_with_its_reason(exits, history):
    run = exits[history]
    state, returncode, reason, _, actions = EXITS[history]
    assert (run.state, run.returncode, run.actions) == (state, returncode, actions) and run.reason.startswith(
        reason
    )
    assert run.pid is None and not run.supervised and run.created <= run.started <= run.ended


@pytest.mark.parametrize("history", EXITS)
def test_the_last_line_of_the_log_says_how_it_ended(exits, history):
    text, _, total = runs.tail(exits[history].log_path, 2000)
    assert EXITS[history][3] in text.splitlines()[-1] and len(text) <= 2000 and "\x1b" not in text
    assert total == exits[history].log_path.stat().st_size


def test_what_was_written_without_a_line_end_keeps_a_line_of_its_own(exits):
    text = exits["writes_without_newline"].log_path.read_text()
    assert "the end is never\n" in text


def test_a_flood_is_in_the_log_to_the_last_byte(exits):
    assert exits["floods_its_log"].log_path.stat().st_size > FLOOD_BYTES * 0.99


def test_what_a_training_left_behind_is_gone_with_it(exits):
    child = int((exits["leaves_a_child"].path / "child.txt").read_text())
    deadline = time.monotonic() + SECONDS
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_completed_run_has_its_figures_and_its_model(exits):
    run = exits["finishes"]
    assert [row["epoch"] for row in run.metrics()] == list(range(1, STEPS + 1)) and run.metrics()[1][
        "loss"
    ] == 0.5
    assert run.bundle == run.path / "bundle" and run.progress["step"] == STEPS and run.device == "cpu"


def test_runs_are_listed_with_the_newest_first(exits):
    folder = exits["finishes"].path.parent
    assert [run.id for run in runs.all_runs(folder)] == list(EXITS)[::-1]


# ---- resuming


def test_a_run_that_failed_goes_on_where_it_was(store):
    told("one", "raises_once")
    assert wait("one", over).state == "failed"
    assert runs.resume("one").state in ("queued", "running")
    assert wait("one", over).state == "completed" and steps_done(runs.find("one")) == list(
        range(1, STEPS + 1)
    )


def test_a_run_that_never_began_begins_when_it_is_resumed(store):
    told("first", "waits_to_be_stopped")
    second = told("second", "finishes")
    kill(second.pid)
    lost = wait("second", over)
    assert lost.state == "lost" and "waiting for its turn" in lost.reason and lost.actions == AGAIN
    runs.stop("first")
    runs.resume("second")
    assert wait("second", over).state == "completed"


def test_a_run_that_goes_on_is_neither_resumed_nor_deleted(store):
    told("one", "waits_to_be_stopped")
    for act in (runs.resume, runs.delete):
        with pytest.raises(runs.RunError, match="cannot be .*: it is (queued|running)"):
            act("one")


# ---- who dies, and what remains

APP = """
import sys, time
from train import runs
from train.runs import commands
commands.TRAINER = tuple(sys.argv[1:3])
runs.start("finishes:0.1", [], ".", "one")
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def app(store):
    """A program that has started the run "one" and goes on."""
    from train.runs import commands

    process = subprocess.Popen(
        [sys.executable, "-c", APP, *commands.TRAINER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_outlives_the_app_that_was_killed(app):
    wait("one", training)
    app.kill()
    app.wait()
    assert runs.find("one").state == "running"
    assert wait("one", over).state == "completed"


def test_a_stop_outlives_the_app_that_was_killed(app):
    wait("one", training)
    runs.stop("one")
    app.kill()
    app.wait()
    assert wait("one", over).state == "stopped"


def test_a_killed_training_is_reported_by_its_supervisor(store):
    told("one", "finishes:0.1")
    kill(wait("one", training).pid)
    run = wait("one", over)
    assert (run.state, run.returncode) == ("failed", -signal.SIGKILL)


def test_a_training_whose_supervisor_was_killed_goes_on_and_completes(store):
    told("one", "finishes:0.1")
    run = wait("one", training)
    kill(supervisor(run))
    run = wait("one", lambda run: not run.supervised)
    assert run.state == "running" and run.actions == {"stop"}
    assert wait("one", over).state == "completed"


def test_a_training_without_supervisor_still_has_its_device(store):
    told("one", "waits_to_be_stopped")
    run = wait("one", training)
    kill(supervisor(run))
    told("two", "finishes")
    runs.stop("one")
    assert wait("two", over).state == "completed"
    assert runs.find("two").started >= runs.find("one").ended


def test_a_training_without_supervisor_is_stopped_all_the_same(store):
    told("one", "waits_to_be_stopped")
    run = wait("one", training)
    kill(supervisor(run))
    wait("one", lambda run: not run.supervised)
    assert runs.stop("one").state == "stopping"
    assert wait("one", over).state == "stopped"


def test_a_run_whose_processes_were_all_killed_is_lost_and_resumes(store):
    told("one", "finishes:0.1")
    run = wait("one", training)
    for pid in (supervisor(run), run.pid):
        kill(pid)
    lost = wait("one", over)
    assert (
        lost.state == "lost"
        and "gone without a word" in lost.reason
        and lost.actions == AGAIN
        and lost.returncode is None
    )
    runs.resume("one")
    assert wait("one", over).state == "completed" and set(steps_done(lost)) == set(range(1, STEPS + 1))


def test_a_zombie_is_no_training(store):
    told("one", "finishes:0.1")
    run = wait("one", training)
    os.kill(supervisor(run), signal.SIGSTOP)  # so that nobody waits for the training
    try:
        kill(run.pid)
        deadline = time.monotonic() + SECONDS
        while psutil.Process(run.pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
        assert runs.find("one").pid == supervisor(run) and "being written down" in runs.find("one").reason
    finally:
        os.kill(supervisor(run), signal.SIGCONT)
    assert wait("one", over).state == "failed"


def test_a_run_typed_in_a_terminal_is_in_the_store_and_can_be_stopped(store):
    from train.runs import commands

    words = ["--recipe", "finishes:1", "--data", "x", "--run-dir", str(store / "typed")]
    process = subprocess.Popen([*commands.TRAINER, *words], stdout=subprocess.DEVNULL, process_group=0)
    deadline = time.monotonic() + SECONDS
    while not (store / "typed" / "progress.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run = runs.find("typed")
    assert (run.state, run.pid, run.supervised, run.data) == ("running", process.pid, False, "x")
    runs.stop("typed")
    process.wait(SECONDS)
    run = wait("typed", over)
    assert (run.state, run.returncode) == ("stopped", 3)
    assert (
        subprocess.run([*commands.TRAINER, "--resume", str(run.path)], stdout=subprocess.DEVNULL).returncode
        == 0
    )
    assert runs.find("typed").state == "completed"


# ---- stopping


def test_a_stop_ends_the_training_with_a_checkpoint_and_it_can_go_on(store):
    told("one", "finishes:0.1")
    wait("one", training)
    stopping_run = runs.stop("one")
    assert stopping_run.state == "stopping" and stopping_run.actions == frozenset()
    assert stopping_run.reason.startswith(
        "It is finishing its step and writing a checkpoint. If it has not ended by "
    )
    assert runs.stop("one").state in ("stopping", "stopped")  # pressing twice does no harm
    run = wait("one", over)
    assert (run.state, run.returncode, run.reason) == ("stopped", 3, "Stopped on request.") and not (
        run.path / "stop.json"
    ).exists()
    runs.resume("one")
    assert wait("one", over).state == "completed" and steps_done(run) == list(range(1, STEPS + 1))


@pytest.mark.parametrize(
    ("history", "words", "state"),
    [
        ("ends_at_the_second_sigterm", "hard of hearing", ("stopped", 3)),
        ("ignores_sigterm", "deaf", ("stopped", -signal.SIGKILL)),
    ],
)
def test_who_does_not_hear_is_told_louder(store, monkeypatch, history, words, state):
    monkeypatch.setattr(stopping, "CHECKPOINT_SECONDS", 0.5)
    monkeypatch.setattr(stopping, "TERMINATE_SECONDS", 0.5)
    told("one", history)
    wait("one", lambda run: words in run.log_path.read_text())
    runs.stop("one")
    run = wait("one", over)
    assert (run.state, run.returncode) == state
    assert ("it was killed" in run.reason) == (history == "ignores_sigterm")


def test_a_stop_says_what_comes_next_at_each_step(store, monkeypatch):
    monkeypatch.setattr(stopping, "CHECKPOINT_SECONDS", 1.0)
    monkeypatch.setattr(stopping, "TERMINATE_SECONDS", 1.0)
    told("one", "ignores_sigterm")
    wait("one", lambda run: "deaf" in run.log_path.read_text())
    runs.stop("one")
    wait("one", lambda run: "It was told to end at once (SIGTERM). If it is still there at " in run.reason)
    assert wait("one", over).state == "stopped"


def test_a_queued_run_that_is_stopped_leaves_the_queue_and_can_come_back(store):
    told("first", "waits_to_be_stopped")
    told("second", "finishes")
    runs.stop("second")
    run = wait("second", over)
    assert (run.state, run.reason) == (
        "stopped",
        "Taken out of the queue before its turn came.",
    ) and run.actions == AGAIN
    runs.resume("second")
    runs.stop("first")
    assert wait("second", over).state == "completed"


def test_a_supervisor_told_to_end_stops_its_run(store):
    told("one", "waits_to_be_stopped")
    os.kill(supervisor(wait("one", training)), signal.SIGTERM)
    assert wait("one", over).state == "stopped"


def test_a_run_that_is_over_cannot_be_stopped(store):
    told("one", "raises")
    wait("one", over)
    with pytest.raises(runs.RunError, match="The run one is not going: it is failed"):
        runs.stop("one")


# ---- the queue


def test_one_run_at_a_time_in_the_order_of_their_coming_past_those_who_died_waiting(store):
    told("a", "waits_to_be_stopped")
    wait("a", training)
    dead = told("dead", "finishes")
    told("b", "finishes")
    told("c", "finishes")
    assert [runs.find(name).queue_position for name in ("a", "dead", "b", "c")] == [None, 1, 2, 3]
    kill(dead.pid)
    wait("dead", over)
    assert [runs.find(name).queue_position for name in ("b", "c")] == [1, 2]
    runs.stop("a")
    a, b, c = (wait(name, over) for name in "abc")
    assert a.ended <= b.started and b.ended <= c.started and b.state == c.state == "completed"


def test_each_device_has_a_queue_of_its_own(store, monkeypatch):
    monkeypatch.setattr("train.runs.hardware.gpus", lambda: [runs.Device("cuda:0", "a GPU", 1, 0, 0.0)])
    told("one", "waits_to_be_stopped", device="cpu")
    told("two", "waits_to_be_stopped")
    assert runs.find("two").device == "cuda:0"
    wait("one", training)
    wait("two", training)
    assert runs.find("one").state == "running"


def test_a_run_on_two_gpus_waits_for_both_and_nobody_overtakes_it(store, monkeypatch):
    two = [runs.Device(f"cuda:{number}", "a GPU", 1, 0, 0.0) for number in range(2)]
    monkeypatch.setattr("train.runs.hardware.gpus", lambda: two)
    told("first", "waits_to_be_stopped", device="cuda:1")
    wait("first", training)
    told("both", "waits_to_be_stopped", device="all")
    told("later", "finishes", device="cuda:0")
    assert [runs.find(name).queue_position for name in ("both", "later")] == [1, 2]
    runs.stop("first")
    wait("both", training)
    assert runs.find("both").device == "cuda:0,1" and runs.find("later").state == "queued"
    runs.stop("both")
    both, later = wait("both", over), wait("later", over)
    assert both.ended <= later.started and later.state == "completed"


# ---- the disk is full


def test_the_last_words_fit_on_a_full_disk(tmp_path, monkeypatch):
    run = RunDirectory.claim(tmp_path / "run")
    run.set_status("running")
    run.keep_room()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunDirectory, "write", full)
    run.set_status("failed", "The disk is full.", 1)
    status = run.read("status.json")
    assert (status["state"], status["reason"], status["returncode"]) == ("failed", "The disk is full.", 1)
    assert processes.same(status, processes.identity())


def test_a_run_that_fills_its_disk_says_so(store):
    """On a disk of 300 kB, where this process may mount one."""
    store.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(store)], capture_output=True
    ).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        told("one", "floods_its_log")
        run = wait("one", over)
        assert (run.state, run.reason, run.returncode) == (
            "failed",
            "The disk is full. Free some space, then resume.",
            1,
        )
        runs.delete("one")
    finally:
        subprocess.run(["umount", "--lazy", str(store)], check=True)
