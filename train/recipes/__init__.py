"""Recipes: TOML files holding every setting of a training run, read into checked dataclasses.

Each setting is declared once, here, with its type, default and meaning; a recipe file or ``--set key=value``
may only name settings that exist. The fully resolved recipe is saved in the run directory.
"""

from __future__ import annotations

import math
import tomllib
import typing
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from detector import architectures
from detector.shipped_backbone import shipped_with

FOLDER = Path(__file__).parent
MONITORS = ("val_loss", "val_auc", "val_balanced_accuracy", "val_paired_auc")
SCHEDULES = ("constant", "cosine", "exponential")
OPTIMIZERS = ("adam", "adamw")
BATCH_NORMS = ("frozen", "train")
CALIBRATED_ON = ("all", "paired")
BACKBONE_WEIGHTS = ("imagenet", "shipped", "none")
"""What a backbone can start from, besides a file."""


class StageName(StrEnum):
    """The two stages of training, in their order; the values are the names of their settings."""

    FROZEN = "frozen"
    FINETUNE = "finetune"

    @property
    def title(self) -> str:  # type: ignore[override]  # nobody needs the method of str
        return {"frozen": "Frozen stage", "finetune": "Fine-tuning"}[self.value]


STAGES = tuple(StageName)


KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
"""Types of settings, in words."""


class RecipeError(ValueError):
    """The recipe or an override is wrong; the message says which setting and what it may be."""


@dataclass(frozen=True)
class Augmentation:
    """Random changes to a training image; each range is drawn from uniformly, anew for every image and
    epoch."""

    # first of all, at the picture's own size, with this probability: a random delivery (train.deliveries); a
    # head on stored features takes a copy that train.feature_store --delivered made
    delivery_probability: float = 0.0
    flip: bool = True  # mirror left-right with probability 1/2
    rotation_degrees: float = 0.0  # +- degrees
    zoom: float = 0.0  # +- share of the size: 0.1 means 0.9 to 1.1 times
    height_shift: float = 0.0  # +- share of the input's height
    width_shift: float = 0.0  # +- share of the input's width
    # rotation and zoom are applied with this probability; shifts and flips need no resampling
    geometry_probability: float = 1.0
    crop_anywhere: bool = False  # cut the square from anywhere in the canonical form instead of its centre
    brightness: float = 0.0  # +- share
    contrast: float = 0.0  # +- share
    saturation: float = 0.0  # +- share
    grey_probability: float = 0.0  # drop all colour with this probability
    jpeg_probability: float = 0.0  # re-encode as JPEG with this probability ...
    jpeg_quality: tuple[int, int] = (50, 95)  # ... at a quality in this range
    downscale_probability: float = 0.0  # shrink and enlarge again with this probability ...
    downscale: float = 0.5  # ... to at least this share of the size
    blur_probability: float = 0.0  # Gaussian blur with this probability ...
    blur_sigma: float = 1.0  # ... of at most this standard deviation, pixels
    sharpen_probability: float = 0.0  # unsharp masking with this probability ...
    sharpen: float = 1.0  # ... adding at most this many times the difference to a blurred copy
    # with this probability, paste a rectangle of another image of the same class
    cutmix_probability: float = 0.0


@dataclass(frozen=True)
class Split:
    """Which shares of all images are cut off for validation and test, where the data bring no such split:
    from each source and class alike, near-duplicates together."""

    val_share: float = 0.1  # of all images, for validation
    test_share: float = 0.1  # of all images, for the test; 0 cuts no test off


@dataclass(frozen=True)
class Sampling:
    """How often each training image is drawn. Weights multiply; every epoch draws as many images as there
    are (or images_per_epoch)."""

    balance_classes: bool = False  # AI-generated and real images equally often
    # each class of each source is drawn in proportion to size ** (1 - value): 0 by size, 1 all equally often
    balance_sources: float = 0.0
    # of images whose source has real and AI-generated pictures of the same subjects
    paired_weight: float = 1.0
    unpaired_weight: float = 1.0  # of all other images
    images_per_epoch: int = 0  # 0: as many as the training split has


