"""Processes that measure, and what becomes of files that bring them down."""

import os

import pytest

from detector.datasets import load_dataset, measuring, measuring_worker
from detector.datasets.file_measurement import measure_file
from detector.datasets.measuring import measure_files
from detector.datasets.measuring_worker import CRASHED, MeasuringWorker


@pytest.fixture
def worker():
    worker = MeasuringWorker()
    yield worker
    worker.close()


def test_processes_measure_what_threads_do(two_classes, monkeypatch, tmp_path):
    (two_classes.root / "ai" / "broken.png").write_bytes(b"no picture")
    rows = load_dataset(two_classes.root, check_files=False).rows
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "one"))
    threads = measure_files(two_classes.root, rows)
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(measuring, "SEPARATE_FROM", 1)
    processes = measure_files(two_classes.root, rows)
    assert processes.measurements.tobytes() == threads.measurements.tobytes()
    assert processes.failures == threads.failures and len(threads.failures) == 1
    assert processes.from_cache == 0


def test_a_file_that_brings_a_decoder_down_is_named_and_the_others_are_measured(
    worker, two_classes, monkeypatch
):
    paths = sorted((two_classes.root / "ai").iterdir())[:3]
    started = measuring_worker._started

    def fragile():
        """A worker that dies over the second picture, as a broken decoder would."""
        process = started()
        write = process.stdin.write

        def write_or_die(question):
            if paths[1].name.encode() in question:
                process.kill()
                process.wait()
                return len(question)
            return write(question)

        process.stdin.write = write_or_die
        return process

    monkeypatch.setattr(measuring_worker, "_started", fragile)
    outcomes = worker.measure(paths)
    assert outcomes[1] == CRASHED
    for place in (0, 2):
        assert outcomes[place].tobytes() == measure_file(paths[place]).tobytes()


def test_names_that_are_no_utf8_reach_the_process(worker, two_classes):
    path = two_classes.root / os.fsdecode(b"caf\xe9.png")
    path.write_bytes((two_classes.root / "ai" / "0001.png").read_bytes())
    (outcome,) = worker.measure([path])
    assert not isinstance(outcome, str)
