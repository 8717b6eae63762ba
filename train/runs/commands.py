"""The command lines of trainings, as words: nothing here or after it goes through a shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAINER = (sys.executable, "-m", "train")


def folder() -> Path:
    """Where runs are: the folder named by the environment variable TELLTALE_RUNS, else ``runs/`` of this checkout."""
    return Path(os.environ.get("TELLTALE_RUNS") or ROOT / "runs").resolve()


def command(recipe: str, overrides: Sequence[str], data: str, run_id: str, device: str = "auto", folder: Path | None = None) -> list[str]:
    """The command line of a new run: works when pasted (``shlex.join``) in a terminal in Telltale's folder."""
    words = [*trainer(), "--recipe", recipe, "--data", str(data), "--run-dir", seen_from_root((folder or runs_folder()) / run_id)]
    for override in overrides:
        words += ["--set", override]
    return words if device == "auto" else [*words, "--device", device]


def resume_command(path: Path, device: str) -> list[str]:
    """The command line that continues a run."""
    return [*trainer(), "--resume", seen_from_root(path), "--device", device]


def trainer() -> list[str]:
    """``python -m train``, with this Python."""
    return [seen_from_root(Path(TRAINER[0])), *TRAINER[1:]]


def seen_from_root(path: Path) -> str:
    """A path as short as it can be written in Telltale's folder, where trainings are started."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


runs_folder = folder  # for where an argument has the same name
