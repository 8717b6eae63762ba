"""The command lines of trainings, as words: nothing here or after it goes through a shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from detector.home_folder import VARIABLE as HOME_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
"""Where Telltale's packages are, and where trainings are started: its checkout, or site-packages."""
TRAINER: tuple[str, ...] = (sys.executable, "-m", "train")
"""What is started."""
TYPED = ("python", "-m", "train")
"""What people are given to copy: the Python of whichever machine they paste it on."""


def runs_folder() -> Path:
    """Where runs are: the folder named by the environment variable TELLTALE_RUNS, else ``runs/`` below
    TELLTALE_HOME, else of the checkout; where Telltale is installed as a package, of the current folder."""
    checkout = (ROOT / "pyproject.toml").is_file()
    home = os.environ.get(HOME_VARIABLE) or (ROOT if checkout else Path.cwd())
    return Path(os.environ.get("TELLTALE_RUNS") or Path(home) / "runs").resolve()


def command(
    recipe: str,
    overrides: Sequence[str],
    data: str,
    run_id: str,
    device: str = "auto",
    folder: Path | None = None,
) -> list[str]:
    """The command line of a new run for people: works when pasted (``shlex.join``) in a terminal in
    Telltale's folder, on any machine that has the pictures there."""
    return [*TYPED, *_arguments(recipe, overrides, data, run_id, device, folder)]


def start_command(
    recipe: str, overrides: Sequence[str], data: str, run_id: str, device: str, folder: Path
) -> list[str]:
    """The same as it is started here: with this Python, on the device that was found."""
    return [*TRAINER, *_arguments(recipe, overrides, data, run_id, device, folder)]


def resume_command(path: Path, device: str) -> list[str]:
    """The command line that continues a run, as it is started here."""
    return [*TRAINER, "--resume", seen_from_root(path), "--device", device]


def _arguments(
    recipe: str, overrides: Sequence[str], data: str, run_id: str, device: str, folder: Path | None
) -> list[str]:
    path = (folder or runs_folder()) / run_id
    words = ["--recipe", recipe, "--data", str(data), "--run-dir", seen_from_root(path)]
    for override in overrides:
        words += ["--set", override]
    return [*words, "--device", device]


def wherever_started(recipe: str) -> str:
    """A recipe as it is given on a command line that may be used in another folder."""
    return str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe


def seen_from_root(path: Path) -> str:
    """A path as short as it can be written in Telltale's folder, where trainings are started."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
