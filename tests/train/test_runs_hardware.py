"""Which devices there are and how busy, from an nvidia-smi of the test's own; and how a choice reaches the
training."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from train import __main__ as script
from train import runs
from train.runs import hardware
from train.runs.hardware import Device, choose, devices, environment, usage


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """``nvidia_smi(lines)``: what that program is to do on this machine, as lines of shell."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def write(lines: str) -> None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setattr(hardware, "_gpus", (float("-inf"), []))

    write("exit 9")
    return write


TWO = "echo '0, NVIDIA A100-SXM4, 40960, 1024, 37'\necho '1, Tesla T4, 15360, [N/A], [Not Supported]'"


def test_gpus_have_name_memory_and_load_and_the_cpu_comes_last(nvidia_smi):
    nvidia_smi(TWO)
    first, second, _, cpu = devices()
    assert first == Device("cuda:0", "NVIDIA A100-SXM4", 40960 * 2**20, 1024 * 2**20, 0.37) and first.gpu
    assert second == Device("cuda:1", "Tesla T4", 15360 * 2**20, 0, None)
    assert (
        cpu.id == "cpu"
        and not cpu.gpu
        and cpu.name
        and 0 < cpu.memory_used < cpu.memory_total
        and 0 <= cpu.load <= 1
    )


def test_several_gpus_are_also_one_device(nvidia_smi):
    nvidia_smi(TWO)
    together = devices()[2]
    assert together == Device(
        "cuda:0,1", "2 GPUs together, NVIDIA A100-SXM4, Tesla T4", 56320 * 2**20, 1024 * 2**20, None
    )
    assert together.gpu and hardware.gpu_count(together.id) == 2


@pytest.mark.parametrize(
    "lines", ["exit 9", "echo No devices were found", "echo ', , ,'", "printf '\\377\\376'", "echo '0, x'"]
)
def test_an_nvidia_smi_that_knows_no_gpu_means_there_is_none(nvidia_smi, lines):
    nvidia_smi(lines)
    assert [device.id for device in devices()] == ["cpu"]


def test_an_nvidia_smi_that_hangs_is_not_waited_for(nvidia_smi, monkeypatch):
    monkeypatch.setattr(hardware, "ASK_SECONDS", 0.2)
    nvidia_smi("exec sleep 30")
    start = time.monotonic()
    assert [device.id for device in devices()] == ["cpu"] and time.monotonic() - start < 15


def test_without_nvidia_smi_there_is_the_cpu(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hardware, "_gpus", (float("-inf"), []))
    assert [device.id for device in devices()] == ["cpu"]


def test_auto_is_the_first_gpu_else_the_cpu(nvidia_smi):
    assert choose("auto") == "cpu"
    nvidia_smi(TWO)
    assert (choose("auto"), choose("cuda:1"), choose("cpu")) == ("cuda:0", "cuda:1", "cpu")


def test_all_is_all_gpus_and_several_are_named_in_order(nvidia_smi):
    with pytest.raises(runs.RunError, match="There is no device 'all' here; there are: cpu"):
        choose("all")
    nvidia_smi(TWO)
    assert choose("all") == choose("cuda:1,0") == choose("cuda:0,1,1") == "cuda:0,1"
    with pytest.raises(runs.RunError, match="There is no device 'cuda:0,2' here"):
        choose("cuda:0,2")


def test_a_run_goes_on_elsewhere_when_its_gpu_has_gone(nvidia_smi):
    assert choose("cuda:1", or_another=True) == "cpu"
    with pytest.raises(runs.RunError, match="There is no device 'cuda:1' here; there are: cpu"):
        choose("cuda:1")


def test_a_choice_hides_all_other_devices_from_the_training():
    assert environment("cpu")["CUDA_VISIBLE_DEVICES"] == "-1" and environment("auto") == {}
    assert environment("cuda:2") == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"}
    assert environment("cuda:3,1")["CUDA_VISIBLE_DEVICES"] == "1,3" and environment("all") == {}


@pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:", "cuda:1,", "cuda:-1", "CPU", ""])
def test_a_device_that_is_called_otherwise_is_refused(device):
    with pytest.raises(runs.RunError, match="A device is called"):
        environment(device)


def test_the_training_script_takes_the_device(monkeypatch, tmp_path, capsys):
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.setenv(name, "before")
    words = ["--recipe", "nonesuch", "--data", "x", "--run-dir", str(tmp_path / "run"), "--device"]
    assert script.main([*words, "cuda:3"]) == script.USAGE and os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert (
        script.main([*words, "toaster"]) == script.USAGE and "A device is called" in capsys.readouterr().err
    )


BUSY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
print(child.pid, flush=True)
child.wait()
"""


def test_usage_is_of_the_whole_process_tree(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    try:
        run = runs.Run("one", tmp_path, "running", pid=process.pid, device="cpu")
        first = usage(run)
        assert first.cpu is None and first.processes == 2 and first.memory > 2**20 and first.gpus == ()
        until = time.monotonic() + 60
        while (usage(run).cpu or 0) < 0.01:  # what else runs here may leave it little
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        os.kill(child, 9)
        process.communicate(timeout=60)
    assert usage(run) is None and usage(runs.Run("two", tmp_path, "failed")) is None
