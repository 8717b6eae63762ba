"""Recipes: TOML files holding every setting of a training run, read into checked dataclasses.

Each setting is declared once, here, with its type, default and meaning; a recipe file or ``--set key=value`` may only
name settings that exist. The fully resolved recipe is saved in the run directory.
"""

from __future__ import annotations

import math
import tomllib
import typing
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from detector import architectures

FOLDER = Path(__file__).parent
MONITORS = ("val_loss", "val_auc", "val_balanced_accuracy", "val_paired_auc")


class RecipeError(ValueError):
    """The recipe or an override is wrong; the message says which setting and what it may be."""


@dataclass(frozen=True)
class Augmentation:
    """Random changes to a training image; each range is drawn from uniformly, anew for every image and epoch."""

    flip: bool = True  # mirror left-right with probability 1/2
    rotation_degrees: float = 0.0  # +- degrees
    zoom: float = 0.0  # +- share of the size: 0.1 means 0.9 to 1.1 times
    height_shift: float = 0.0  # +- share of the input's height
    width_shift: float = 0.0  # +- share of the input's width
    geometry_probability: float = 1.0  # rotation and zoom are applied with this probability; shifts and flips need no resampling
    crop_anywhere: bool = False  # cut the square from anywhere in the canonical form instead of its centre
    brightness: float = 0.0  # +- share
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
    cutmix_probability: float = 0.0  # with this probability, paste a rectangle of another image of the same class


@dataclass(frozen=True)
class Sampling:
    """How often each training image is drawn. Weights multiply; every epoch draws as many images as there are (or images_per_epoch)."""

    balance_classes: bool = False  # AI-generated and real images equally often
    balance_sources: float = 0.0  # each class of each source is drawn in proportion to size ** (1 - value): 0 by size, 1 all equally often
    paired_weight: float = 1.0  # of images whose source has real and AI-generated pictures of the same subjects
    unpaired_weight: float = 1.0  # of all other images
    images_per_epoch: int = 0  # 0: as many as the training split has


@dataclass(frozen=True)
class Stage:
    """One stage of training. Ends after ``epochs``, or ``patience`` epochs after the best value of ``monitor``, whose weights it keeps."""

    epochs: int = 10
    learning_rate: float = 1e-3
    schedule: str = "constant"  # constant, or cosine: decays to 0 over all epochs
    warmup_steps: int = 0  # steps over which the learning rate first rises from 0
    optimizer: str = "adam"  # adam or adamw
    weight_decay: float = 0.0  # adamw only
    clip_norm: float = 0.0  # 0: gradients are not clipped; else the largest norm of the whole gradient
    monitor: str = "val_loss"  # one of MONITORS
    patience: int = 3
    unfreeze: str = "none"  # of the backbone: none, all, last:N or all-but-last:N layers
    ema_momentum: float = 0.0  # above 0: what is validated and kept is the exponential moving average of the weights over steps
    keep_start: float = 0.0  # share of the weights the stage began with, mixed into its best ones at the end (WiSE-FT, Wortsman et al., CVPR 2022)
    batch_norm: str = "frozen"  # of the backbone. frozen: statistics and scale stay as pretrained; train: they train with unfrozen layers


@dataclass(frozen=True)
class Decision:
    """How logits become verdicts; all of it is chosen on the validation split. `train.calibrate` fits the temperature to left-out sources as well."""

    threshold: str = "balanced"  # balanced: best balanced accuracy; or a number between 0 and 1
    max_false_alarms: float = 1.0  # upper limit on the share of real validation images called AI-generated
    unsure_max_error: float = 0.1  # the unsure band is the narrowest outside which at most this share is wrong
    calibrate_on: str = "all"  # validation rows used for temperature, threshold and band: all, or paired


