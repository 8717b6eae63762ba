"""Promotion: a trained bundle becomes one of the models in ``weights/``, and the one that is used where
nobody names another.

A promotion is a copy: the run keeps its bundle, and deleting the run takes nothing from the promoted model.
Whatever moment a promotion is killed at, ``weights/`` holds every model it held before, whole; what the
killed one left behind has a name with a leading dot, is ignored by `detector.bundle.list_bundles`, and is
cleared away by the next promotion.

Which model is used by default stands in the small file ``weights/default``. Where it is missing, or names
what is not there, the model that ships is the default.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from detector.atomic_files import lock, new_folder, replacing, to_disk, writable
from detector.bundle import (
    CARD,
    DEFAULT_FILE,
    PREDICTIONS,
    SHIPPED,
    WEIGHTS,
    Bundle,
    BundleError,
    default_bundle,
    encoder_file,
    list_bundles,
    read_bundle,
    weights_folder,
)
from detector.printable import printable

MARK = "promoted.json"
"""Lies in every promoted bundle, and in no bundle that ships: only what has it is ever replaced or
removed."""

MAX_NAME = 60
_NAME = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._-]{{0,{MAX_NAME - 2}}}[A-Za-z0-9_-])?")
_TEMPORARY = ".promoting-"


class PromotionError(BundleError):
    """The model cannot be promoted or taken back; the message is a sentence for the user."""


class NameTakenError(PromotionError):
    """Another promoted model has the name; ``replace=True`` puts the new one in its place."""


def promote(bundle_folder: str | os.PathLike, name: str, *, replace: bool = False) -> Path:
    """Copy the bundle in ``bundle_folder`` to ``weights/<name>`` and make it the default; returns where it
    now lies.

    A name that is taken is refused, unless the same bundle has it already or ``replace`` says to put this one
    in its place; a model that ships is never replaced. Raises BundleError for a bundle that is not valid,
    NameTakenError where ``replace`` would help, PromotionError (both are BundleErrors too) for everything
    else.
    """
    _check_name(name)
    with _writing(weights_folder()) as weights:
        source = read_bundle(bundle_folder)
        target = weights / name
        if not os.path.lexists(target):
            if name in list_bundles():  # one that ships, elsewhere
                _check_replaceable(target, replace)
            os.rename(_copy(source.path, weights), target)
        elif not _same(source.path, target):
            _check_replaceable(target, replace)
            old = _copy(source.path, weights)
            _exchange(old, target)
            shutil.rmtree(old, ignore_errors=True)
        to_disk(weights)
        _write_default(weights, name)
    return target


def demote() -> None:
    """Make the model that ships the default again. The promoted ones stay and can still be chosen. Raises
    PromotionError."""
    with _writing(weights_folder()) as weights:
        (weights / DEFAULT_FILE).unlink(missing_ok=True)
        to_disk(weights)


def remove(name: str) -> None:
    """Delete a promoted bundle; if it is the default, the model that ships becomes that. Raises
    PromotionError for any other bundle."""
    _check_name(name)
    with _writing(weights_folder()) as weights:
        target = weights / name
        if not os.path.lexists(target):
            raise PromotionError(f"There is no model called {name!r} in {weights}.")
        if not is_promoted(name):
            raise PromotionError(f"The model {name!r} was not promoted from a run, so it is not removed.")
        gone = weights / f"{_TEMPORARY}removed-{os.getpid()}"
        os.rename(target, gone)  # at once: nobody ever sees half a bundle
        if _default_in(weights) == name:
            (weights / DEFAULT_FILE).unlink(missing_ok=True)
        to_disk(weights)
        shutil.rmtree(gone, ignore_errors=True)


def used_as(bundle_folder: str | os.PathLike) -> str | None:
    """The name of the default model, if it was promoted and has the same weights as this bundle, by their
    cards; else None."""
    name = default_bundle()
    weights = _weights_hash(Path(bundle_folder))
    if not weights or not is_promoted(name):
        return None
    return name if _weights_hash(weights_folder() / name) == weights else None


def is_promoted(name: str) -> bool:
    """Whether ``weights/<name>`` came there by `promote`, so that it may be replaced and removed."""
    folder = weights_folder() / name
    return name not in SHIPPED and (folder / MARK).is_file() and not folder.is_symlink()


def read_only() -> bool:
    """Whether the environment variable TELLTALE_READONLY forbids everything that starts, stops or writes."""
    return os.environ.get("TELLTALE_READONLY", "").strip().lower() not in ("", "0", "no", "false", "off")


def why_locked() -> str:
    """Why no model can be promoted, taken back or removed, as a sentence; "" if one can."""
    if read_only():
        return (
            "This Telltale is read-only (TELLTALE_READONLY is set): models are neither promoted nor removed"
            " here."
        )
    weights = weights_folder()
    if not writable(weights):
        return (
            f"The folder of models {printable(weights)} cannot be written to. Set TELLTALE_WEIGHTS to a copy"
            " of it that can."
        )
    return ""


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise PromotionError(
            f"A model's name has 1 to {MAX_NAME} letters (a to z), digits, dots, hyphens and underscores, and"
            " begins with a letter or digit."
        )
    if name.lower() == DEFAULT_FILE or name.lower().endswith(".partial"):
        raise PromotionError(
            f"The name {name!r} means something else in the models' folder. Choose another one."
        )


@contextlib.contextmanager
def _writing(weights: Path) -> Iterator[Path]:
    """The weights folder, for this process alone and without what a killed promotion left; what goes wrong
    with files becomes a sentence."""
    if problem := why_locked():
        raise PromotionError(problem)
    try:
        weights.mkdir(parents=True, exist_ok=True)
        folder = os.open(weights, os.O_RDONLY)
        try:
            lock(folder, wait=True)
            for left in weights.glob(f"{_TEMPORARY}*"):
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
            yield weights
        finally:
            os.close(folder)  # and with it the lock
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PromotionError(
                f"The disk is full: free some space for the folder {weights} and try again."
            ) from error
        raise PromotionError(
            f"{_without_temporary(error.filename, weights)} cannot be read or written:"
            f" {error.strerror or error}."
        ) from error


def _without_temporary(name: object, weights: Path) -> str:
    """What a file is called for people: the folder of models in place of what lies in it for a moment."""
    is_temporary = name is None or f"{os.sep}{_TEMPORARY}" in os.fsdecode(str(name))
    return printable(os.fspath(weights) if is_temporary else str(name))


def _copy(source: Path, weights: Path) -> Path:
    """A checked copy of a bundle, on the disk for good, in a new folder with a temporary name."""
    copy = new_folder(weights, _TEMPORARY)
    try:
        for name in (WEIGHTS, PREDICTIONS, CARD):  # nothing else: a run's folder may hold anything
            if (source / name).is_file():
                shutil.copyfile(source / name, copy / name)
        _take_encoder(read_bundle(copy), source)
        mark = {"promoted": datetime.now(UTC).isoformat(timespec="seconds"), "from": source.parent.name}
        (copy / MARK).write_text(json.dumps(mark, indent=1) + "\n", "utf-8")
        for file in copy.iterdir():
            to_disk(file)
        to_disk(copy)
        read_bundle(copy)  # what was read back is what the card describes
    except BundleError as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise BundleError(str(error).replace(copy.name, source.name)) from error
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    return copy


def _take_encoder(bundle: Bundle, source: Path) -> None:
    """Copy the frozen encoder, too, where it lies beside the source and nowhere else. bundle: the copy of the
    rest. Raises BundleError if it is not even there."""
    encoder = bundle.architecture.encoder
    if encoder is None:
        return
    try:
        encoder_file(bundle)
    except BundleError:
        if not (source / encoder.file).is_file():
            raise
        shutil.copyfile(source / encoder.file, bundle.path / encoder.file)
        encoder_file(bundle)


def _same(source: Path, target: Path) -> bool:
    """Whether both folders hold the same bundle, card and predictions too."""
    try:
        read_bundle(target)
    except BundleError:
        return False
    own = [_content(source / name) for name in (CARD, PREDICTIONS)]
    others = [_content(target / name) for name in (CARD, PREDICTIONS)]
    return own == others


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _weights_hash(folder: Path) -> str | None:
    """What the bundle's card says its weights are."""
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        return str(card["weights_sha256"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _check_replaceable(target: Path, replace: bool) -> None:
    if not is_promoted(target.name):
        raise PromotionError(
            f"The name {target.name!r} belongs to a model that was not promoted from a run. Choose another"
            " name."
        )
    if not replace:
        raise NameTakenError(
            f"There is another model called {target.name!r} already. Choose another name, or replace that"
            " one."
        )


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders at once, so that there is no moment without either. Python has no name for it;
    Linux and macOS do."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(*names, 2)  # RENAME_SWAP
        else:
            here = -100  # AT_FDCWD
            failed = library.renameat2(here, names[0], here, names[1], 2)  # RENAME_EXCHANGE
        number = ctypes.get_errno() if failed else 0
    except AttributeError:
        number = errno.ENOSYS
    if number:
        shutil.rmtree(one, ignore_errors=True)
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise PromotionError(
            "This disk cannot replace a model at once. Choose another name, or remove the model"
            f" {other.name!r} first."
        )
    if number:
        raise OSError(number, os.strerror(number))


def _default_in(weights: Path) -> str | None:
    try:
        return (weights / DEFAULT_FILE).read_text("utf-8").strip()
    except (OSError, ValueError):
        return None


def _write_default(weights: Path, name: str) -> None:
    hidden = weights / f"{_TEMPORARY}{DEFAULT_FILE}"  # nobody else writes while the folder is locked
    with replacing(weights / DEFAULT_FILE, hidden, sync=True) as temporary:
        temporary.write_text(name + "\n", "utf-8")
        temporary.chmod(0o644)
    to_disk(weights)
