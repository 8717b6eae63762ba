"""Model bundles: ``weights/<name>/`` on disk <-> a model in memory.

A bundle is ``card.json`` (what the model is and how far to trust it), ``model.weights.h5`` (arrays only: loading it runs no
code) and ``test_predictions.parquet``. Its files are untrusted: the card is checked field by field and the weights against
the card's hash before anything is built. ``scoreboard.json``, if it is there, is for other programs; nothing here reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detector import architectures
from detector.evaluation import explanations
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

CARD, WEIGHTS, PREDICTIONS = "card.json", "model.weights.h5", "test_predictions.parquet"
FORMAT = 1
DEFAULT_BUNDLE = "efficientnetv2b0-attention"
"""The model that ships, used by default until another one is promoted."""
DEFAULT_FILE = "default"
"""In the weights folder: the name of the bundle that was made the default instead; `detector.promotion` writes it."""

PRACTICE_IS_NOT = (
    "It was trained on patches of two photos and a simulated generator, to show how training works. It knows nothing about real AI pictures."
)
"""What everybody who meets a practice model should read."""


def weights_folder() -> Path:
    """Where bundles are looked for: the folder named by the environment variable TELLTALE_WEIGHTS, else ``weights/`` of this checkout."""
    return Path(os.environ.get("TELLTALE_WEIGHTS") or Path(__file__).resolve().parent.parent / "weights")


class BundleError(ValueError):
    """The bundle cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class Bundle:
    """A checked bundle on disk; the network itself is not loaded.

    card: the whole card, for showing. The other fields are the parts of it that the code acts on.
    threshold: AI-generated where y_score >= threshold. unsure: (low, high) scores between which no verdict is given.
    """

    path: Path
    card: Mapping[str, Any]
    architecture: architectures.Architecture
    arguments: Mapping[str, Any]
    preprocessing: Preprocessing
    temperature: float
    threshold: float
    unsure: tuple[float, float]
    weights_sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def explanations(self) -> explanations.Explanations | None:
        """How faithful each explanation method was; None where that was not measured with these weights, or the card's word makes no sense."""
        return explanations.from_card(self.card)

    @property
    def practice(self) -> bool:
        """Whether it was trained on a practice set (`detector.practice`) and so knows nothing about real AI-generated pictures."""
        return bool(self.card.get("practice"))

    def verdict(self, y_score: float) -> str:
        """"ai", "real", or "unsure" within the unsure band."""
        low, high = self.unsure
        if low < y_score < high:
            return "unsure"
        return "ai" if y_score >= self.threshold else "real"


def available() -> list[str]:
    """Names of the bundles in the weights folder, the default one first. What begins with a dot is unfinished and not listed."""
    names = sorted(path.parent.name for path in weights_folder().glob(f"[!.]*/{CARD}"))
    default = default_bundle()
    return sorted(names, key=lambda name: name != default)


def default_bundle() -> str:
    """Name of the bundle to use where nobody names another: the one that was promoted, if it is there, else the one that ships."""
    try:
        with open(weights_folder() / DEFAULT_FILE, encoding="utf-8") as file:
            name = file.read(300).strip()
        # The file may hold anything, so the name counts only if it is that of a folder right here.
        known = name and not name.startswith(".") and name == os.path.basename(name) and (weights_folder() / name / CARD).is_file()
    except (OSError, ValueError):
        known = False
    return name if known else DEFAULT_BUNDLE


def find(name_or_path: str | os.PathLike | None = None) -> Path:
    """The folder of a bundle given its name in ``weights/`` or its path, or of the default one; raises BundleError if there is none."""
    name_or_path = default_bundle() if name_or_path is None else name_or_path
    for path in (weights_folder() / name_or_path, Path(name_or_path)):
        if path.is_dir():
            return path
    raise BundleError(f"There is no model called {str(name_or_path)!r}. Models that are here: {', '.join(available()) or 'none'}.")


