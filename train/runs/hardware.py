"""What a run can be trained on, and how busy that is."""

from __future__ import annotations

import csv
import platform
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from train.runs.directory import RunError

if TYPE_CHECKING:
    from train.runs.store import Run

ASK_SECONDS = 5.0
KEEP_SECONDS = 2.0
_QUERY = "index,name,memory.total,memory.used,utilization.gpu"
_DEVICE = re.compile(r"cpu|cuda:\d{1,3}")


@dataclass(frozen=True)
class Device:
    """id: "cpu" or "cuda:0", as ``--device`` takes it. memory in bytes. load: 0 to 1, None if it is not known."""

    id: str
    name: str
    memory_total: int
    memory_used: int
    load: float | None

    @property
    def gpu(self) -> bool:
        return self.id != "cpu"


@dataclass(frozen=True)
class Usage:
    """What a run's processes use. cpu: 1.0 for one processor kept busy since the last look, None at the first. memory: resident, bytes.

    gpu: the device it trains on, as it is now, other programs' use included; None on the CPU.
    """

    cpu: float | None
    memory: int
    processes: int
    gpu: Device | None


_gpus: tuple[float, list[Device]] = (float("-inf"), [])
_cpu_seconds: dict[int, tuple[float, float]] = {}


def devices() -> list[Device]:
    """GPUs that nvidia-smi knows, in its order, and the CPU last."""
    memory = psutil.virtual_memory()
    cores = psutil.cpu_count() or 1
    name = f"{_processor()}, {cores} core{'s' if cores > 1 else ''}"
    return [*gpus(), Device("cpu", name, memory.total, memory.total - memory.available, psutil.cpu_percent() / 100)]


def gpus() -> list[Device]:
    """The GPUs; asked for again after two seconds at the earliest."""
    global _gpus
    if time.monotonic() - _gpus[0] > KEEP_SECONDS:
        _gpus = time.monotonic(), _ask_nvidia_smi()
    return _gpus[1]


def choose(device: str, or_another: bool = False) -> str:
    """``device`` itself, or for "auto" the first GPU, else "cpu". Raises RunError if there is none such, unless another will do."""
    known = [gpu.id for gpu in gpus()] + ["cpu"]
    if device in known:
        return device
    if device == "auto" or or_another:
        return known[0]
    raise RunError(f"There is no device {device[:20]!r} here; there are: {', '.join(known)}.")


def environment(device: str) -> dict[str, str]:
    """The environment variables that confine TensorFlow, JAX and torch to a device. Raises RunError if it is not called like one."""
    if not _DEVICE.fullmatch(device):
        raise RunError(f'A device is called "cpu" or "cuda:0", not {device[:20]!r}.')
    if device == "cpu":
        return {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": device.removeprefix("cuda:")}  # nvidia-smi's numbers


def usage(run: Run) -> Usage | None:
    """What a run's training and all it has started use now; None if it does not live."""
    pid = run.pid
    try:
        parent = psutil.Process(pid) if pid else None
        tree = [parent, *parent.children(recursive=True)] if parent else []
    except psutil.Error:
        return None
    seconds, memory, count = 0.0, 0, 0
    for process in tree:
        try:
            with process.oneshot():
                times = process.cpu_times()
                seconds, memory, count = seconds + times.user + times.system, memory + process.memory_info().rss, count + 1
        except psutil.Error:
            continue
    if not count:
        return None
    now = time.monotonic()
    before = _cpu_seconds.get(pid)
    if len(_cpu_seconds) > 100:
        _cpu_seconds.clear()
    _cpu_seconds[pid] = now, seconds
    cpu = max(0.0, (seconds - before[1]) / (now - before[0])) if before and now > before[0] else None
    return Usage(cpu, memory, count, next((gpu for gpu in gpus() if gpu.id == run.device), None))


def _ask_nvidia_smi() -> list[Device]:
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    try:
        words = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
        answer = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=ASK_SECONDS, stdin=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for row in csv.reader(answer.stdout.splitlines(), skipinitialspace=True):
        if len(row) == 5 and row[0].isdecimal():
            load = int(row[4]) / 100 if row[4].isdecimal() else None
            found.append(Device(f"cuda:{int(row[0])}", row[1], _mebibytes(row[2]), _mebibytes(row[3]), load))
    return found


def _mebibytes(text: str) -> int:
    return int(text) * 2**20 if text.isdecimal() else 0


def _processor() -> str:
    """The processor's name as Linux gives it, else whatever Python knows."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "CPU"
