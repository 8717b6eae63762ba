"""``python -m detector PATH...``: the verdict on image files, or on every image below a folder.

One line per image on standard output, as soon as it is known; what could not be read is reported on standard error.
Exit status: 0 every image was read, 1 some were not, 2 nothing was done (wrong usage, unusable model, output cannot be written),
130 interrupted.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from detector.bundle import BundleError, default_bundle
from detector.classifier import Classifier, FileResult, image_files
from detector.images import IMAGE_SUFFIXES, MAX_FILE_BYTES, ImageReadError, read_image
from detector.overlay import COLORMAPS, overlay
from detector.provenance import FileFacts, file_facts
from detector.records import FIELDS, cell, percent, record
from detector.stress import ORDINARY, Stressed, stress

TITLES = {"ai": "AI-generated", "real": "real", "unsure": "unsure"}
OVERLAY_SHORT_SIDE = 900
"""Overlays keep at least this many pixels along the short side, where the photo has them: they are for looking at."""

_serial = count()


class UsageError(ValueError):
    """Nothing can be done; the message is a sentence for the user."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a file name never ends the run
    try:
        return _run(_parser().parse_args(arguments))
    except (UsageError, BundleError) as error:
        print(f"error: {_printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough; the flush at exit must not trip over it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # images that cannot be read never get here
        print(f"error: {_printable(str(error))}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m detector",
        description="Tell AI-generated images from real ones.",
        epilog="Exit status: 0 all images were read, 1 some were not, 2 nothing was done.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an image, or a folder: all images below it")
    parser.add_argument("--bundle", default=default_bundle(), metavar="NAME", help="model to use: name in weights/ or path (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line instead, for unreadable images too")
    parser.add_argument(
        "--stress", action="store_true", help="judge damaged copies of each image too; where ordinary damage turns the verdict around, say unsure"
    )
    parser.add_argument("--csv", metavar="FILE", help="write the results to FILE as well, once all are known")
    parser.add_argument("--overlay", metavar="DIR", help="write each photo with its heatmap to DIR as PNG")
    parser.add_argument("--opacity", type=_opacity, metavar="0..1", help="weight of the heatmap in the overlay (default: 0.5)")
    parser.add_argument("--colormap", choices=COLORMAPS, help=f"colours of the overlay (default: {next(iter(COLORMAPS))})")
    parser.add_argument("--file-facts", action="store_true", help="print what each file says of itself too; it plays no part in the verdict")
    return parser


def _opacity(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 (photo alone) to 1 (heatmap alone)")
    return value


def _run(options: argparse.Namespace) -> int:
    if not options.overlay and (options.opacity is not None or options.colormap):
        raise UsageError("--opacity and --colormap need --overlay DIR.")
    files = _files(options.paths)
    with ExitStack() as stack:
        table = stack.enter_context(_csv_file(options.csv)) if options.csv else None
        overlays = Overlays(options.overlay, files, options.opacity, options.colormap) if options.overlay else None
        progress = Progress(len(files))
        progress.show("starting the model ...")
        with _native_noise_dropped():
            classifier = Classifier.load(options.bundle)
            classifier.warm_up()
        unreadable = 0
        for number, result in enumerate(classifier.analyse_files(files), start=1):
            drawn = stressed = None
            if overlays:
                result, drawn = _draw(result, overlays)
            if options.stress:
                result, stressed = _stress(result, classifier)
            row = {**record(result, classifier.bundle, stressed=stressed), "overlay": drawn}
            unreadable += result.error is not None
            progress.clear()
            _say(row, options.json, _facts(result.path) if options.file_facts else None, _kept(result, stressed, classifier))
            if table:
                table.writerow({field: cell(value) for field, value in row.items()})
            progress.show(f"{number} of {len(files)}")
        progress.clear()
    return 1 if unreadable else 0


def _files(paths: list[str]) -> list[Path]:
    files = []
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"There is no file or folder {path}")
        found = image_files([path])
        if not found:
            raise UsageError(f"There are no images in the folder {path}")
        files += found
    return files


def _draw(result: FileResult, overlays: Overlays) -> tuple[FileResult, str | None]:
    """The result and the path of its overlay; an error instead of the analysis if the file changed since it was analysed."""
    if not result.analysis or not result.analysis.heatmap:
        return result, None
    try:
        return result, str(overlays.write(result))
    except ImageReadError as error:
        return replace(result, analysis=None, error=str(error)), None


def _stress(result: FileResult, classifier: Classifier) -> tuple[FileResult, list[Stressed] | None]:
    """The result and what is said of its damaged copies; an error instead of the analysis if the file changed since it was analysed."""
    if not result.analysis:
        return result, None
    try:
        return result, stress(classifier, result.path, result.analysis)[0]
    except ImageReadError as error:
        return replace(result, analysis=None, error=str(error)), None


def _kept(result: FileResult, stressed: list[Stressed] | None, classifier: Classifier) -> str | None:
    """On how many copies with ordinary damage the verdict stays; None where none were judged."""
    if not result.analysis or not stressed:
        return None
    judged = [classifier.bundle.verdict(copy.y_score) for copy in stressed if copy.damage.name in ORDINARY]
    return f"damage: verdict stays in {judged.count(result.analysis.verdict)} of {len(judged)}"


def _facts(path: str) -> FileFacts | None:
    """What a file says of itself; None for one that is no file, is too large or has gone."""
    try:
        if os.path.isfile(path) and os.path.getsize(path) <= MAX_FILE_BYTES:
            return file_facts(Path(path).read_bytes())
    except OSError:
        pass
    return None


def _say(record: dict[str, Any], as_json: bool, facts: FileFacts | None = None, kept: str | None = None) -> None:
    path = _printable(record["path"])
    if as_json:
        print(json.dumps(record | ({"file_facts": facts.to_json()} if facts else {})), flush=True)
    elif record["error"] is None:
        diffuse = "" if not record["diffuse"] else ", diffuse"
        attention = "" if record["attention_peak"] is None else f"  attention peak {record['attention_peak']:.1f} x uniform{diffuse}"
        verdict = record["verdict_after_damage"] or record["verdict"]
        print(f"{TITLES[verdict]:<12}  P(AI) {percent(record['y_score']):>6}{attention:<42}  {path}", flush=True)
        if record["turned_by"]:
            own, damage = TITLES[record["verdict"]], ", ".join(record["turned_by"])
            print(f"{path}: The model says {own}, but ordinary damage turns that around: {damage}.", file=sys.stderr)
        elif kept:
            print(f"{path}: {kept}", file=sys.stderr)
        for note in record["notes"]:
            print(f"{path}: {note}", file=sys.stderr)
    if record["error"] is not None:
        print(f"{path}: {record['error']}", file=sys.stderr)
    if facts and not as_json:
        for line in (facts.summary, *(f"{entry.label}: {entry.value} ({entry.where})" for entry in facts.findings), *facts.notes):
            print(f"    {line}", flush=True)


def _printable(text: str) -> str:
    """``text`` without anything that could move the cursor: line breaks, escapes and bytes that are no UTF-8 become ``\\x..``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


@contextmanager
def _csv_file(path: str) -> Iterator[csv.DictWriter]:
    """A table with the fields of a record as its header that gets its name only when it is complete."""
    target = Path(os.path.realpath(path))  # through a link, not over it
    if target.suffix.lower() in IMAGE_SUFFIXES or target.exists() and not target.is_file():  # `--csv photo.jpg` is a slip
        raise UsageError(f"--csv would replace {path}, which is no table. Give the table a name like results.csv.")
    with _replacing(target) as temporary, open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, (*FIELDS, "overlay"))
        writer.writeheader()
        yield writer


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A file beside ``target`` that takes its place at the end, or vanishes if something went wrong."""
    temporary = target.with_name(f".{os.getpid()}-{next(_serial)}.partial")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


class Overlays:
    """Writes ``<name>-heatmap.png`` files into a folder; no two of a run, and no photo of the run, get the same name."""

    def __init__(self, folder: str, photos: list[Path], opacity: float | None, colormap: str | None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK):
            raise UsageError(f"Nothing can be written to the folder {folder}")
        self.opacity = 0.5 if opacity is None else opacity
        self.colormap = colormap or next(iter(COLORMAPS))
        here = self.folder.resolve()
        self._taken = {photo.name.casefold() for photo in photos if photo.parent.resolve() == here}

    def write(self, result: FileResult) -> Path:
        """Draw one result and return the file's path. Raises ImageReadError, OSError."""
        pixels = read_image(result.path, short_side=OVERLAY_SHORT_SIDE).pixels
        picture = overlay(pixels, result.analysis.heatmap, result.analysis.region, self.opacity, self.colormap)
        target = self.folder / self._name(Path(result.path).stem)
        with _replacing(target) as temporary:
            Image.fromarray(picture).save(temporary, "PNG")
        return target

    def _name(self, stem: str) -> str:
        while len(os.fsencode(stem)) > 200:  # file systems stop at 255 bytes
            stem = stem[:-1]
        name, number = f"{stem}-heatmap.png", 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-heatmap-{number}.png"
        self._taken.add(name.casefold())
        return name


class Progress:
    """A line on a terminal's standard error that the next output replaces; nothing where that is no terminal, or for a single file."""

    def __init__(self, total: int):
        self.shown = total > 1 and sys.stderr.isatty()

    def show(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}")

    def clear(self) -> None:
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self.shown:
            print(text, end="", file=sys.stderr, flush=True)


@contextmanager
def _native_noise_dropped() -> Iterator[None]:
    """TensorFlow's C++ code greets the terminal as it starts, whatever TF_CPP_MIN_LOG_LEVEL says; Python's errors pass."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


if __name__ == "__main__":
    sys.exit(main())
