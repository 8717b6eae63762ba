"""The bundle of a real run, and what is in one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def trained(pictures: Path, run: Path) -> Path:
    """The bundle of a short run of the smallest recipe, in a process of its own; ``run`` becomes its
    directory."""
    words = [
        "--recipe",
        "tiny-attention",
        "--data",
        str(pictures),
        "--run-dir",
        str(run),
        "--set",
        "finetune.epochs=1",
    ]
    subprocess.run([sys.executable, "-m", "train", *words], cwd=ROOT, check=True, capture_output=True)
    return run / "bundle"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a bundle, to see whether anything was changed."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
