"""Several recipes trained one after another on the same data under one budget: the runs of a comparison.

Every recipe gets the same share of the minutes, and runs like any other: it has its folder and its place in
the queue, can be stopped and resumed, and opens on Evaluate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train.runs.commands import wherever_started
from train.runs.directory import RunDirectory, RunError
from train.runs.launcher import start
from train.runs.store import Run, find


@dataclass(frozen=True)
class Comparison:
    """name: what its runs' names begin with. data: a folder of images or a manifest. minutes: of training,
    for all recipes together; starting up and judging the test pictures come on top. settings: overrides for
    all recipes, as ``--set`` takes them; "RECIPE:key=value" is for that recipe alone. folder: of the runs;
    None for the usual one."""

    name: str
    recipes: tuple[str, ...]
    data: str
    minutes: float
    settings: tuple[str, ...] = ()
    device: str = "auto"
    folder: Path | None = None

    def __post_init__(self) -> None:
        if len({*map(_short, self.recipes)}) < len(self.recipes):
            raise RunError("Name every recipe once.")
        if not self.minutes > 0:
            raise RunError("The budget must be more than no time at all.")

    def run_id(self, recipe: str) -> str:
        """Name of the recipe's run."""
        return f"{self.name}-{_short(recipe)}"

    def overrides(self, recipe: str) -> list[str]:
        """What that recipe is trained with: its settings, then its share of the budget."""
        chosen = []
        for setting in self.settings:
            of, separator, own = setting.partition(":")
            is_for_one = bool(separator) and "=" not in of
            if not is_for_one:
                chosen.append(setting)
            elif of == _short(recipe):
                chosen.append(own)
        return [*chosen, f"max_minutes={self.minutes / len(self.recipes):.4g}"]

    def begin(self, recipe: str) -> Run:
        """The recipe's run: the one that is there, or a new one, queued. Raises RunError, also where a run of
        that name was started otherwise."""
        run_id, overrides = self.run_id(recipe), self.overrides(recipe)
        try:
            run = find(run_id, self.folder)
        except RunError:
            return start(recipe, overrides, self.data, run_id, self.device, folder=self.folder)
        launch = RunDirectory(run.path).read("launch.json")
        asked_for = {
            "recipe": wherever_started(recipe),
            "overrides": overrides,
            "data": str(Path(self.data).resolve()),
        }
        if {name: launch.get(name) for name in asked_for} != asked_for:
            raise RunError(
                f"There is a run named {run_id} already, and it was started with other settings, data or"
                " budget. Give this comparison another name."
            )
        return run


def _short(recipe: str) -> str:
    """A recipe's name, also where it is given as a file."""
    return Path(recipe).stem if recipe.endswith(".toml") else recipe


def queue_all(comparison: Comparison) -> list[Run]:
    """Queue a run for each recipe, in their order. Raises RunError; the runs queued before stay."""
    return [comparison.begin(recipe) for recipe in comparison.recipes]


def minutes_of(text: str) -> float:
    """ "20m", "90s", "1.5h" or "20" (minutes) -> minutes. Raises RunError."""
    units = {"s": 1 / 60, "m": 1.0, "h": 60.0}
    text = text.strip().lower()
    unit = units.get(text[-1:])
    try:
        minutes = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise RunError(f"A budget is written like 20m, 90s or 1.5h; {text!r} is none.")
    return minutes


def names_recipes(settings: Sequence[str], recipes: Sequence[str]) -> None:
    """Raises RunError for a setting of a recipe that is not compared."""
    known = {*map(_short, recipes)}
    for setting in settings:
        of, separator, _ = setting.partition(":")
        if separator and "=" not in of and of not in known:
            raise RunError(f"{setting}: {of} is none of the recipes that are compared.")