@dataclass(frozen=True)
class Recipe:
    """Every setting of a run; see the parts for their meaning."""

    name: str
    title: str = ""
    architecture: str = "efficientnetv2b0-attention"
    architecture_arguments: dict[str, Any] = field(default_factory=dict)
    backbone_weights: str = "imagenet"  # imagenet (downloaded by Keras), none, or the path of a weights file
    licence: str = ""  # of the weights, for the card; whoever trains says so
    seed: int = 0
    left_out_folds: int = 0  # above 0: the sources are dealt into so many folds, and those of ...
    left_out_fold: int = 0  # ... this one, counted from 0, are left out of training and judged by instead of the test and unseen splits
    batch_size: int = 32
    label_smoothing: float = 0.0
    attention_focus: float = 0.0  # weight in the loss of attention that is spread more evenly than ...
    attention_entropy: float = 0.5  # ... this entropy of what patches receive: 0 is all on one patch, 1 the same on each
    workers: int = 2  # threads that read and augment images
    cache_gb: float = 3.0  # decoded images kept in memory, at most
    checkpoint_minutes: float = 5.0  # besides the one after every epoch
    augmentation: Augmentation = Augmentation()
    sampling: Sampling = Sampling()
    frozen: Stage = Stage()
    finetune: Stage = Stage(learning_rate=1e-4, unfreeze="all")
    decision: Decision = Decision()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def names() -> list[str]:
    """The recipes that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """Read a shipped recipe by name, or a ``.toml`` file by path, and apply ``key=value`` overrides (values are TOML; bare words are text).

    Raises RecipeError.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise RecipeError(f"There is no recipe {name!r}. Recipes that ship: {', '.join(names())}; or give the path of a .toml file.")
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe {path.name} is not valid TOML: {error}") from error
    except OSError as error:
        raise RecipeError(f"The recipe {path.name} cannot be read: {error.strerror}.") from error
    for override in overrides:
        _override(settings, override)
    return from_dict({"name": path.stem, **settings})


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
        raise RecipeError(f"There is no setting {where + '.' if where else ''}{unknown[0]}; there are: {', '.join(hints)}.")
    return kind(**{name: _convert(hints[name], value, f"{where}.{name}" if where else name) for name, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, where)
    origin = typing.get_origin(hint)
    if origin is tuple:
        parts = typing.get_args(hint)
        if not isinstance(value, (list, tuple)) or len(value) != len(parts):
            raise RecipeError(f"{where} must be a list of {len(parts)} values, not {value!r}.")
        return tuple(_convert(part, item, where) for part, item in zip(parts, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise RecipeError(f"{where} must be a group of settings, not {value!r}.")
        return value
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise RecipeError(f"{where} must be a finite number, not {value!r}.")
        return float(value)
    if hint is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise RecipeError(f"{where} must be {kinds[hint]}, not {value!r}.")
    return value


def _check(recipe: Recipe) -> None:
    """Ranges and choices that types do not express."""

    def demand(holds: bool, sentence: str) -> None:
        if not holds:
            raise RecipeError(sentence)

    demand(0 <= recipe.seed < 2**32, "seed must be a whole number from 0 to 4294967295.")
    demand(recipe.left_out_folds == 0 or recipe.left_out_folds >= 2, "left_out_folds must be 0 or at least 2.")
    demand(0 <= recipe.left_out_fold < max(recipe.left_out_folds, 1), "left_out_fold must be at least 0 and less than left_out_folds.")
    demand(recipe.batch_size >= 1, "batch_size must be at least 1.")
    demand(recipe.workers >= 1, "workers must be at least 1.")
    demand(recipe.cache_gb >= 0, "cache_gb must not be negative.")
    demand(recipe.checkpoint_minutes >= 0, "checkpoint_minutes must not be negative.")
    demand(0 <= recipe.label_smoothing < 1, "label_smoothing must be at least 0 and less than 1.")
    demand(recipe.attention_focus >= 0, "attention_focus must not be negative.")
    heads = architectures.get(recipe.architecture).complete(recipe.architecture_arguments).get("heads")
    demand(heads or not recipe.attention_focus, "attention_focus needs a network with attention: set it to 0, or architecture_arguments.heads to 1.")
    demand(0 <= recipe.attention_entropy <= 1, "attention_entropy must be between 0 and 1.")
    at_most_1 = ("probability", "shift", "brightness", "saturation", "balance_sources")
    for part in ("augmentation", "sampling"):
        for setting in fields(getattr(recipe, part)):
            value = getattr(getattr(recipe, part), setting.name)
            if setting.name.endswith(at_most_1):
                demand(0 <= value <= 1, f"{part}.{setting.name} must be between 0 and 1.")
            elif not isinstance(value, (tuple, bool)):
                demand(value >= 0, f"{part}.{setting.name} must not be negative.")
    low, high = recipe.augmentation.jpeg_quality
    demand(1 <= low <= high <= 100, "augmentation.jpeg_quality must be two numbers from 1 to 100, the smaller first.")
    demand(0 < recipe.augmentation.downscale <= 1, "augmentation.downscale must be above 0 and at most 1.")
    demand(recipe.augmentation.zoom < 1, "augmentation.zoom must be below 1.")
    demand(recipe.sampling.paired_weight + recipe.sampling.unpaired_weight > 0, "The sampling weights must not both be 0.")
    for name in ("frozen", "finetune"):
        stage: Stage = getattr(recipe, name)
        for setting in ("epochs", "warmup_steps", "weight_decay", "clip_norm"):
            demand(getattr(stage, setting) >= 0, f"{name}.{setting} must not be negative.")
        demand(0 <= stage.ema_momentum < 1, f"{name}.ema_momentum must be at least 0 and less than 1.")
        demand(0 <= stage.keep_start < 1, f"{name}.keep_start must be at least 0 and less than 1.")
        demand(stage.learning_rate > 0, f"{name}.learning_rate must be above 0.")
        demand(stage.patience >= 1, f"{name}.patience must be at least 1.")
        demand(stage.schedule in ("constant", "cosine"), f"{name}.schedule must be constant or cosine.")
        demand(stage.optimizer in ("adam", "adamw"), f"{name}.optimizer must be adam or adamw.")
        demand(stage.optimizer == "adamw" or not stage.weight_decay, f"{name}.weight_decay needs {name}.optimizer adamw.")
        demand(stage.monitor in MONITORS, f"{name}.monitor must be one of {', '.join(MONITORS)}.")
        demand(stage.batch_norm in ("frozen", "train"), f"{name}.batch_norm must be frozen or train.")
        demand(parse_unfreeze(stage.unfreeze) is not None, f"{name}.unfreeze must be none, all, last:N or all-but-last:N, not {stage.unfreeze!r}.")
    demand(recipe.frozen.epochs + recipe.finetune.epochs > 0, "Both stages have 0 epochs; give at least one of them some.")
    decision = recipe.decision
    demand(decision.threshold == "balanced" or _is_share(decision.threshold), "decision.threshold must be balanced or a number between 0 and 1.")
    demand(0 <= decision.max_false_alarms <= 1, "decision.max_false_alarms must be between 0 and 1.")
    demand(0 <= decision.unsure_max_error <= 1, "decision.unsure_max_error must be between 0 and 1.")
    demand(decision.calibrate_on in ("all", "paired"), "decision.calibrate_on must be all or paired.")


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def parse_unfreeze(text: str) -> slice | None:
    """Which of the backbone's layers, first to last, train: ``backbone_layers[parse_unfreeze(text)]``. None if ``text`` is not understood."""
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
