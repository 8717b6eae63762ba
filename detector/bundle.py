"""Model bundles: ``weights/<name>/`` on disk <-> a model in memory.

A bundle is ``card.json`` (what the model is and how far to trust it), ``model.weights.h5`` (arrays only:
loading it runs no code) and ``test_predictions.parquet``. Its files are untrusted: the card is checked field
by field and the weights against the card's hash before anything is built. ``scoreboard.json``, if it is
there, is for other programs; nothing here reads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detector import architectures
from detector.atomic_files import write_whole
from detector.evaluation import localisation_scores, method_scores
from detector.evaluation.calibration import calibrated, log_odds, sigmoid
from detector.home_folder import VARIABLE as HOME_VARIABLE
from detector.home_folder import home
from detector.preprocessing import Preprocessing
from detector.printable import encodable, printable
from detector.verdicts import Side, Verdict
from detector.weights_file import WeightsFileError, check_weights_file

if TYPE_CHECKING:
    import keras

CARD, WEIGHTS, PREDICTIONS = "card.json", "model.weights.h5", "test_predictions.parquet"
FORMAT = 1
SMALL_BUNDLE = "efficientnetv2b0-attention"
"""The published architecture, for small machines, for training at home and for looking into."""
DEFAULT_BUNDLE = "clip-vit-b16-attention"
"""The better of the models that ship, used by default until another one is promoted."""
SHIPPED = (DEFAULT_BUNDLE, SMALL_BUNDLE)
MODEL_VARIABLE = "TELLTALE_MODEL"
"""The environment variable that names another default; a small host is told to use ``SMALL_BUNDLE`` so."""
ENCODERS = "encoders"
"""In the weights folder: weights that several bundles share and no training changes."""
DEFAULT_FILE = "default"
"""In the weights folder: the name of the bundle that was made the default instead; `detector.promotion`
writes it."""

PRACTICE_IS_NOT = (
    "It was trained on patches of two photos and a simulated generator, to show how training works. It knows"
    " nothing about real AI pictures."
)
"""What everybody who meets a practice model should read."""

MAX_CARD_BYTES = 2**24
MAX_ARGUMENT = 4096
MAX_ARGUMENTS_PRODUCT = 2**17
"""Of any two whole-number arguments of an architecture: their product is the width of a layer, and a layer
wider than this takes gigabytes."""


SHIPPED_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


def weights_folder() -> Path:
    """Where bundles are looked for and promoted to: the folder named by the environment variable
    TELLTALE_WEIGHTS, else ``weights/`` below TELLTALE_HOME, else of this checkout."""
    if named := os.environ.get("TELLTALE_WEIGHTS"):
        return Path(named)
    if os.environ.get(HOME_VARIABLE):
        return home() / "weights"
    return SHIPPED_WEIGHTS


def _folders() -> tuple[Path, ...]:
    """Where bundles may lie: what ships is there too, unless TELLTALE_WEIGHTS names another folder."""
    if os.environ.get("TELLTALE_WEIGHTS") or not os.environ.get(HOME_VARIABLE):
        return (weights_folder(),)
    return weights_folder(), SHIPPED_WEIGHTS


class BundleError(ValueError):
    """The bundle cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class Bundle:
    """A checked bundle on disk; the network itself is not loaded.

    card: the whole card, for showing. The other fields are the parts of it that the code acts on. threshold:
    AI-generated where y_score >= threshold. unsure: (low, high) scores between which no verdict is given.
    encoder_sha256: of the frozen encoder's file, for architectures that have one.
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
    encoder_sha256: str | None = None

    @property
    def name(self) -> str:
        return printable(self.path.name)

    @property
    def explanations(self) -> method_scores.Explanations | None:
        """How faithful each explanation method was; None where that was not measured with these weights,
        or the card's word makes no sense."""
        return method_scores.from_card(self.card)

    @property
    def regions(self) -> localisation_scores.RegionScores | None:
        """How well its region maps find a part that was put in; None as for ``explanations``."""
        return localisation_scores.from_card(self.card)

    @property
    def practice(self) -> bool:
        """Whether it was trained on a practice set (`detector.practice_set`) and so knows nothing about
        real AI-generated pictures."""
        return bool(self.card.get("practice"))

    @property
    def residual(self) -> bool:
        """Whether the network adds the tokens to what attention makes of them."""
        return bool(self.arguments.get("residual", True))

    def y_score(self, logit: float) -> float:
        """Calibrated P(AI-generated) of a logit, in [0, 1]."""
        return float(calibrated(np.asarray(logit), self.temperature))

    def side(self, y_score: float) -> Side:
        """The side of the threshold that a score is on, unsure or not."""
        return Side.AI if y_score >= self.threshold else Side.REAL

    def at_threshold(self, threshold: float) -> Bundle:
        """The same with another threshold and, around it, an unsure band that is as wide in logits as its
        own."""
        moved = log_odds(threshold) - log_odds(self.threshold)
        low, high = (float(sigmoid(log_odds(end) + moved)) for end in self.unsure)
        return replace(self, threshold=threshold, unsure=(min(low, threshold), max(high, threshold)))

    def verdict(self, y_score: float) -> Verdict:
        """The side of the threshold that a score is on, or unsure within the unsure band."""
        low, high = self.unsure
        if low < y_score < high:
            return Verdict.UNSURE
        return Verdict(self.side(y_score))