@dataclass(frozen=True)
class Stage:
    """One stage of training. Ends after ``epochs``, or ``patience`` epochs after the best value of
    ``monitor``, whose weights it keeps."""

    epochs: int = 10  # at most; 0 leaves the stage out
    learning_rate: float = 1e-3  # the highest of the stage
    # constant; cosine: decays to 0 over all epochs; or exponential: is multiplied by ...
    schedule: str = "constant"
    epoch_decay: float = 0.95  # ... this after every epoch
    warmup_steps: int = 0  # steps over which the learning rate first rises from 0
    optimizer: str = "adam"  # adam or adamw
    # adamw takes it off the weights, adam adds it to their gradients, as PyTorch's Adam does
    weight_decay: float = 0.0
    clip_norm: float = 0.0  # 0: gradients are not clipped; else the largest norm of the whole gradient
    monitor: str = "val_loss"  # the validation figure by which the best epoch is chosen
    patience: int = 3  # so many epochs without a better one end the stage
    unfreeze: str = "none"  # of the backbone: none, all, last:N or all-but-last:N layers
    # above 0: what is validated and kept is the exponential moving average of the weights over steps
    ema_momentum: float = 0.0
    # share of the weights the stage began with, mixed into its best ones at the end (WiSE-FT, Wortsman et
    # al., CVPR 2022)
    keep_start: float = 0.0
    # of the backbone. frozen: statistics and scale stay as pretrained; train: they train with unfrozen layers
    batch_norm: str = "frozen"
    # above 0: the share of the backbone's running statistics that a step leaves, where they train, instead of
    # what Keras's network says; it is 0.9 in PyTorch, and often 0.99 in Keras, which needs hundreds of steps
    batch_norm_momentum: float = 0.0


@dataclass(frozen=True)
class Decision:
    """How logits become verdicts; all of it is chosen on the validation split. `train.calibrate` fits the
    temperature to left-out sources as well."""

    threshold: str = "balanced"  # balanced: best balanced accuracy; or a number between 0 and 1
    max_false_alarms: float = 1.0  # upper limit on the share of real validation images called AI-generated
    # the unsure band is the narrowest outside which at most this share is wrong
    unsure_max_error: float = 0.1
    calibrate_on: str = "all"  # validation rows used for temperature, threshold and band: all, or paired


@dataclass(frozen=True)
class Recipe:
    """Every setting of a run; see the parts for their meaning."""

    name: str
    title: str = ""  # of the model, as its card and the pages show it
    architecture: str = "efficientnetv2b0-attention"  # the network; its own arguments are below
    architecture_arguments: dict[str, Any] = field(default_factory=dict)
    # imagenet (downloaded by Keras: those of keras.applications, or else timm's), shipped (those of the model
    # that ships), none, or the path of a weights file
    backbone_weights: str = "imagenet"
    licence: str = ""  # of the weights, for the card; whoever trains says so
    seed: int = 0  # of everything random; the same one with the same data draws the same batches
    # the same weights from the same seed to the last bit, at the price of some speed
    deterministic: bool = False
    # above 0: training ends after so many minutes, whatever epoch it is in; each stage gets of them what its
    # epochs are of all epochs
    max_minutes: float = 0.0
    # above 0: the sources are dealt into so many folds (group k-fold), and those of one are left out
    left_out_folds: int = 0
    # the fold, counted from 0, that is left out of training and judged by instead of the test and unseen
    # splits
    left_out_fold: int = 0
    batch_size: int = 32  # images per step; smaller takes less memory
    label_smoothing: float = 0.0  # how far the targets 0 and 1 are drawn towards one half
    # share of the target that is what the manifest's column teacher_score says, where it says something; the
    # rest is the label (Hinton et al. 2015)
    teacher_weight: float = 0.0
    attention_focus: float = 0.0  # weight in the loss of attention that is spread more evenly than ...
    # ... this entropy of what patches receive: 0 is all on one patch, 1 the same on each
    attention_entropy: float = 0.5
    workers: int = 2  # threads that read and augment images
    cache_gb: float = 3.0  # decoded images kept in memory, at most
    checkpoint_minutes: float = 5.0  # besides the one after every epoch
    split: Split = Split()
    augmentation: Augmentation = Augmentation()
    sampling: Sampling = Sampling()
    frozen: Stage = Stage()
    finetune: Stage = Stage(learning_rate=1e-4, unfreeze="all")
    decision: Decision = Decision()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def cut(self) -> dict[str, Any]:
        """The arguments of ``load_dataset`` that say how splits are cut."""
        shares = {"val_fraction": self.split.val_share, "test_fraction": self.split.test_share}
        return {"seed": self.seed, **shares}

    def stage(self, name: StageName) -> Stage:
        """The settings of a stage."""
        return getattr(self, name)


