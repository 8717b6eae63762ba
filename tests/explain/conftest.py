"""Classifiers of real little bundles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from detector.architectures import Architecture
from detector.bundle import WEIGHTS, Bundle, file_sha256, write_card
from detector.classifier import Classifier
from tests.support.networks import PLANTED, PLANTED_NETWORK, randomise, set_planted


@dataclass(frozen=True)
class Made:
    """Makes classifiers of bundles in a folder of its own."""

    folder: Path

    def __call__(
        self, architecture: Architecture, set_weights: Callable | None = None, seed: int = 0, **arguments
    ) -> Classifier:
        """A classifier of that architecture with random weights, biases too, or with those that
        ``set_weights(network)`` sets."""
        path = self.folder / f"{architecture.name}-{len(list(self.folder.iterdir()))}"
        path.mkdir()
        arguments = architecture.complete(arguments)
        network = architecture.build(None, **arguments)
        (set_weights or (lambda network: randomise(network, seed)))(network)
        network.save_weights(path / WEIGHTS)
        card = {"weights_sha256": file_sha256(path / WEIGHTS)}
        write_card(path, card)
        bundle = Bundle(
            path,
            card,
            architecture,
            arguments,
            architecture.preprocessing,
            1.0,
            0.5,
            (0.5, 0.5),
            card["weights_sha256"],
        )
        return Classifier(bundle)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="session")
def planted(made) -> Classifier:
    return made(PLANTED_NETWORK, set_planted)


@pytest.fixture(scope="session")
def planted_photo() -> np.ndarray:
    """Dark, but for the patch the planted network looks at, which is white."""
    photo = np.full((32, 32, 3), 20, np.uint8)
    row, column = divmod(PLANTED, 4)
    photo[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 255
    return photo