def list_bundles() -> list[str]:
    """Names of the bundles in the weights folder, the default one first. What begins with a dot is
    unfinished and not listed, and neither is a name that is no UTF-8: no page could show it."""
    cards = [card for folder in _folders() for card in folder.glob(f"[!.]*/{CARD}")]
    names = sorted({card.parent.name for card in cards if encodable(card.parent.name)})
    default = default_bundle()
    return sorted(names, key=lambda name: name != default)


def default_bundle() -> str:
    """Name of the bundle to use where nobody names another: the one that was promoted, if it is there, else
    the one that ``TELLTALE_MODEL`` names, else the better one that ships and is here."""
    names = (_promoted(), os.environ.get(MODEL_VARIABLE, ""), *SHIPPED)
    return next(filter(_is_here, names), DEFAULT_BUNDLE)


def _promoted() -> str:
    """What the file that names the default holds; it may be anything."""
    try:
        with open(weights_folder() / DEFAULT_FILE, encoding="utf-8") as file:
            return file.read(300).strip()
    except (OSError, ValueError):
        return ""


def _is_here(name: str) -> bool:
    """Whether it is the name of a bundle's folder right in the weights folder."""
    try:
        is_name = bool(name) and not name.startswith(".") and name == os.path.basename(name)
        return is_name and any((folder / name / CARD).is_file() for folder in _folders())
    except (OSError, ValueError):
        return False


def find_bundle(name_or_path: str | os.PathLike | None = None) -> Path:
    """The folder of a bundle given its name in ``weights/`` or its path, or of the default one; raises
    BundleError if there is none."""
    name_or_path = default_bundle() if name_or_path is None else name_or_path
    for path in (*(folder / name_or_path for folder in _folders()), Path(name_or_path)):
        if path.is_dir():
            return path
    raise BundleError(
        f"There is no model called '{printable(name_or_path)}'. Models that are here:"
        f" {', '.join(list_bundles()) or 'none'}."
    )


def read_bundle(path: str | os.PathLike) -> Bundle:
    """Read and check a bundle's card and the hash of its weights, without loading the network. Raises
    BundleError."""
    path = Path(os.path.abspath(path))
    card = _read_card(path)
    try:
        bundle = _from_card(path, card)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BundleError(
            f"The {CARD} of the model '{printable(path.name)}' is not valid: {problem[:300]}"
        ) from error
    if not (path / WEIGHTS).is_file():
        raise BundleError(f"The model '{printable(path.name)}' has no {WEIGHTS}.")
    if file_sha256(path / WEIGHTS) != bundle.weights_sha256:
        if _replaced(bundle):  # between the two looks
            return read_bundle(path)
        raise BundleError(
            f"The weights of the model '{printable(path.name)}' are not the ones its card describes (their"
            " SHA-256 differs); the file is damaged or was replaced, and is not used."
        )
    return bundle