def names() -> list[str]:
    """The recipes for whole networks that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a shipped recipe by name, or a ``.toml`` file by path, and apply ``key=value`` overrides (values
    are TOML; bare words are text).

    Raises RecipeError.
    """
    path = _path(name)
    if not path.is_file():
        raise RecipeError(
            f"There is no recipe {name!r}. Recipes that ship: {', '.join(names())}; or give the path of a"
            " .toml file."
        )
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe {path.name} is not valid TOML: {error}") from error
    except OSError as error:
        raise RecipeError(f"The recipe {path.name} cannot be read: {error.strerror}.") from error
    for override in overrides:
        _override(settings, override)
    return from_dict({"name": path.stem, **settings})


def _path(name: str) -> Path:
    """Where the recipe lies; those for heads on stored features (`train.head`) are in a folder of their
    own."""
    if name.endswith(".toml"):
        return Path(name)
    of_head = FOLDER / "heads" / f"{name}.toml"
    return of_head if of_head.is_file() else FOLDER / f"{name}.toml"


def from_dict(settings: dict[str, Any]) -> Recipe:
    """Check plain settings (from TOML or a saved config) into a Recipe; raises RecipeError."""
    recipe = _build(Recipe, settings, "")
    try:
        architecture = architectures.get(recipe.architecture)
        architecture.complete(recipe.architecture_arguments)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    for name, value in recipe.architecture_arguments.items():
        _convert(type(architecture.arguments[name]), value, f"architecture_arguments.{name}")
    _check(recipe)
    return recipe


def dotted(settings: Any, where: str = "") -> dict[str, str]:
    """Nested settings by dotted names, as ``--set`` writes them: {"finetune": {"epochs": 3}} is
    {"finetune.epochs": "3"}."""
    if not isinstance(settings, dict):
        return {where: str(settings)}
    found: dict[str, str] = {}
    for name, value in settings.items():
        found |= dotted(value, f"{where}.{name}" if where else str(name))
    return found