def read_bundle(path: str | os.PathLike) -> Bundle:
    """Read and check a bundle's card and the hash of its weights, without loading the network. Raises BundleError."""
    path = Path(os.path.abspath(path))
    card = _read_card(path)
    try:
        bundle = _from_card(path, card)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BundleError(f"The {CARD} of the model {path.name!r} is not valid: {problem[:300]}") from error
    if not (path / WEIGHTS).is_file():
        raise BundleError(f"The model {path.name!r} has no {WEIGHTS}.")
    if file_sha256(path / WEIGHTS) != bundle.weights_sha256:
        if _replaced(bundle):  # between the two looks
            return read_bundle(path)
        raise BundleError(
            f"The weights of the model {path.name!r} are not the ones its card describes (their SHA-256 differs); "
            "the file is damaged or was replaced, and is not used."
        )
    return bundle


def _read_card(path: Path) -> Any:
    try:
        return json.loads((path / CARD).read_text("utf-8"))
    except FileNotFoundError:
        raise BundleError(f"The model {path.name!r} has no {CARD}, so nobody can tell what it is; it is not used.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"The {CARD} of the model {path.name!r} cannot be read: {error}") from error


def _replaced(bundle: Bundle) -> bool:
    """Whether another bundle was put in the place of this one since its card was read."""
    card = _read_card(bundle.path)
    return not isinstance(card, dict) or str(card.get("weights_sha256")) != bundle.weights_sha256


def _from_card(path: Path, card: Any) -> Bundle:
    if not isinstance(card, dict):
        raise ValueError("it is not a JSON object.")
    if card["format"] != FORMAT:
        raise ValueError(f"its format is {card['format']!r}; this version of Telltale reads format {FORMAT}.")
    architecture = architectures.get(card["architecture"]["name"])
    if card["labels"] != {"0": "real", "1": "AI-generated"}:
        raise ValueError("its labels are not 0 = real, 1 = AI-generated.")
    temperature = _number(card["calibration"]["temperature"], "calibration.temperature", 1e-3, 1e3)
    threshold = _number(card["decision"]["threshold"], "decision.threshold", 0, 1)
    low, high = (_number(value, "decision.unsure", 0, 1) for value in card["decision"]["unsure"])
    if not low <= threshold <= high:
        raise ValueError("decision.unsure must hold the threshold.")
    preprocessing = Preprocessing(**card["preprocessing"])
    if preprocessing.size != architecture.preprocessing.size:
        raise ValueError(f"its preprocessing.size is {preprocessing.size}, but {architecture.name} takes {architecture.preprocessing.size}.")
    return Bundle(
        path=path,
        card=card,
        architecture=architecture,
        arguments=_arguments(architecture, card["architecture"]["arguments"]),
        preprocessing=preprocessing,
        temperature=temperature,
        threshold=threshold,
        unsure=(low, high),
        weights_sha256=str(card["weights_sha256"]),
    )


def _arguments(architecture: architectures.Architecture, given: Any) -> dict[str, Any]:
    """The architecture's arguments with those given, each of its default's type and not so large that building takes terabytes."""
    arguments = architecture.complete(given)
    for name, default in architecture.arguments.items():
        types = (float, int) if type(default) is float else (type(default),)
        if type(arguments[name]) not in types or not 0 <= arguments[name] <= 4096:
            raise ValueError(f"architecture.arguments.{name} must be like {default!r}, not {str(arguments[name])[:40]!r}.")
    return arguments


def _number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:  # NaN is in no range
        raise ValueError(f"{where} must be a number from {low:g} to {high:g}, not {value!r}.")
    return float(value)


def load_network(bundle: Bundle) -> keras.Model:
    """Build the bundle's network and load its weights (the slow part: this imports TensorFlow). Raises BundleError."""
    try:
        network = bundle.architecture.build(None, **bundle.arguments)
        network.load_weights(bundle.path / WEIGHTS)
    except Exception as error:  # an odd argument or file makes Keras, h5py and TensorFlow raise nearly anything
        problem = " ".join(str(error).split())[:300]
        raise BundleError(f"The weights of the model {bundle.name!r} do not fit its architecture {bundle.architecture.name}: {problem}") from error
    if _replaced(bundle):
        raise BundleError(f"The model {bundle.name!r} was replaced while it was being loaded. Try again.")
    if not all(np.isfinite(array).all() for array in network.get_weights()):
        raise BundleError(f"The weights of the model {bundle.name!r} hold values that are not finite numbers; its training went wrong.")
    return network


def file_sha256(path: str | os.PathLike) -> str:
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    """Write ``card.json`` into the bundle folder ``path`` at once."""
    temporary = path / f"{CARD}.partial"
    temporary.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")
    os.replace(temporary, path / CARD)
