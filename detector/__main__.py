"""``python -m detector PATH...``: the verdict on image files, or on every image below a folder.

One line per image on standard output, as soon as it is known; what could not be read is reported on standard
error. ``python -m detector score`` and ``serve`` are commands of their own. Exit status: 0 every image was
read, 1 some were not, 2 nothing was done (wrong usage, unusable model, output cannot be written), 130
interrupted.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from detector.bundle import BundleError, default_bundle
from detector.classifier import Classifier, image_files
from detector.command_line_files import (
    Looking,
    Overlays,
    ReportFile,
    UsageError,
    checked_target,
    replacing_beside,
)
from detector.explain import METHODS, Heatmap, region_map
from detector.images import MAX_FILE_BYTES
from detector.overlay import COLORMAPS
from detector.provenance import FileFacts, file_facts
from detector.records import FIELDS, cell, percent, record
from detector.verdicts import Verdict

COMMANDS = {"score": "detector.score.__main__", "serve": "detector.serve.__main__"}
"""What the first word may be instead of a path; a file of that name is ./serve."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name never ends the run
    words = sys.argv[1:] if arguments is None else arguments
    if command := COMMANDS.get(words[0] if words else ""):
        return import_module(command).main(words[1:])
    try:
        return _run(_parser().parse_args(words))
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
        epilog=(
            "Exit status: 0 all images were read, 1 some were not, 2 nothing was done. Commands of their own:"
            " score (an archive into one table) and serve (an HTTP endpoint); each has its --help."
        ),
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an image, or a folder: all images below it")
    parser.add_argument(
        "--bundle",
        default=default_bundle(),
        metavar="NAME",
        help="model to use: name in weights/ or path (default: %(default)s)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per line instead, for unreadable images too",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=(
            "leave out the damaged copies that decide the final verdict, which is then not known: the model's"
            " own verdict alone, about ten times faster"
        ),
    )
    parser.add_argument("--stress", action="store_true", help=argparse.SUPPRESS)  # what is done anyway
    parser.add_argument("--csv", metavar="FILE", help="write the results to FILE as well, once all are known")
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write a report on all images to FILE, .html (opens offline) or .pdf",
    )
    parser.add_argument("--overlay", metavar="DIR", help="write each photo with its map to DIR as PNG")
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="of the maps in overlays and report (default: the model's own, by its card)",
    )
    parser.add_argument(
        "--opacity", type=_opacity, metavar="0..1", help="weight of the heatmap in the overlay (default: 0.5)"
    )
    parser.add_argument(
        "--colormap", choices=COLORMAPS, help=f"colours of the overlay (default: {next(iter(COLORMAPS))})"
    )
    parser.add_argument(
        "--parts",
        action="store_true",
        help="judge each part of an image alone, too; it plays no part in the verdict",
    )
    parser.add_argument(
        "--file-facts",
        action="store_true",
        help="print what each file says of itself too; it plays no part in the verdict",
    )
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
    if options.method and not options.overlay and not options.report:
        raise UsageError("--method needs --overlay DIR or --report FILE.")
    files = _files(options.paths)
    with ExitStack() as stack:
        table = stack.enter_context(_csv_file(options.csv)) if options.csv else None
        report = ReportFile(options.report) if options.report else None
        overlays = None
        if options.overlay:
            overlays = Overlays(options.overlay, files, options.opacity, options.colormap)
        progress = Progress(len(files))
        progress.show("starting the model ...")
        classifier = _started(options.bundle)
        looking = Looking(classifier, overlays, report, not options.quick, options.method, options.parts)
        unreadable = 0
        for number, result in enumerate(classifier.analyse_files(files), start=1):
            content = _content(result.path)
            seen = looking.further(result, content)
            facts = None if content is None else file_facts(content)
            judged = record(
                seen.result, classifier.bundle, perturbed=seen.copies, facts=facts, content=content
            )
            row = {**judged, "overlay": seen.overlay}
            unreadable += seen.result.error is not None
            progress.clear()
            told = facts if options.file_facts else None
            if options.json:
                _say_json(row, told, seen.parts, options.parts)
            else:
                _say(row, told, seen.parts, options.parts)
            if table:
                table.writerow({field: cell(value) for field, value in row.items()})
            progress.show(f"{number} of {len(files)}")
        if report:
            progress.show("writing the report ...")
            report.write()
        progress.clear()
    return 1 if unreadable else 0


