"""``python -m train`` as people and pages run it: in a process of its own, to the end, stopped, killed and
resumed."""

from __future__ import annotations

import csv
import errno
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from detector import architectures
from detector.bundle import read_bundle
from detector.classifier import Classifier
from detector.datasets import Pairs, load_dataset
from detector.evaluation.predictions import read_predictions
from detector.images import read_image
from train import __main__ as script
from train.__main__ import FAILED, FINISHED, STOPPED, USAGE, main
from train.runs import RunDirectory

ROOT = Path(__file__).parents[2]
EPOCHS = 8
LONG_ENOUGH = (
    "--set",
    f"finetune.epochs={EPOCHS}",
    "--set",
    f"finetune.patience={EPOCHS}",
    "--set",
    "sampling.images_per_epoch=480",
)


def start(*arguments: str | os.PathLike) -> subprocess.Popen:
    """``python -m train`` in a process of its own; what it prints goes to its log."""
    command = [sys.executable, "-m", "train", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> tuple[int, str]:
    """(exit status, what it wrote to standard error) of a started training."""
    _, complaint = process.communicate(timeout=200)
    return process.returncode, complaint


def wait_for_epochs(process: subprocess.Popen, path: Path, count: int) -> None:
    """Return as soon as a started training has a checkpoint after ``count`` epochs."""
    until = time.monotonic() + 200
    while not any(int(folder.name) >= count - 1 for folder in path.glob("checkpoints/??????")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until, "training did not get that far"
        time.sleep(0.005)


def run_at(path: Path) -> SimpleNamespace:
    """A run directory as a reader sees it."""
    run = RunDirectory.open(path)
    with open(path / "metrics.csv", newline="") as file:
        metrics = list(csv.DictReader(file))
    return SimpleNamespace(
        path=path,
        run=run,
        status=run.read("status.json"),
        metrics=metrics,
        log=(path / "train.log").read_text(),
    )


def figures(run: SimpleNamespace) -> list[dict[str, float]]:
    """metrics.csv without what differs from run to run: the time taken."""
    return [
        {name: float(value) for name, value in row.items() if name not in ("stage", "seconds")}
        for row in run.metrics
    ]


def like(rows: list[dict[str, float]]) -> list:
    return [pytest.approx(row, rel=1e-3, abs=1e-3) for row in rows]


# ---- to the end


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a recipe and a weights file of the user's own, given by their absolute paths."""
    home = tmp_path_factory.mktemp("home")
    (home / "mine.toml").write_text((ROOT / "train/recipes/tiny-attention.toml").read_text())
    network = architectures.get("tiny-attention").build()
    keras.Model(network.input, network.get_layer("relu3").output).save_weights(home / "backbone.weights.h5")
    return home


@pytest.fixture(scope="module")
def arguments(home, pictures) -> list[str]:
    """All but --run-dir."""
    return [
        "--recipe",
        f"{home}/mine.toml",
        "--data",
        str(pictures),
        "--set",
        f"backbone_weights={home}/backbone.weights.h5",
        *LONG_ENOUGH,
    ]


@pytest.fixture(scope="module")
def whole(arguments, home) -> SimpleNamespace:
    """A run that was never interrupted."""
    assert finish(start(*arguments, "--run-dir", home / "whole")) == (FINISHED, "")
    return run_at(home / "whole")


def test_a_run_that_ends_is_completed_and_no_longer_alive(whole):
    assert whole.status["state"] == "completed" and not whole.run.alive()


def test_metrics_have_a_row_per_epoch_and_training_learnt_something(whole):
    assert [row["epoch"] for row in whole.metrics] == [str(epoch) for epoch in range(1, EPOCHS + 1)]
    assert float(whole.metrics[-1]["loss"]) < float(whole.metrics[0]["loss"]) / 2


def test_config_holds_the_resolved_recipe_and_where_the_data_are(whole, pictures, home):
    config = whole.run.read("config.json")
    assert config["data"] == str(pictures) and config["recipe"]["name"] == "mine"
    assert (
        config["recipe"]["finetune"]["epochs"] == EPOCHS
        and config["recipe"]["backbone_weights"] == f"{home}/backbone.weights.h5"
    )


def test_the_log_lists_images_that_were_left_out(whole):
    assert "left out images/broken.png: This is not an image" in whole.log


def test_the_log_holds_every_epoch_and_no_traceback(whole):
    assert whole.log.count("stage finetune  epoch") == EPOCHS and "Traceback" not in whole.log


def test_what_tensorflow_says_as_it_starts_is_in_a_file_of_its_own(whole):
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in whole.log.splitlines())
    assert "InitializeLog" in (whole.path / "startup.log").read_text()


def test_the_bundle_is_one_the_detector_accepts(whole):
    bundle = read_bundle(whole.path / "bundle")
    low, high = bundle.unsure
    assert bundle.architecture.name == "tiny-attention" and low <= bundle.threshold <= high
    assert sorted(path.name for path in bundle.path.iterdir()) == [
        "card.json",
        "model.weights.h5",
        "scoreboard.json",
        "test_predictions.parquet",
    ]


def test_the_card_says_where_the_model_comes_from(whole, pictures):
    card = json.loads((whole.path / "bundle" / "card.json").read_text())
    training = card["training"]
    assert (
        training["run_id"] == "whole"
        and training["recipe"] == "mine"
        and training["settings"]["finetune"]["epochs"] == EPOCHS
    )
    assert training["dataset"]["images"] == {
        f"{split} {title}": count
        for split, count in (("train", 36), ("val", 12), ("test", 12))
        for title in ("AI-generated", "real")
    }
    assert (
        training["dataset"]["left_out_as_unreadable"] == 1
        and training["dataset"]["changed_during_training"] is False
    )
    assert (
        card["metrics"]["test"]["n"] == 24
        and "validation" in card["metrics"]
        and "test, paired" in card["metrics"]
    )


def test_the_card_holds_no_path_of_this_machine(whole, tmp_path_factory):
    text = (whole.path / "bundle" / "card.json").read_text()
    assert (
        str(tmp_path_factory.getbasetemp()) not in text
        and str(ROOT) not in text
        and str(Path.home()) + "/" not in text
    )
    assert json.loads(text)["training"]["command"] == (
        "python -m train --recipe mine.toml --data DATA --run-dir runs/whole --set"
        " backbone_weights=backbone.weights.h5 " + " ".join(LONG_ENOUGH)
    )


def test_predictions_are_of_the_weights_that_ship(whole, pictures):
    predictions = read_predictions(whole.path / "bundle" / "test_predictions.parquet")
    classifier = Classifier.load(whole.path / "bundle")
    assert predictions.weights_sha256 == classifier.bundle.weights_sha256
    rows = predictions.rows[predictions.rows["delivery"] == ""]
    inputs = [classifier.bundle.preprocessing(read_image(pictures / id).pixels) for id in rows["id"]]
    logits, _ = classifier.forward(np.stack(inputs))
    assert rows["logit"].to_numpy() == pytest.approx(logits, abs=1e-4)


def test_predictions_hold_every_test_image_with_what_the_manifest_says_of_it(whole):
    rows = read_predictions(whole.path / "bundle" / "test_predictions.parquet").rows
    rows = rows[rows["delivery"] == ""]
    assert len(rows) == 24 and set(rows["split"]) == {"test"} and rows["y_true"].sum() == 12
    assert (rows["width"] == 60).all() and (rows["height"] == 48).all() and rows["paired"].sum() == 12
    assert (rows["original_width"] == 640).all() and (rows["original_format"] == "PNG").all()
    assert not {"group", "path"} & set(rows)


def test_resuming_a_completed_run_writes_its_bundle_again(whole, home):
    shutil.copytree(whole.path, home / "again")
    shutil.rmtree(home / "again" / "bundle")
    assert finish(start("--resume", home / "again")) == (FINISHED, "")
    first, second = (read_bundle(path / "bundle") for path in (whole.path, home / "again"))
    assert second.threshold == pytest.approx(first.threshold) and figures(run_at(home / "again")) == figures(
        whole
    )


# ---- stopped, killed, and resumed


@pytest.fixture(scope="module")
def stopped(arguments, home) -> SimpleNamespace:
    """A run that was asked to stop, and what another --resume was told while it ran."""
    path = home / "stopped"
    process = start(*arguments, "--run-dir", path)
    wait_for_epochs(process, path, 2)
    process.send_signal(signal.SIGSTOP)  # hold it still
    refusal = finish(start("--resume", path))
    process.send_signal(signal.SIGCONT)
    process.terminate()
    code, complaint = finish(process)
    return SimpleNamespace(**vars(run_at(path)), code=code, complaint=complaint, refusal=refusal)


def test_a_run_that_is_going_cannot_be_resumed(stopped):
    code, complaint = stopped.refusal
    assert (
        code == USAGE
        and complaint == f"train: The run {stopped.path} is still going (process {stopped.status['pid']}).\n"
    )


def test_a_run_asked_to_stop_says_so_and_how_to_go_on(stopped):
    assert (stopped.code, stopped.complaint) == (STOPPED, "")
    assert (stopped.status["state"], stopped.status["reason"]) == (
        "stopped",
        "Stopped on request.",
    ) and not stopped.run.alive()
    assert f"Continue with: python -m train --resume {stopped.path}" in stopped.log


def test_a_stopped_run_was_not_over_and_has_no_bundle(stopped):
    assert 2 <= len(stopped.metrics) < EPOCHS and not (stopped.path / "bundle").exists()


def test_a_stopped_run_resumed_ends_like_one_that_was_not_stopped(stopped, whole):
    assert finish(start("--resume", stopped.path)) == (FINISHED, "")
    resumed = run_at(stopped.path)
    assert figures(resumed) == like(figures(whole)) and resumed.status["state"] == "completed"
    assert "Resuming in stage finetune" in resumed.log and read_bundle(stopped.path / "bundle")


def test_a_run_that_was_killed_is_lost_and_resumed_ends_the_same(arguments, home, whole):
    path = home / "killed"
    process = start(*arguments, "--run-dir", path)
    wait_for_epochs(process, path, 2)
    process.kill()
    finish(process)
    killed = run_at(path)
    assert killed.status["state"] == "running" and not killed.run.alive()
    assert finish(start("--resume", path)) == (FINISHED, "")
    assert figures(run_at(path)) == like(figures(whole))


# ---- what goes wrong


def test_a_picture_deleted_during_training_fails_the_run_by_name_and_it_can_go_on_without(home, pictures):
    shutil.copytree(pictures, home / "shrinking")
    path, gone = home / "shrunk", "images/007.png"
    uncached = (*LONG_ENOUGH, "--set", "finetune.epochs=4", "--set", "cache_gb=0")
    process = start("--recipe", "tiny-attention", "--data", home / "shrinking", "--run-dir", path, *uncached)
    wait_for_epochs(process, path, 1)
    (home / "shrinking" / gone).unlink()
    code, complaint = finish(process)
    failed = run_at(path)
    sentence = (
        f"{gone} has become unreadable since this run began. There is no file at this path. Put it back, or"
        " go on without it: "
    )
    assert (
        code == FAILED and failed.status["state"] == "failed" and failed.status["reason"].startswith(sentence)
    )
    assert complaint.startswith(f"train: {sentence}") and "Traceback" not in failed.log

    assert finish(start("--resume", path)) == (FINISHED, "")
    resumed = run_at(path)
    assert (
        "The images, labels or splits are not those this run began with" in resumed.log
        and len(resumed.metrics) == 4
    )
    assert read_bundle(path / "bundle").card["training"]["dataset"]["changed_during_training"] is True


def test_a_run_with_sources_left_out_is_judged_by_them_alone(sourced, tmp_path):
    manifest = pd.read_csv(sourced / "manifest.csv")
    leave_out = ("--set", "left_out_folds=2", "--set", "left_out_fold=1", "--set", "finetune.epochs=1")
    words = ("--recipe", "tiny-attention", "--data", sourced, "--run-dir", tmp_path / "run", *leave_out)
    assert finish(start(*words)) == (FINISHED, "")
    bundle = read_bundle(tmp_path / "run" / "bundle")
    judged = read_predictions(bundle.path / "test_predictions.parquet").rows
    train = manifest[(manifest["split"] == "train") & (manifest["file"] != "images/broken.png")]
    left_out = train["source"].isin(judged["source"])
    assert set(judged["split"]) == {"unseen"} and judged["source"].nunique() == 2
    assert set(judged["id"]) == set(train["file"][left_out])
    assert (
        sum(
            bundle.card["training"]["dataset"]["images"][f"train {title}"]
            for title in ("AI-generated", "real")
        )
        == (~left_out).sum()
    )
    assert (
        bundle.card["title"].endswith("fold 1 of 2 left out")
        and "left out of training, to judge by: fold 1 of 2" in run_at(tmp_path / "run").log
    )


def test_training_that_diverges_fails_with_advice(pictures, tmp_path):
    code, complaint = finish(
        start(
            "--recipe",
            "tiny-attention",
            "--data",
            pictures,
            "--run-dir",
            tmp_path / "run",
            "--set",
            "finetune.learning_rate=1e30",
        )
    )
    status = RunDirectory(tmp_path / "run").read("status.json")
    assert (
        code == FAILED
        and status["state"] == "failed"
        and "training diverged. Start again with a lower learning_rate" in status["reason"]
    )
    assert (
        complaint == f"train: {status['reason']}\n"
        and "Traceback" not in (tmp_path / "run" / "train.log").read_text()
    )


def test_a_folder_that_is_not_there_is_refused_before_tensorflow_starts(tmp_path):
    code, complaint = finish(
        start("--recipe", "tiny-attention", "--data", tmp_path / "nowhere", "--run-dir", tmp_path / "run")
    )
    log = (tmp_path / "run" / "train.log").read_text()
    assert (
        code == USAGE
        and "does not exist" in complaint
        and complaint.count("\n") == 1
        and "Traceback" not in log
    )
    assert (
        "does not exist" in RunDirectory(tmp_path / "run").read("status.json")["reason"]
        and "does not exist" in log
    )
    assert "GPU" not in log


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--resume", "{here}"], "is not a run directory: it has no config.json."),
        (
            ["--recipe", "tiny-attention", "--data", "{here}", "--run-dir", "{here}"],
            "exists already. Give another one",
        ),
        (
            ["--recipe", "nonesuch", "--data", "{here}", "--run-dir", "{here}/run"],
            "There is no recipe 'nonesuch'.",
        ),
        (
            ["--recipe", "tiny-attention", "--data", "{here}", "--run-dir", "{here}/run", "--set", "seed=x"],
            "seed must be a whole number",
        ),
    ],
)
def test_wrong_usage_is_refused_in_a_sentence_and_leaves_nothing_behind(tmp_path, capsys, words, sentence):
    assert main([word.format(here=tmp_path) for word in words]) == USAGE
    assert sentence in capsys.readouterr().err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--data", "{here}", "--run-dir", "{here}/runs-\udce9/one"],
        ["--data", "{here}/pictures-\udce9", "--run-dir", "{here}/run"],
        ["--data", "{here}", "--run-dir", "{here}/run", "--set", "backbone_weights={here}/w-\udce9.h5"],
    ],
    ids=["run directory", "data folder", "weights file"],
)
def test_a_path_that_is_no_utf8_is_refused_before_training(tmp_path, capsys, words):
    words = ["--recipe", "tiny-attention", *words]
    assert main([word.format(here=tmp_path) for word in words]) == USAGE
    said = capsys.readouterr().err
    assert "is no UTF-8 text" in said and "\\xe9" in said and list(tmp_path.iterdir()) == []


