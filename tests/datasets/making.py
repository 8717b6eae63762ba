"""Tiny datasets made for a test, and what is asked of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector.datasets import DatasetError, load_dataset


def picture(seed: int, size=(72, 64)) -> Image.Image:
    """A smooth random picture: survives resizing and JPEG, and shares no dhash with another seed's."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


class Maker:
    """Writes pictures below a root, each different from all before."""

    def __init__(self, root: Path):
        self.root, self.seed = root, 0

    def __call__(self, folder: str, n: int = 1, suffix: str = ".png") -> list[str]:
        ids = []
        for _ in range(n):
            self.seed += 1
            ids.append(f"{folder}/{self.seed:04d}{suffix}" if folder else f"{self.seed:04d}{suffix}")
            self.save(ids[-1], picture(self.seed))
        return ids

    def save(self, id: str, image: Image.Image, **options) -> None:
        path = self.root / id
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)

    def csv(self, text: str, name: str = "manifest.csv") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def manifest(self, n: int = 10, **columns) -> pd.DataFrame:
        """A manifest of n pictures per class with the columns given (a value, or one per row); written,
        and returned."""
        table = pd.DataFrame({"file": self("images", 2 * n), "label": ["ai", "real"] * n, **columns})
        table.to_csv(self.root / "manifest.csv", index=False)
        return table


def labels(dataset) -> dict[str, int]:
    return dict(zip(dataset.rows["id"], dataset.rows["y_true"], strict=True))


def sizes(dataset) -> dict[tuple[str, int], int]:
    return dataset.rows.groupby(["split", "y_true"]).size().to_dict()


def error(root, **options) -> str:
    with pytest.raises(DatasetError) as caught:
        load_dataset(root, **options)
    return str(caught.value)