def _started(bundle: str) -> Classifier:
    with _native_noise_dropped():
        classifier = Classifier.load(bundle)
        classifier.warm_up()
    return classifier


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


def _content(path: str) -> bytes | None:
    """The bytes of a file; None for one that is no file, is too large or has gone."""
    try:
        if os.path.isfile(path) and os.path.getsize(path) <= MAX_FILE_BYTES:
            return Path(path).read_bytes()
    except OSError:
        pass
    return None


def _say_json(
    row: dict[str, Any], facts: FileFacts | None, parts: Heatmap | None = None, asked: bool = False
) -> None:
    """One JSON object on a line; an unreadable file is reported on standard error too. asked: for the
    parts, whose probabilities are a list of rows."""
    if facts:
        row = {**row, "file_facts": facts.to_json()}
    if asked:
        row = {**row, "parts": None if parts is None else region_map.probabilities(parts)}
    print(json.dumps(row), flush=True)
    _say_error(row)


def _say(
    row: dict[str, Any], facts: FileFacts | None = None, parts: Heatmap | None = None, asked: bool = False
) -> None:
    """One line for people, what else is known of the file on standard error, and below it what is said of
    its parts, where that was asked, and what the file says of itself."""
    if row["error"] is None:
        _say_verdict(row)
        if asked:
            print(f"    {_parts_in_words(parts)}", flush=True)
        _say_remarks(row)
    _say_error(row)
    if facts:
        _say_facts(facts)


def _say_verdict(row: dict[str, Any]) -> None:
    verdict = Verdict(row["final_verdict"] or row["verdict"])
    score = f"P(AI) {percent(row['y_score']):>6}"
    path = _printable(row["path"])
    print(f"{verdict.in_sentence:<12}  {score}  {path}", flush=True)


def _parts_in_words(parts: Heatmap | None) -> str:
    if parts is None:
        return "Too small to be judged in parts."
    return region_map.ends_in_words(parts)


def _say_remarks(row: dict[str, Any]) -> None:
    remarks = []
    agreeing, copies = row["agreeing_copies"], row["ordinary_copies"]
    if row["turned_by"]:
        own = Verdict(row["verdict"]).in_sentence
        damage = ", ".join(row["turned_by"])
        remarks.append(f"The model says {own}, but ordinary damage turns that around: {damage}.")
    elif agreeing is not None and agreeing < copies:
        remarks.append(f"Only {agreeing} of {copies} copies with ordinary damage share this verdict.")
    if row["file_contradicts"]:
        remarks.append(row["file_contradicts"])
    for remark in (*remarks, *row["notes"]):
        print(f"{_printable(row['path'])}: {_printable(remark)}", file=sys.stderr)


def _say_error(row: dict[str, Any]) -> None:
    if row["error"] is not None:
        print(f"{_printable(row['path'])}: {row['error']}", file=sys.stderr)


def _say_facts(facts: FileFacts) -> None:
    lines = [facts.summary]
    for entry in facts.findings:
        lines.append(f"{entry.label}: {entry.value} ({entry.where})")
    lines += facts.notes
    for line in lines:
        print(f"    {line}", flush=True)


def _printable(text: str) -> str:
    """``text`` without anything that could move the cursor: line breaks, escapes and bytes that are no
    UTF-8 become ``\\x..``."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


@contextmanager
def _csv_file(path: str) -> Iterator[csv.DictWriter]:
    """A table with the fields of a record as its header that gets its name only when it is complete."""
    target = checked_target(path, "--csv")
    with (
        replacing_beside(target) as temporary,
        open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.DictWriter(file, (*FIELDS, "overlay"))
        writer.writeheader()
        yield writer


class Progress:
    """A line on a terminal's standard error that the next output replaces; nothing where that is no
    terminal, or for a single file."""

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
    """TensorFlow's C++ code greets the terminal as it starts, whatever TF_CPP_MIN_LOG_LEVEL says; Python's
    errors pass."""
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