def test_a_folder_that_lies_in_one_that_is_no_utf8_is_refused_too(tmp_path, capsys, monkeypatch):
    odd = tmp_path / "runs-\udce9"
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert main(["--recipe", "tiny-attention", "--data", str(tmp_path), "--run-dir", "one"]) == USAGE
    assert "is no UTF-8 text" in capsys.readouterr().err and list(odd.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--recipe", "tiny-attention"],
        ["--resume", "x", "--data", "y"],
        ["--resume", "x", "--set", "seed=1"],
    ],
)
def test_arguments_that_do_not_go_together_are_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == USAGE and "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "config", ["{", "{}", '{"recipe": {}, "data": "", "command": ""}', '{"recipe": {"name": "x", "sead": 1}}']
)
def test_a_run_whose_config_is_damaged_is_refused_in_a_sentence(tmp_path, capsys, config):
    (tmp_path / "config.json").write_text(config)
    assert main(["--resume", str(tmp_path)]) == USAGE
    assert capsys.readouterr().err.startswith("train: ")


# ---- how it can end before training begins


@pytest.fixture
def ends(monkeypatch, tmp_path):
    """Run main() in this process with another way of reading the data; returns (exit status, status.json)."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def run(load_dataset):
        monkeypatch.setattr(script, "load_dataset", load_dataset)
        code = main(["--recipe", "tiny-attention", "--data", "x", "--run-dir", str(tmp_path / "run")])
        return code, RunDirectory(tmp_path / "run").read("status.json")

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_an_error_nobody_thought_of_is_in_the_status(ends):
    def broken(*_, **__):
        return 1 / 0

    code, status = ends(broken)
    assert code == FAILED and (status["state"], status["reason"]) == (
        "failed",
        "ZeroDivisionError: division by zero",
    )


def test_an_error_names_no_unfinished_file(ends):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "/runs/one/bundle.partial/card.json.partial")

    _, status = ends(refused)
    assert status["reason"].endswith("Permission denied: '/runs/one/bundle/card.json'")


def test_a_full_disk_is_named_as_the_reason(ends):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    code, status = ends(full)
    assert code == FAILED and status["reason"].startswith(
        "The disk is full. Free some space and continue with: python -m train --resume"
    )


def test_what_makes_figures_worthless_is_said_at_the_start(ends, monkeypatch, pictures, capsys):
    def suspicious(*_, **__):
        found = load_dataset(pictures, check_files=False)
        copies, near = Pairs(2, (("a.png", "b.png"),)), Pairs(4, (("c.png", "d.png"),))
        return replace(found, both_labels=copies, across_splits=near)

    monkeypatch.setattr(script, "_compare_with_start", lambda *_: 1 / 0)  # it need not train
    ends(suspicious)
    said = capsys.readouterr().out
    listed = said[said.index("Before you trust what comes out:") :]
    assert "2 images are the same picture under both labels, for instance a.png and b.png" in listed
    assert "4 images are near-duplicates that the data put into different splits" in listed
    assert "The val split has only 12 real and 12 AI-generated images" in listed


SIGNALLED = """
import os, signal, sys
from train import __main__ as script
def load_dataset(*_, progress, **__):
{body}
    raise AssertionError("went on")
