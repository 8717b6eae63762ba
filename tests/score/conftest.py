"""An archive with a bit of everything, and a scoring run in this process."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from detector.score import __main__ as command_line


def png(pixels) -> bytes:
    """A picture as a file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def shard(path: Path, members: list[tuple[str, bytes]]) -> None:
    """Write a tar file."""
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def archive(tmp_path, photo) -> Path:
    """A folder: 6 labelled pictures, 1 that nobody labelled, 1 unreadable, and a shard with 2 more."""
    folder = tmp_path / "archive"
    for kind, label in (("warm", "ai"), ("cool", "real")):
        (folder / label).mkdir(parents=True)
        for number in range(3):
            (folder / label / f"{number}.png").write_bytes(png(photo(kind)))
    (folder / "mixed.png").write_bytes(png(photo("mixed")))
    (folder / "broken.jpg").write_bytes(b"no picture")
    warm, cool = png(photo("warm")), png(photo("cool"))
    shard(folder / "s.tar", [("a.png", warm), ("a.cls", b"1"), ("b.png", cool), ("b.cls", b"0")])
    return folder


@pytest.fixture
def score(tiny_bundle, classifier, tmp_path):
    """``score(source, *options)``: the exit status of a run into out.parquet with three rows a part."""

    def run(*options: object) -> int:
        words = [*map(str, options), "--out", str(tmp_path / "out.parquet")]
        words += ["--bundle", str(tiny_bundle), "--rows-per-part", "3"]
        return command_line.run(command_line._parser().parse_args(words), load=lambda _: classifier)

    return run
