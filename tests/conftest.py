"""What several test files share: a real little bundle, and photos it knows what to say about."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
# The small model that ships, unless a test is about the other one.
os.environ["TELLTALE_MODEL"] = "efficientnetv2b0-attention"
os.environ["TELLTALE_STATE"] = "off"  # no test leaves a case on the machine
# A checkout that was used has compiled forms of its models, a fresh one has none.
os.environ["TELLTALE_RUNTIME"] = "keras"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(
    "CUDA_VISIBLE_DEVICES", "-1"
)  # the tests' networks are tiny, and all machines shall get the same numbers

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """What Telltale makes for itself goes where nobody's own is; runs and models lie where they do without
    ``TELLTALE_HOME``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TELLTALE_HOME", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def make_photo(kind: str, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 (height, width, 3). The tiny bundle calls "warm" ones AI-generated, "cool" ones real, and is
    unsure of "mixed" ones."""
    warm, cool = np.array([230.0, 120.0, 30.0]), np.array([30.0, 90.0, 220.0])
    colour = {"warm": warm, "cool": cool, "mixed": (warm + cool) / 2}[kind]
    shade = np.linspace(0.8, 1.1, width)[None, :, None] * np.linspace(1.1, 0.9, height)[:, None, None]
    return np.clip(colour * shade, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photo():
    """``photo(kind, height=48, width=64)``: see ``make_photo``."""
    return make_photo


@pytest.fixture(scope="session")
def png():
    """``png(kind, height=240, width=320) -> bytes``: a ``photo`` as a file, which the tiny model calls
    AI-generated ("warm") or real ("cool"), or is unsure of ("mixed")."""

    def encode(kind: str, height: int = 240, width: int = 320) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(make_photo(kind, height, width)).save(buffer, "PNG")
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory) -> Path:
    """The folder of a complete bundle: tiny-attention, seeded weights, threshold 0.5, unsure from 0.3 to 0.7,
    temperature 2.

    Its last layer is scaled so that ``photo("warm")`` has the logit 6, ``photo("cool")`` -6 and
    ``photo("mixed")`` 0.
    """
    from detector import architectures
    from detector.bundle import FORMAT, PREDICTIONS, WEIGHTS, file_sha256, write_card
    from detector.evaluation.calibration import calibrated
    from detector.evaluation.metrics import headline
    from detector.evaluation.predictions import Predictions, write_predictions
    from detector.evaluation.subsets import quoted_subsets

    folder = tmp_path_factory.mktemp("weights") / "tiny"
    folder.mkdir()
    architecture = architectures.get("tiny-attention")
    network = architecture.build(None)
    _seed(network)
    inputs = np.stack(
        [architecture.preprocessing(make_photo(kind)) for kind in ("warm", "cool", "mixed")]
    ).astype(np.float32)
    _spread(network, inputs)
    network.save_weights(folder / WEIGHTS)
    sha256 = file_sha256(folder / WEIGHTS)

    rows = _predictions(calibrated, temperature=2.0)
    write_predictions(Predictions(rows, sha256), folder / PREDICTIONS)
    subsets = {
        name: headline(rows["y_true"][chosen], rows["y_score"][chosen], 0.5)
        for name, chosen in quoted_subsets(rows).items()
    }
    write_card(
        folder,
        {
            "format": FORMAT,
            "title": "Tiny test model",
            "architecture": {"name": architecture.name, "arguments": architecture.complete({})},
            "preprocessing": architecture.preprocessing.to_card(),
            "labels": {"0": "real", "1": "AI-generated"},
            "calibration": {"method": "temperature", "temperature": 2.0, "fitted_on": "40 validation images"},
            "decision": {
                "threshold": 0.5,
                "unsure": [0.3, 0.7],
                "chosen_on": "40 validation images",
                "error_outside_unsure": 0.05,
                "share_unsure": 0.2,
            },
            "weights_sha256": sha256,
            "metrics": subsets,
            "training": {
                "run_id": "test-run",
                "recipe": "tiny",
                "settings": {},
                "command": "python -m train tiny",
                "finished": "2025-01-01T00:00:00+00:00",
                "backend": "tensorflow",
                "libraries": {},
                "dataset": {
                    "layout": "manifest",
                    "manifest_sha256": "0" * 64,
                    "sources": 2,
                    "images": {},
                    "left_out_as_unreadable": 0,
                },
            },
        },
    )
    return folder


@pytest.fixture(scope="session")
def compiled_bundle(tiny_bundle, tmp_path_factory) -> Path:
    """A copy of the tiny bundle with its compiled form, for processes that are not to start TensorFlow; they
    need an environment without TELLTALE_RUNTIME."""
    from detector.bundle import read_bundle
    from detector.compilation import compile_bundle

    folder = Path(shutil.copytree(tiny_bundle, tmp_path_factory.mktemp("compiled") / "tiny"))
    assert compile_bundle(read_bundle(folder)) == folder / "compiled"
    return folder


@pytest.fixture
def spoilable_bundle(tiny_bundle, tmp_path) -> Path:
    """A copy of the tiny bundle that a test may damage."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def classifier(tiny_bundle):
    """The tiny bundle, loaded and compiled."""
    from detector.classifier import Classifier

    classifier = Classifier.load(tiny_bundle)
    classifier.warm_up()
    return classifier


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory) -> Path:
    """warm.png, cool.jpg and mixed.png, of different sizes."""
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(make_photo("warm")).save(folder / "warm.png")
    Image.fromarray(make_photo("cool", 300, 200)).save(folder / "cool.jpg", quality=95)
    Image.fromarray(make_photo("mixed", 60, 60)).save(folder / "mixed.png")
    return folder