script.load_dataset = load_dataset
sys.exit(script.main(["--recipe", "tiny-attention", "--data", "x", "--run-dir", sys.argv[1]]))
"""


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "    progress(1, 100)\n    os.kill(os.getpid(), signal.SIGTERM)\n    progress(2, 100)", id="one"
        ),
        pytest.param(
            "    for _ in range(2): os.kill(os.getpid(), signal.SIGINT)", id="two, and nobody listens"
        ),
    ],
)
def test_signals_while_the_images_are_checked_stop_the_run(tmp_path, body):
    command = [sys.executable, "-c", SIGNALLED.format(body=body), str(tmp_path / "run")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert finish(process) == (STOPPED, "")
    assert RunDirectory(tmp_path / "run").read("status.json")["state"] == "stopped"


# ---- the log

TALK = """
import os, sys
from pathlib import Path
from train.__main__ import logged
with logged(Path(sys.argv[1])):
    print("from Python")
    os.write(2, b"from a library\\n")
print("after")
"""
SAID = "from Python\nfrom a library\n"


def test_without_a_terminal_everything_goes_to_standard_output_and_to_the_log(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TALK, tmp_path / "log"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (tmp_path / "log").read_text() == SAID and (done.stdout, done.stderr) == (SAID + "after\n", "")


def test_where_standard_output_is_the_log_everything_is_there_once(tmp_path):
    with open(tmp_path / "log", "a") as log:
        words = [sys.executable, "-c", TALK, tmp_path / "log"]
        subprocess.run(words, cwd=ROOT, stdout=log, stderr=log, check=True)
    assert (tmp_path / "log").read_text() == SAID + "after\n"


def test_a_reader_of_standard_output_who_leaves_costs_the_log_nothing(tmp_path):
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-c", TALK.replace('print("after")', ""), tmp_path / "log"]
    subprocess.run(words, cwd=ROOT, stdout=write, check=True)
    os.close(write)
    assert (tmp_path / "log").read_text() == SAID


def test_on_a_terminal_everything_goes_there_and_to_the_log(tmp_path):
    screen, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", TALK, tmp_path / "log"], cwd=ROOT, stdout=terminal, stderr=terminal, check=True
    )
    os.close(terminal)
    shown = os.read(screen, 10_000).decode().replace("\r\n", "\n")
    os.close(screen)
    assert (tmp_path / "log").read_text() == SAID and shown == SAID + "after\n"


def test_a_log_is_continued_and_not_begun_anew(tmp_path):
    (tmp_path / "log").write_text("before\n")
    subprocess.run([sys.executable, "-c", TALK, tmp_path / "log"], cwd=ROOT, capture_output=True, check=True)
    assert (tmp_path / "log").read_text() == "before\n" + SAID