def _read_card(path: Path) -> Any:
    file = path / CARD
    try:
        size = file.stat().st_size
        # A pipe or a device would be read for ever.
        if not (file.is_file() or file.is_dir()):
            raise OSError("it is not a file.")
        if size > MAX_CARD_BYTES:
            raise OSError(f"it is larger than {MAX_CARD_BYTES // 2**20} MB.")
        card = json.loads(file.read_text("utf-8"))
        if not encodable(json.dumps(card, ensure_ascii=False)):
            raise ValueError("it holds text that is no Unicode.")
        return card
    except FileNotFoundError:
        raise BundleError(
            f"The model '{printable(path.name)}' has no {CARD}, so nobody can tell what it is; it is not"
            " used."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        problem = getattr(error, "strerror", None) or error
        raise BundleError(
            f"The {CARD} of the model '{printable(path.name)}' cannot be read: {problem}"
        ) from error


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
        raise ValueError(
            f"its preprocessing.size is {preprocessing.size}, but {architecture.name} takes"
            f" {architecture.preprocessing.size}."
        )
    arguments = _arguments(architecture, card["architecture"]["arguments"])
    if preprocessing.tiles and not arguments.get("tile_head"):
        raise ValueError("its preprocessing cuts tiles, but its network has no head that judges them.")
    return Bundle(
        path=path,
        card=card,
        architecture=architecture,
        arguments=arguments,
        preprocessing=preprocessing,
        temperature=temperature,
        threshold=threshold,
        unsure=(low, high),
        weights_sha256=str(card["weights_sha256"]),
        encoder_sha256=str(card["encoder"]["sha256"]) if architecture.encoder else None,
    )


def _arguments(architecture: architectures.Architecture, given: Any) -> dict[str, Any]:
    """The architecture's arguments with those given, each of its default's type and not so large that
    building takes terabytes."""
    arguments = architecture.complete(given)
    for name, default in architecture.arguments.items():
        types = (float, int) if type(default) is float else (type(default),)
        if type(arguments[name]) not in types or not 0 <= arguments[name] <= MAX_ARGUMENT:
            raise ValueError(
                f"architecture.arguments.{name} must be like {default!r}, not {str(arguments[name])[:40]!r}."
            )
    widths = sorted(value for value in arguments.values() if type(value) is int)
    if math.prod(widths[-2:]) > MAX_ARGUMENTS_PRODUCT:
        raise ValueError(
            f"architecture.arguments of {widths[-2]} and {widths[-1]} together make a network that is too"
            " large."
        )
    return arguments


def _number(value: Any, where: str, low: float, high: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # NaN is in no range
        raise ValueError(f"{where} must be a number from {low:g} to {high:g}, not {value!r}.")
    return float(value)


def encoder_file(bundle: Bundle) -> Path:
    """The weights of the bundle's frozen encoder: a file beside the bundle's own, or one in ``encoders``
    of the weights folder or of what ships. Several bundles share it. Raises BundleError if it is not there
    or is not the one the card names."""
    assert bundle.architecture.encoder is not None
    name = bundle.architecture.encoder.file
    folders = (bundle.path, weights_folder() / ENCODERS, SHIPPED_WEIGHTS / ENCODERS)
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if file is None:
        raise BundleError(
            f"The model '{bundle.name}' needs the encoder {name}, which is not in {ENCODERS}/ of the weights"
            " folder: copy it there."
        )
    if file_sha256(file) != bundle.encoder_sha256:
        raise BundleError(
            f"The encoder {name} is not the one that the model '{bundle.name}' was trained with (their"
            " SHA-256 differs); the file is damaged or was replaced, and is not used."
        )
    return file


def load_network(bundle: Bundle) -> keras.Model:
    """Build the bundle's network and load its weights (the slow part: this imports TensorFlow). Raises
    BundleError."""
    try:
        network = bundle.architecture.build(None, **bundle.arguments)
        trained = bundle.architecture.trained(network)
        shapes = [tuple(variable.shape) for variable in trained.variables]
        check_weights_file(bundle.path / WEIGHTS, shapes)
        trained.load_weights(bundle.path / WEIGHTS)
        if encoder := bundle.architecture.encoder:
            encoder.load(network, encoder_file(bundle))
    except WeightsFileError as error:
        raise BundleError(
            f"The weights of the model '{bundle.name}' do not fit its architecture"
            f" {bundle.architecture.name}: {printable(str(error))[:300]}."
        ) from error
    except Exception as error:
        # An odd argument or file makes Keras, h5py and TensorFlow raise nearly anything.
        problem = printable(" ".join(str(error).split()))[:300]
        raise BundleError(
            f"The weights of the model '{bundle.name}' do not fit its architecture"
            f" {bundle.architecture.name}: {problem}"
        ) from error
    if _replaced(bundle):
        raise BundleError(f"The model '{bundle.name}' was replaced while it was being loaded. Try again.")
    if not all(np.isfinite(array).all() for array in network.get_weights()):
        raise BundleError(
            f"The weights of the model '{bundle.name}' hold values that are not finite numbers; its training"
            " went wrong."
        )
    return network


def file_sha256(path: str | os.PathLike) -> str:
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def add_to_card(bundle: Bundle, section: str, measured: Mapping[str, Any]) -> None:
    """Put what was measured with ``bundle`` into its card as that is on disk now. Raises BundleError if its
    weights are not those that were measured any more."""
    card = read_bundle(bundle.path).card
    if card["weights_sha256"] != bundle.weights_sha256:
        raise BundleError("The model was replaced while it was measured; nothing was written. Measure again.")
    write_card(bundle.path, {**card, section: measured})


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    """Write ``card.json`` into the bundle folder ``path`` at once."""
    write_whole(path / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