def _seed(network) -> None:
    """Weights that depend on nothing but numpy's generator: Keras's own initialisers may change between
    versions."""
    rng = np.random.default_rng(7)
    for variable in network.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(np.ones(variable.shape))
        elif variable.name == "kernel":
            size = (
                5 if "query" in variable.path else 1
            )  # decided enough for attention that is not diffuse on every photo
            variable.assign(rng.normal(0, size * np.sqrt(2 / np.prod(variable.shape[:-1])), variable.shape))
        else:
            variable.assign(np.zeros(variable.shape))


def _spread(network, inputs: np.ndarray) -> None:
    """Set the last layer so that the logits of the inputs (warm, cool, mixed) become 6, -6 and 0: three
    equations, solved least-norm."""
    import keras

    hidden = keras.Model(network.input, network.get_layer("hidden").output)(inputs).numpy().astype(np.float64)
    equations = np.column_stack([hidden, np.ones(len(hidden))])
    solution = np.linalg.lstsq(equations, np.array([6.0, -6.0, 0.0]), rcond=None)[0]
    network.get_layer("logit").set_weights([solution[:-1, None], solution[-1:]])


def _predictions(calibrated, temperature: float) -> pd.DataFrame:
    """40 rows as the end of a training run writes them: two sources in the test split, one unseen, half of
    the rows paired."""
    rng = np.random.default_rng(1)
    y_true = np.tile([0, 1], 20).astype(np.int8)
    logit = rng.normal(np.where(y_true == 1, 2.0, -2.0), 2.0).astype(np.float32)
    number = np.arange(40)
    return pd.DataFrame(
        {
            "id": [f"images/{i:03d}.jpg" for i in number],
            "y_true": y_true,
            "split": np.where(number < 24, "test", "unseen"),
            "source": np.array(["camera-a", "camera-b", "elsewhere"])[np.minimum(number // 12, 2)],
            "generator": np.where(y_true == 1, np.where(number < 24, "sdxl", "flux"), ""),
            "kind": np.where(number % 4 < 2, "photo", "art"),
            "paired": number % 8 < 4,
            "logit": logit,
            "width": np.full(40, 640, np.int32),
            "height": np.full(40, 480, np.int32),
            "y_score": calibrated(logit, temperature),
        }
    )
