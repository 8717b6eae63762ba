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
MOST_WATCHED = 100
_QUERY = "index,name,memory.total,memory.used,utilization.gpu"
ALL = "all"
"""What the GPUs of this machine are called together."""
_DEVICE = re.compile(r"cpu|cuda:\d{1,3}(,\d{1,3})*")


@dataclass(frozen=True)
class Device:
    """id: "cpu" or "cuda:0", as ``--device`` takes it, or "cuda:0,1" of two that train together. memory in
    bytes. load: 0 to 1, None if it is not known."""

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
    """What a run's processes use. cpu: 1.0 for one processor kept busy since the last look, None at the
    first. memory: resident, bytes.

    gpus: what it trains on, as they are now, other programs' use included; none on the CPU.
    """

    cpu: float | None
    memory: int
    processes: int
    gpus: tuple[Device, ...] = ()


_gpus: tuple[float, list[Device]] = (float("-inf"), [])
_cpu_seconds: dict[int, tuple[float, float]] = {}


def devices() -> list[Device]:
    """GPUs that nvidia-smi knows, in its order; all of them together, if there are several; and the CPU."""
    memory = psutil.virtual_memory()
    cores = psutil.cpu_count() or 1
    name = f"{_processor()}, {cores} core{'s' if cores > 1 else ''}"
    return [
        *(single := gpus()),
        *([_together(single)] if len(single) > 1 else []),
        Device("cpu", name, memory.total, memory.total - memory.available, psutil.cpu_percent() / 100),
    ]


def gpus() -> list[Device]:
    """The GPUs; asked for again after two seconds at the earliest."""
    global _gpus
    if time.monotonic() - _gpus[0] > KEEP_SECONDS:
        _gpus = time.monotonic(), _ask_nvidia_smi()
    return _gpus[1]


def choose(device: str, or_another: bool = False) -> str:
    """``device`` itself, or for "auto" the first GPU, else "cpu", and for "all" the ids of the GPUs, as one
    device. Raises RunError if there is none such, unless another will do."""
    known = [gpu.id for gpu in gpus()] + ["cpu"]
    wanted = known[:-1] if device == ALL else members(device)
    if wanted and set(wanted) <= set(known):
        return _joined(wanted)
    if device == "auto" or or_another:
        return known[0]
    raise RunError(f"There is no device {device[:20]!r} here; there are: {', '.join(known)}.")


def environment(device: str) -> dict[str, str]:
    """The environment variables that confine TensorFlow, JAX and torch to a device; none for "auto" and
    "all". Raises RunError if it is not called like one."""
    if device in ("auto", ALL):
        return {}
    if not _DEVICE.fullmatch(device):
        known = '"cpu", "cuda:0", "cuda:0,1" for two, "all" for all GPUs, or "auto"'
        raise RunError(f"A device is called {known}, not {device[:20]!r}.")
    if device == "cpu":
        return {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    numbers = _joined(members(device)).removeprefix("cuda:")  # nvidia-smi's
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": numbers}


def members(device: str) -> list[str]:
    """The ids of the single devices that one consists of, each once and in order: "cuda:0" and "cuda:1" of
    "cuda:0,1", and of a single one its own."""
    if not _DEVICE.fullmatch(device) or "," not in device:
        return [device]
    numbers = {int(number) for number in device.removeprefix("cuda:").split(",")}
    return [f"cuda:{number}" for number in sorted(numbers)]


def gpu_count(device: str) -> int:
    """How many GPUs share each batch on that device; 1 on the CPU, where nothing is shared."""
    return len(members(device))


def _joined(ids: list[str]) -> str:
    """The id of the device that consists of these."""
    return ids[0] if len(ids) == 1 else "cuda:" + ",".join(one.removeprefix("cuda:") for one in ids)


def _together(single: list[Device]) -> Device:
    """All GPUs as one device."""
    names = ", ".join(sorted({gpu.name for gpu in single}))
    loads = [gpu.load for gpu in single]
    return Device(
        _joined([gpu.id for gpu in single]),
        f"{len(single)} GPUs together, {names}",
        sum(gpu.memory_total for gpu in single),
        sum(gpu.memory_used for gpu in single),
        None if None in loads else sum(filter(None, loads)) / len(single),
    )


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
                times, resident = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            continue
        seconds += times.user + times.system
        memory += resident
        count += 1
    if pid is None or not count:
        return None
    own = tuple(gpu for gpu in gpus() if gpu.id in members(run.device))
    return Usage(_cpu_share(pid, seconds), memory, count, own)


def _cpu_share(pid: int, seconds: float) -> float | None:
    """Processors kept busy since the last look. seconds: of processor time, since the process began."""
    now, before = time.monotonic(), _cpu_seconds.get(pid)
    if len(_cpu_seconds) > MOST_WATCHED:
        _cpu_seconds.clear()
    _cpu_seconds[pid] = now, seconds
    if before is None or now <= before[0]:
        return None
    then, spent = before
    return max(0.0, (seconds - spent) / (now - then))


def _ask_nvidia_smi() -> list[Device]:
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    try:
        words = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
        answer = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for row in csv.reader(answer.stdout.splitlines(), skipinitialspace=True):
        if len(row) == 5 and row[0].isdecimal():
            number, name, total, used, busy = row
            load = int(busy) / 100 if busy.isdecimal() else None
            device_id = f"cuda:{int(number)}"
            found.append(Device(device_id, name, _mebibytes(total), _mebibytes(used), load))
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
