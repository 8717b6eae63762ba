"""Starting runs: once however often it is asked for, in full or not at all, and never more than a sentence
when it fails."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.kill_storm import processes_of
from train import __main__ as script
from train import runs
from train.runs import RunDirectory, commands, launcher

ROOT = Path(__file__).parents[2]

START = """
import sys, time
from train import runs
from train.runs import commands
commands.TRAINER = tuple(sys.argv[1:3])
print("ready", flush=True)
sys.stdin.readline()
try:
    print(runs.start("waits_to_be_stopped", [], ".", "one", token=sys.argv[3] or None).id)
except runs.RunError as error:
    print("refused:", error)
"""


def start(name: str, **options) -> runs.Run:
    return runs.start("waits_to_be_stopped", [], str(ROOT / "weights"), name, **options)


def trainings(folder: Path) -> list[str]:
    """The runs that processes exist for."""
    return sorted(processes_of(folder))


# ---- twice at once


@pytest.mark.parametrize(
    ("token", "answers"),
    [("", ["one", "refused: There is a run named one already."]), ("press", ["one", "one"])],
)
def test_two_programs_that_start_the_same_run_at_once_start_one(store, token, answers):
    words = [sys.executable, "-c", START, *commands.TRAINER, token]
    programs = [
        subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    said = sorted(program.communicate(timeout=120)[0] for program in programs)
    assert all(text.startswith(answer) for text, answer in zip(said, answers, strict=True)), said
    assert [run.id for run in runs.all_runs()] == ["one"] and len(processes_of(store)["one"]) <= 2


def test_many_threads_with_one_token_start_one_run(store):
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(start(f"run-{n}", token="press").id))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1 and [run.id for run in runs.all_runs()] == found[:1]


def test_another_token_is_another_run(store):
    assert start("one", token="first").id == "one" and start("two", token="second").id == "two"


def test_a_name_that_is_taken_is_refused(store):
    (store / "mine").mkdir(parents=True)
    with pytest.raises(runs.RunError, match="There is a run named mine already. Give this one another name."):
        start("mine")


def test_a_run_that_waits_is_not_trained_by_a_command_typed_for_it(store, capsys):
    start("first")
    run = runs.start("tiny-attention", [], str(ROOT / "weights"), "one")
    assert run.state == "queued" and script.main(list(run.command[3:])) == script.USAGE
    assert "exists already" in capsys.readouterr().err


# ---- what is started


def test_the_command_is_the_one_that_a_terminal_understands():
    words = runs.command(
        "my recipe.toml",
        ["finetune.epochs=3", "title=a 'b' $HOME; ls"],
        "/pictures of mine",
        "one",
        "cuda:1",
        Path("/runs"),
    )
    assert words == [
        "python",
        "-m",
        "train",
        "--recipe",
        "my recipe.toml",
        "--data",
        "/pictures of mine",
        "--run-dir",
        "/runs/one",
        "--set",
        "finetune.epochs=3",
        "--set",
        "title=a 'b' $HOME; ls",
        "--device",
        "cuda:1",
    ]
    shell = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {shlex.join(words)}"], capture_output=True, text=True, check=True
    )
    assert shell.stdout.splitlines() == words
    parsed = script._parse(words[3:])
    assert (parsed.data, parsed.set[1], parsed.device) == (
        "/pictures of mine",
        "title=a 'b' $HOME; ls",
        "cuda:1",
    )


def test_within_telltales_folder_the_command_has_short_paths(monkeypatch):
    monkeypatch.delenv("TELLTALE_RUNS", raising=False)
    assert runs.command("tiny-attention", [], "/x", "one")[-4:] == [
        "--run-dir",
        "runs/one",
        "--device",
        "auto",
    ]


def test_the_command_to_copy_names_no_python_of_this_machine_and_the_one_started_does(store, tmp_path):
    run = runs.start("finishes", [], str(tmp_path), "one", "auto")
    assert run.command[:3] == ("python", "-m", "train")
    started = commands.start_command("finishes", [], str(tmp_path), "one", run.device, store)
    assert started[: len(commands.TRAINER)] == list(commands.TRAINER)


def test_a_run_that_took_what_it_found_is_not_pinned_to_that_device(store, tmp_path):
    run = runs.start("finishes", [], str(tmp_path), "one", "auto")
    assert run.device == "cpu" and run.command[-2:] == ("--device", "auto")
    assert runs.start("finishes", [], str(tmp_path), "two", "cpu").command[-2:] == ("--device", "cpu")


def test_the_training_gets_what_was_asked_for_and_nothing_of_it_reaches_a_shell(store, tmp_path):
    evil = tmp_path / "a b; touch hacked $(touch hacked)"
    evil.mkdir()
    run = runs.start("waits_to_be_stopped", ["title=`touch hacked`; \"x\" 'y'\nz"], str(evil), "one")
    until = time.monotonic() + 120
    while not (config := RunDirectory(run.path).read("config.json")):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert config["data"] == str(evil) and config["recipe"]["title"] == "`touch hacked`; \"x\" 'y'\nz"
    assert not list(tmp_path.rglob("hacked")) and not (ROOT / "hacked").exists()


def test_a_run_appears_whole_with_its_supervisor(store):
    run = start("one")
    assert run.supervised and run.state in ("queued", "running") and run.pid
    assert json.loads((run.path / "launch.json").read_text())["recipe"] == "waits_to_be_stopped"
    assert not [path for path in store.iterdir() if path.name.startswith(launcher.NEW)]


# ---- what is refused


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"run_id": "../one"}, "A run's name is made of"),
        ({"data": "/no/such/folder"}, "There is nothing at /no/such/folder."),
        ({"data": ""}, "must be text"),
        ({"data": "a\0b"}, "must be text"),
        ({"recipe": "--resume"}, "written as name=value"),
        ({"overrides": ["--data=x"]}, "written as name=value"),
        ({"overrides": ["seed"]}, "written as name=value"),
        ({"device": "cuda:77"}, "There is no device 'cuda:77' here; there are: "),
        ({"device": "; ls"}, "There is no device"),
    ],
)
def test_what_will_not_do_is_refused_in_a_sentence_and_leaves_nothing(store, words, sentence):
    with pytest.raises(runs.RunError, match=sentence):
        runs.start(**{"recipe": "finishes", "overrides": [], "data": ".", "run_id": "one"} | words)
    assert runs.all_runs() == [] and not trainings(store)


def test_paths_that_are_no_utf8_are_refused_before_anything_is_started(store, tmp_path):
    odd = tmp_path / "pictures-\udce9"
    odd.mkdir()
    with pytest.raises(runs.RunError, match="name of the data folder is no UTF-8 text"):
        runs.start("finishes", [], str(odd), "one")
    with pytest.raises(runs.RunError, match="name of the folder of runs is no UTF-8 text"):
        runs.start("finishes", [], str(tmp_path), "one", folder=odd)
    assert not runs.all_runs(store) and not list(odd.iterdir())


def test_a_folder_that_cannot_hold_runs_is_refused_in_a_sentence(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(runs.RunError, match="The folder of runs .* cannot be written to"):
        start("one", folder=tmp_path / "file" / "runs")


def test_a_supervisor_that_does_not_come_up_leaves_no_run(store, monkeypatch):
    monkeypatch.setattr(launcher, "ROOT", store.parent)  # where there is no train.runs.supervisor
    with pytest.raises(runs.RunError, match="has ended at once: .*No module named"):
        start("one")
    assert runs.all_runs() == [] and [path.name for path in store.iterdir()] == [".lock"]


def test_a_training_that_cannot_be_run_says_so(store, monkeypatch):
    monkeypatch.setattr(commands, "TRAINER", ("/no/such/python", "-m", "train"))
    start("one")
    until = time.monotonic() + 120
    while (run := runs.find("one")).live:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (run.state, run.reason) == ("failed", "/no/such/python cannot be run: No such file or directory.")


def test_a_folder_that_another_program_keeps_locked_is_a_sentence(store, monkeypatch):
    monkeypatch.setattr(launcher, "LOCK_SECONDS", 0.1)
    with (
        launcher._locked(store),
        pytest.raises(runs.RunError, match="Another program is starting or stopping a run"),
    ):
        start("one")


# ---- deleting


def test_a_deleted_run_is_gone_and_its_name_is_free(store):
    start("one")
    runs.stop("one")
    until = time.monotonic() + 120
    while runs.find("one").live:
        assert time.monotonic() < until
        time.sleep(0.02)
    runs.delete("one")
    assert runs.all_runs() == [] and start("one").id == "one"


def test_a_delete_that_was_cut_short_leaves_no_half_run_and_is_finished_by_the_next(store, monkeypatch):
    for name in ("one", "two"):
        RunDirectory.claim(store / name).write("config.json", {"recipe": {}, "data": "", "command": ""})
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            runs.delete("one")
    assert [run.id for run in runs.all_runs()] == ["two"]
    runs.delete("two")
    assert [path.name for path in store.iterdir() if path.name != ".lock"] == []


def test_a_run_that_a_training_holds_is_not_deleted_whatever_its_files_say(store):
    run = RunDirectory.claim(store / "one")
    run.write("config.json", {"recipe": {}, "data": "", "command": ""})
    run.hold()
    with pytest.raises(runs.RunError, match="cannot be deleted"):
        runs.delete("one")


def test_deleting_a_link_leaves_what_it_points_to(store, tmp_path):
    elsewhere = RunDirectory.claim(tmp_path / "elsewhere")
    elsewhere.write("config.json", {"recipe": {}, "data": "", "command": ""})
    store.mkdir()
    (store / "one").symlink_to(elsewhere.path)
    runs.delete("one")
    assert runs.all_runs() == [] and (elsewhere.path / "config.json").exists()


# ---- from a terminal


def terminal(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "train.runs", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        input="",
    )


def test_runs_are_looked_after_from_a_terminal(store):
    assert terminal("list").stdout == f"No runs in {store}.\n"
    start("one")
    assert "one  running" in (listed := terminal("list").stdout) or "one  queued" in listed
    deadline = time.monotonic() + 60
    while "step 1 of" not in terminal("log", "one").stdout:  # on a busy machine the stop would come first
        assert time.monotonic() < deadline
    stopped = terminal("stop", "one")
    assert stopped.returncode == 0 and stopped.stdout.startswith("one is stopp")
    followed = terminal("log", "one", "--follow")
    assert "step 1 of 10\n" in followed.stdout and "\x1b" not in followed.stdout
    shown = terminal("show", "one")
    assert (
        shown.returncode == 0
        and "state      stopped\n" in shown.stdout
        and "you can    delete, resume" in shown.stdout
    )
    assert terminal("delete", "one").returncode == 0 and runs.all_runs()  # nobody said yes
    assert terminal("delete", "one", "--yes").stdout == "one is deleted.\n" and runs.all_runs() == []


@pytest.mark.parametrize(
    "words", [("show", "nowhere"), ("stop", "../x"), ("resume", "nowhere"), ("delete", "--yes", "nowhere")]
)
def test_a_terminal_gets_a_sentence_and_exit_status_2(store, words):
    done = terminal(*words)
    assert (
        done.returncode == 2
        and done.stderr.startswith("runs: There is no run named")
        and "Traceback" not in done.stderr
    )


def test_a_terminal_shows_no_control_codes_of_others(store):
    run = RunDirectory.claim(store / "a\x1b[31mb")
    run.write("config.json", {"recipe": {}, "data": "\x1b]0;x\x07", "command": "x"})
    assert "\x1b" not in terminal("list").stdout + terminal("show", run.id).stdout
