"""Run directories as runs leave them behind, one for every state, made by hand: what pages show must be
read from these alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import psutil

from train.recipes import load_recipe
from train.runs import RunState

STATES = tuple(RunState)
METRICS = (
    "stage,epoch,accuracy,auc,loss,val_loss,val_accuracy,val_balanced_accuracy,val_auc,learning_rate,seconds\n"
    "frozen,1,0.55,0.56,0.70,0.69,0.54,0.54,0.60,0.001,4.0\n"
    "frozen,2,0.61,0.66,0.66,0.65,0.58,0.58,0.66,0.001,2.0\n"
    "finetune,1,0.70,0.78,0.58,0.60,0.64,0.63,0.71,0.0001,8.0\n"
    "finetune,2,0.78,0.86,0.48,0.55,0.69,0.69,0.7{best},0.0001,4.0\n"
)
PROGRESS = {
    "stage": "finetune",
    "epoch": 3,
    "epochs": 5,
    "step": 40,
    "steps": 100,
    "images_per_second": 19.6,
    "loss": 0.45,
    "seconds_left_at_most": 754,
}
DEAD = {"pid": 2**22 + 7, "create_time": 1.0}
"""Of no process: Linux gives no such number."""


def make_run(
    folder: Path,
    run_id: str,
    state: str,
    *,
    log: str | bytes = "12:00:00 Stage frozen\n",
    overrides: tuple[str, ...] = (),
    recipe: str = "tiny-attention",
    reason: str = "",
    bundle: Path | None = None,
    best: int = 4,
    practice: bool = False,
    data: str = "/pictures",
    pid: int | None = None,
) -> Path:
    """A run in ``folder``. pid: of the living process that stands for those of a live run; this one by
    default. bundle: copied into it."""
    run = folder / run_id
    run.mkdir(parents=True)
    _write(
        run,
        "launch",
        recipe=recipe,
        overrides=list(overrides),
        data=data,
        device="cpu",
        token=None,
        created="2025-03-01T10:00:00.000+00:00",
    )
    settings = load_recipe(recipe, overrides).to_dict()
    living = {"pid": pid or os.getpid(), "create_time": psutil.Process(pid).create_time()}
    process = living if state in ("queued", "running", "stopping") else DEAD
    (run / "train.log").write_bytes(log if isinstance(log, bytes) else log.encode())
    if state == "queued":
        _write(run, "supervisor", state="queued", device="cpu", **process)
        queue = folder / ".queue" / "cpu"
        queue.mkdir(parents=True, exist_ok=True)
        (queue / f"{len(list(queue.iterdir())):020d}.json").write_text(json.dumps({"run": run_id, **process}))
        return run
    _write(run, "config", recipe=settings, data=data, command="python -m train", practice=practice)
    _write(run, "progress", **PROGRESS)
    (run / "metrics.csv").write_text(METRICS.replace("{best}", str(best)))
    said = {"running": "running", "stopping": "running", "lost": "running", "damaged": "running"}.get(
        state, state
    )
    code = {"completed": 0, "failed": 1, "stopped": 3}.get(state)
    times = {"started": "2025-03-01T10:00:05.000+00:00", "updated": "2025-03-01T10:31:05.000+00:00"}
    _write(run, "status", state=said, reason=reason, returncode=code, **process, **times)
    if state == "stopping":
        _write(
            run,
            "stop",
            asked="2025-03-01T10:20:00+00:00",
            terminate_at="2025-03-01T10:21:00+00:00",
            kill_at="2025-03-01T10:21:15+00:00",
        )
        _write(run, "supervisor", state="running", device="cpu", trainer=process, **process)
    if state == "damaged":
        (run / "status.json").write_text('{"state": "runn')
    if bundle:
        shutil.copytree(bundle, run / "bundle")
    return run


def _write(run: Path, name: str, **content: Any) -> None:
    (run / f"{name}.json").write_text(json.dumps(content))
