"""What the command line does with an image beyond its analysis, and the files it writes of that: overlays and
the report."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from detector import captioned_overlay
from detector.atomic_files import replacing, write_whole
from detector.explain import Heatmap, Unavailable, attention_rollout
from detector.explain.preferred_method import default
from detector.explain.region_map import region_map
from detector.images import IMAGE_SUFFIXES, ImageReadError, TooMuchDetail, read_image
from detector.overlay import COLORMAPS, overlay
from detector.perturbation_test import (
    PerturbedVerdict,
    final_verdict,
    judge_perturbed_copies,
    read_for_copies,
)
from detector.perturbations import AS_SENT
from detector.preprocessing import WHOLE_SHORT_SIDE
from detector.printable import printable
from detector.reports import Examined, PictureReport, as_html, as_pdf, picture_report

if TYPE_CHECKING:
    from detector.classifier import Analysis, Classifier, FileResult

OVERLAY_SHORT_SIDE = 900
"""Overlays keep at least this many pixels along the short side, where the photo has them: they are for
looking at."""

_serial = count()


class UsageError(ValueError):
    """Nothing can be done; the message is a sentence for the user."""


def replacing_beside(target: Path) -> AbstractContextManager[Path]:
    """A hidden file beside ``target`` that takes its place at the end, or vanishes if something went
    wrong."""
    return replacing(target, _hidden(target))


def checked_target(path: str, option: str, suffixes: tuple[str, ...] = ()) -> Path:
    """Where to write the file of ``option``, through a link, not over it. Raises UsageError if that would
    replace a picture or what is no file, or if its name has none of ``suffixes``."""
    target = Path(os.path.realpath(path))
    is_image = target.suffix.lower() in IMAGE_SUFFIXES  # `--csv photo.jpg` is a slip
    if is_image or target.exists() and not target.is_file():
        raise UsageError(
            f"{option} would replace {path}, which is no file of that kind. Give it a name like"
            f" results{suffixes[0] if suffixes else '.csv'}."
        )
    if suffixes and target.suffix.lower() not in suffixes:
        raise UsageError(f"{option} writes {' or '.join(suffixes)}: give it such a name, not {path}.")
    return target


class Overlays:
    """Writes ``<name>-heatmap.png`` files into a folder; no two of a run, and no photo of the run, get the
    same name."""

    def __init__(self, folder: str, photos: list[Path], opacity: float | None, colormap: str | None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK):
            raise UsageError(f"Nothing can be written to the folder {folder}")
        self.opacity = 0.5 if opacity is None else opacity
        self.colormap = colormap or next(iter(COLORMAPS))
        here = self.folder.resolve()
        photos_here = [photo for photo in photos if photo.parent.resolve() == here]
        self._taken = {photo.name.casefold() for photo in photos_here}

    def write(self, path: str, heatmap: Heatmap, analysis: Analysis, lines: tuple[str, ...]) -> Path:
        """Draw a heatmap over the photo at ``path``, with its legend and ``lines`` below it, and return the
        new file's path. Raises ImageReadError, OSError."""
        pixels = read_image(path, OVERLAY_SHORT_SIDE, least=WHOLE_SHORT_SIDE).pixels
        drawn = overlay(pixels, heatmap, analysis.region, self.opacity, self.colormap)
        picture = captioned_overlay.captioned(drawn, heatmap, lines, self.colormap)
        target = self.folder / self._name(Path(path).stem)
        with replacing_beside(target) as temporary:
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


class ReportFile:
    """A report on all pictures of a run, in the format that its file's name says, written at the end."""

    def __init__(self, path: str):
        self.target = checked_target(path, "--report", (".html", ".pdf"))
        if not os.access(self.target.parent, os.W_OK):  # now, not when all is done
            raise UsageError(f"Nothing can be written to the folder of {path}")
        self.reports: list[PictureReport] = []

    def write(self) -> None:
        """Write what was gathered. Raises OSError."""
        if self.target.suffix.lower() == ".html":
            write_whole(self.target, as_html(self.reports), _hidden(self.target))
        else:
            with replacing_beside(self.target) as temporary:
                temporary.write_bytes(as_pdf(self.reports))


@dataclass(frozen=True)
class Seen:
    """What was found out about an image. result: with an error instead of the analysis if the file changed
    since it was analysed. copies: what is said of damaged ones. overlay: the path of the one written. parts:
    the region map. None where it was not asked for, or there is none."""

    result: FileResult
    copies: list[PerturbedVerdict] | None = None
    overlay: str | None = None
    parts: Heatmap | None = None


@dataclass(frozen=True)
class Looking:
    """What is to be done with every image. stress: judge damaged copies; a report has them judged too.
    method: of the maps, None for the model's own. parts: judge the parts one by one."""

    classifier: Classifier
    overlays: Overlays | None = None
    report: ReportFile | None = None
    stress: bool = False
    method: str | None = None
    parts: bool = False

    def further(self, result: FileResult, content: bytes | None) -> Seen:
        """content: the file's bytes, None where they are not there."""
        try:
            return self._further(result, content)
        except ImageReadError as error:
            return self._further(replace(result, analysis=None, error=str(error)), content)

    def _further(self, result: FileResult, content: bytes | None) -> Seen:
        bundle, drawn = self.classifier.bundle, None
        examined = Examined(printable(result.path), content, result)
        if analysis := result.analysis:
            examined = self._examined(examined, analysis)
        if analysis and self.overlays and examined.heatmap:
            verdict = final_verdict(bundle, analysis.verdict, examined.copies)
            below = captioned_overlay.lines(analysis, verdict, bundle)
            drawn = str(self.overlays.write(result.path, examined.heatmap, analysis, below))
        if self.report:
            self.report.reports.append(picture_report(examined, bundle))
        return Seen(result, list(examined.copies) or None, drawn, examined.parts)

    def _examined(self, examined: Examined, analysis: Analysis) -> Examined:
        path = examined.result.path
        if self.stress or self.report:
            photo = read_for_copies(path, self.classifier.bundle)
            copies, inputs = judge_perturbed_copies(self.classifier, photo, analysis)
            examined = replace(examined, photo=photo, copies=copies, inputs=inputs)
        if self.overlays or self.report:
            examined = replace(examined, heatmap=self._heatmap(path, analysis))
        if self.parts:
            examined = replace(examined, parts=self._region_map(path))
        return examined

    def _region_map(self, path: str) -> Heatmap | None:
        try:
            return region_map(self.classifier.engine, read_image(path, AS_SENT).pixels)
        except (Unavailable, TooMuchDetail):
            return None

    def _heatmap(self, path: str, analysis: Analysis) -> Heatmap | None:
        method = self.method or default(self.classifier.bundle)
        if method == attention_rollout.NAME:
            return analysis.heatmap
        try:
            return self.classifier.explain(self.classifier.read(path), method)
        except Unavailable as reason:
            if self.method:
                raise UsageError(str(reason)) from reason
            return analysis.heatmap


def _hidden(target: Path) -> Path:
    return target.with_name(f".{os.getpid()}-{next(_serial)}.partial")