def _override(settings: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise RecipeError(f"An override is written key=value, like finetune.epochs=3; {override!r} is not.")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *tables, leaf = key.strip().split(".")
    for table in tables:
        settings = settings.setdefault(table, {})
        if not isinstance(settings, dict):
            raise RecipeError(f"{key.strip()}: {table} is a single setting, not a group of settings.")
    settings[leaf] = value


def _build(kind: type, values: Any, where: str) -> Any:
    """Turn a table into the dataclass ``kind``, checking names and types."""
    if not isinstance(values, dict):
        raise RecipeError(f"{where or 'The recipe'} must be a group of settings, not {values!r}.")
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise RecipeError(
            f"There is no setting {where + '.' if where else ''}{unknown[0]}; there are: {', '.join(hints)}."
        )
    converted = {}
    for name, value in values.items():
        path = f"{where}.{name}" if where else name
        converted[name] = _convert(hints[name], value, path)
    return kind(**converted)


def _convert(hint: Any, value: Any, where: str) -> Any:
    """A value as the type ``hint``; raises RecipeError if it is none."""
    if isinstance(hint, type) and is_dataclass(hint):
        return _build(hint, value, where)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return _convert_several(typing.get_args(hint), value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise RecipeError(f"{where} must be a group of settings, not {value!r}.")
        return value
    is_bool = isinstance(value, bool)
    is_number = isinstance(value, (int, float)) and not is_bool
    if hint is float and is_number:
        if not math.isfinite(value):
            raise RecipeError(f"{where} must be a finite number, not {value!r}.")
        return float(value)
    if hint is str and is_number:
        return str(value)
    if not isinstance(value, hint) or is_bool != (hint is bool):
        raise RecipeError(f"{where} must be {KINDS[hint]}, not {value!r}.")
    return value


def _convert_several(parts: tuple, value: Any, where: str) -> tuple:
    is_list = isinstance(value, (list, tuple))
    if not is_list or len(value) != len(parts):
        raise RecipeError(f"{where} must be a list of {len(parts)} values, not {value!r}.")
    several = zip(parts, value, strict=True)
    return tuple(_convert(part, item, where) for part, item in several)


def _check(recipe: Recipe) -> None:
    """Ranges and choices that types do not express."""
    _check_general(recipe)
    _check_attention(recipe)
    _check_pictures(recipe)
    for name in STAGES:
        _check_stage(name, recipe.stage(name))
    epochs = sum(recipe.stage(name).epochs for name in STAGES)
    _demand(epochs > 0, "Both stages have 0 epochs; give at least one of them some.")
    _check_decision(recipe.decision)


def offers_shipped(architecture: str) -> bool:
    """Whether a network of that architecture can start from the backbone of a model that ships."""
    return shipped_with(architectures.get(architecture).backbone) is not None


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise RecipeError(sentence)


def _check_general(recipe: Recipe) -> None:
    shipped = recipe.backbone_weights != "shipped" or offers_shipped(recipe.architecture)
    _demand(
        shipped,
        f"backbone_weights must be imagenet, none or a file: no model that ships has the backbone of"
        f" {recipe.architecture}.",
    )
    folds, fold = recipe.left_out_folds, recipe.left_out_fold
    _demand(0 <= recipe.seed < 2**32, "seed must be a whole number from 0 to 4294967295.")
    _demand(folds == 0 or folds >= 2, "left_out_folds must be 0 or at least 2.")
    in_range = 0 <= fold < max(folds, 1)
    _demand(in_range, "left_out_fold must be at least 0 and less than left_out_folds.")
    _demand(recipe.batch_size >= 1, "batch_size must be at least 1.")
    _demand(recipe.workers >= 1, "workers must be at least 1.")
    _demand(recipe.cache_gb >= 0, "cache_gb must not be negative.")
    _demand(recipe.checkpoint_minutes >= 0, "checkpoint_minutes must not be negative.")
    _demand(recipe.max_minutes >= 0, "max_minutes must not be negative.")
    _demand(0 <= recipe.label_smoothing < 1, "label_smoothing must be at least 0 and less than 1.")
    _demand(0 <= recipe.teacher_weight <= 0.5, "teacher_weight must be between 0 and 0.5.")


def _check_attention(recipe: Recipe) -> None:
    architecture = architectures.get(recipe.architecture)
    arguments = architecture.complete(recipe.architecture_arguments)
    _demand(recipe.attention_focus >= 0, "attention_focus must not be negative.")
    _demand(
        bool(arguments.get("heads")) or not recipe.attention_focus,
        "attention_focus needs a network with attention: set it to 0, or architecture_arguments.heads to 1.",
    )
    _demand(0 <= recipe.attention_entropy <= 1, "attention_entropy must be between 0 and 1.")


AT_MOST_1 = ("probability", "shift", "brightness", "contrast", "saturation", "balance_sources")
"""Endings of the names of settings that are shares."""


def _check_pictures(recipe: Recipe) -> None:
    """Augmentation and sampling."""
    val_share, test_share = recipe.split.val_share, recipe.split.test_share
    cut = val_share > 0 and test_share >= 0 and val_share + test_share < 1
    _demand(cut, "split.val_share must be above 0 and, with split.test_share, below 1.")
    for part in ("augmentation", "sampling"):
        settings = getattr(recipe, part)
        for setting in fields(settings):
            name = f"{part}.{setting.name}"
            value = getattr(settings, setting.name)
            if setting.name.endswith(AT_MOST_1):
                _demand(0 <= value <= 1, f"{name} must be between 0 and 1.")
            elif not isinstance(value, (tuple, bool)):
                _demand(value >= 0, f"{name} must not be negative.")
    augmentation, sampling = recipe.augmentation, recipe.sampling
    low, high = augmentation.jpeg_quality
    sentence = "augmentation.jpeg_quality must be two numbers from 1 to 100, the smaller first."
    _demand(1 <= low <= high <= 100, sentence)
    _demand(0 < augmentation.downscale <= 1, "augmentation.downscale must be above 0 and at most 1.")
    _demand(augmentation.zoom < 1, "augmentation.zoom must be below 1.")
    weights = sampling.paired_weight + sampling.unpaired_weight
    _demand(weights > 0, "The sampling weights must not both be 0.")


def _check_stage(name: StageName, stage: Stage) -> None:
    for setting in ("epochs", "warmup_steps", "weight_decay", "clip_norm"):
        _demand(getattr(stage, setting) >= 0, f"{name}.{setting} must not be negative.")
    for setting in ("ema_momentum", "keep_start", "batch_norm_momentum"):
        share = getattr(stage, setting)
        _demand(0 <= share < 1, f"{name}.{setting} must be at least 0 and less than 1.")
    _demand(stage.learning_rate > 0, f"{name}.learning_rate must be above 0.")
    _demand(stage.patience >= 1, f"{name}.patience must be at least 1.")
    _demand(stage.schedule in SCHEDULES, f"{name}.schedule must be {_either(SCHEDULES)}.")
    _demand(0 < stage.epoch_decay <= 1, f"{name}.epoch_decay must be above 0 and at most 1.")
    rises = not stage.warmup_steps or stage.schedule != "exponential"
    _demand(rises, f"{name}.warmup_steps must be 0 where {name}.schedule is exponential.")
    _demand(stage.optimizer in OPTIMIZERS, f"{name}.optimizer must be adam or adamw.")
    _demand(stage.monitor in MONITORS, f"{name}.monitor must be one of {', '.join(MONITORS)}.")
    _demand(stage.batch_norm in BATCH_NORMS, f"{name}.batch_norm must be frozen or train.")
    _demand(
        parse_unfreeze(stage.unfreeze) is not None,
        f"{name}.unfreeze must be none, all, last:N or all-but-last:N, not {stage.unfreeze!r}.",
    )


def _either(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _check_decision(decision: Decision) -> None:
    threshold_is_usable = decision.threshold == "balanced" or _is_share(decision.threshold)
    _demand(threshold_is_usable, "decision.threshold must be balanced or a number between 0 and 1.")
    for setting in ("max_false_alarms", "unsure_max_error"):
        share = getattr(decision, setting)
        _demand(0 <= share <= 1, f"decision.{setting} must be between 0 and 1.")
    _demand(decision.calibrate_on in CALIBRATED_ON, "decision.calibrate_on must be all or paired.")


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def parse_unfreeze(text: str) -> slice | None:
    """Which of the backbone's layers, first to last, train: ``backbone_layers[parse_unfreeze(text)]``.
    None if ``text`` is not understood."""
    kind, _, number = text.partition(":")
    if number and not number.isdecimal():
        return None
    match kind, number:
        case "none", "":
            return slice(0, 0)
        case "all", "":
            return slice(None)
        case "last", n if n:
            return slice(-int(n), None) if int(n) else slice(0, 0)
        case "all-but-last", n if n:
            return slice(None, -int(n)) if int(n) else slice(None)
    return None
