"""The compiled form of a bundle's network: what OpenVINO runs, without Keras and TensorFlow.

It lies in ``compiled/`` beside the bundle's weights or, where nothing can be written there, in
``compiled/`` of :func:`detector.home_folder.home` under the weights' hash: ``network.xml`` and
``network.bin``, the graph and its numbers; ``head.npz``, the weights of the layers above the feature map by
name; and ``record.json``, which says what it was made from and every file's hash. `detector.compilation`
makes it. A form that was made from other weights does not count; one whose files are not the recorded ones
is refused.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.bundle import BundleError, file_sha256
from detector.encoder_precision import Precision, fastest_precision
from detector.home_folder import home

if TYPE_CHECKING:
    import openvino

    from detector.bundle import Bundle

FOLDER = "compiled"
RECORD, NETWORK, NUMBERS, HEAD = "record.json", "network.xml", "network.bin", "head.npz"
FORMAT = 3
INSIDE = "inside."
"""What the names of tensors begin with that are outputs only where they are asked for."""
FEATURES = "features"
"""Name of the output that is the feature map."""
MAX_RECORD_BYTES = 2**16
GROUP = 64
"""Activations that share a scale in int8: with 32 it takes 1.15 times as long, with 128 0.9 times, at 0.6 and
1.3 times the error."""
Request = Callable[[np.ndarray], dict[str, np.ndarray]]
RUNTIME_VARIABLE = "TELLTALE_RUNTIME"
"""The environment variable that says "keras" for running every network in Keras, compiled or not."""


class CompiledNetwork:
    """A compiled form ready to run; one call at a time.

    head: the weights of the layers above the feature map, by layer and name, float32.
    """

    def __init__(self, folder: Path, precision: Precision = Precision.FLOAT32):
        """precision: see :func:`compiled`. Raises whatever OpenVINO does, and OSError."""
        self.precision = precision
        self._file = folder / NETWORK
        self._outputs = _request(compiled(self._file, precision))
        self._insides: Request | None = None
        with np.load(folder / HEAD, allow_pickle=False) as head:
            self.head = {name: head[name] for name in head.files}

    def outputs(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 (N, size, size, 3) model inputs -> all that the network answers, see ``Architecture``, and
        the feature map as ``FEATURES``, float32."""
        return self._outputs(images)

    def insides(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """As ``outputs``, and from the same pass what was named in the network's inside when it was compiled.

        In float32 throughout, so that who recomputes a step gets the same number, also of a network that
        otherwise runs in fewer digits. The first call takes some seconds and as much memory again.
        """
        if self._insides is None:
            self._insides = _request(compiled(self._file, insides=True))
        return self._insides(images)


def runtime() -> ModuleType:
    """OpenVINO without its telemetry, which by default reports every import and every conversion to its
    makers' analytics and keeps a visitor's number in the home folder: what is judged here is nobody's
    business. Raises ImportError where OpenVINO is not installed."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # taken for not installed
    import openvino

    return openvino


def compiled(
    file: Path, precision: Precision = Precision.FLOAT32, insides: bool = False
) -> openvino.CompiledModel:
    """What is in ``file``, ready to run on the processor.

    precision: what matrices are multiplied in where the processor can, in int8 those that are stored so.
    insides: with what ``INSIDE`` names as further outputs. Raises whatever OpenVINO does.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == Precision.BFLOAT16 else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP if precision == Precision.INT8 else 0,
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = runtime().Core()
    if not insides:
        return core.compile_model(file, "CPU", settings)
    network = core.read_model(file)
    outputs = [output for operation in network.get_ops() for output in operation.outputs()]
    network.add_outputs([output for output in outputs if _name(output.get_names()).startswith(INSIDE)])
    return core.compile_model(network, "CPU", settings)


def _request(network: openvino.CompiledModel) -> Request:
    """uint8 (N, size, size, 3) -> the outputs of ``network`` by name; one call at a time."""
    request = network.create_infer_request()
    names = [_name(output.names) for output in network.outputs]

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        values = request.infer([images])
        return {name.removeprefix(INSIDE): np.array(values[name]) for name in names}

    return run


def _name(names: set[str]) -> str:
    """What the network calls an output, "" for none, which may bear TensorFlow's name of an operation beside
    it, like "model/logit/MatMul:0"."""
    return min(names, key=lambda name: (":" in name, name), default="")


def load(bundle: Bundle) -> CompiledNetwork | None:
    """The bundle's compiled form; None where it has none that fits, or OpenVINO is not there. Raises
    BundleError for one whose files were changed after it was made."""
    if os.environ.get(RUNTIME_VARIABLE) == "keras":
        return None
    folder = find(bundle)
    if folder is None:
        return None
    try:
        return CompiledNetwork(folder, precision_of(bundle))
    except ImportError:
        return None
    except Exception as error:  # OpenVINO raises RuntimeErrors of its own for anything
        raise BundleError(
            f"The compiled form of the model '{bundle.name}' cannot be run: {error}. Delete the folder"
            f" {folder}; it is made again."
        ) from error


def find(bundle: Bundle) -> Path | None:
    """The folder of the compiled form that was made from the bundle's weights. Raises BundleError for one
    whose files were changed after it was made."""
    for folder in (beside(bundle), at_home(bundle)):
        record = _record(folder)
        if not _fits(record, bundle):
            continue
        if any(_sha256(folder / name) != record["files"].get(name) for name in (NETWORK, NUMBERS, HEAD)):
            raise BundleError(
                f"The compiled form of the model '{bundle.name}' is not the one that was made from its"
                f" weights: a file in {folder} is damaged or was replaced. Delete the folder; it is made"
                " again."
            )
        return folder
    return None


def beside(bundle: Bundle) -> Path:
    """Where the compiled form lies if the bundle's folder can be written to."""
    return bundle.path / FOLDER


def at_home(bundle: Bundle) -> Path:
    """Where it lies otherwise."""
    return home() / FOLDER / bundle.weights_sha256


def made_from(bundle: Bundle) -> dict[str, Any]:
    """What a compiled form must have been made from to stand for the bundle."""
    return {
        "format": FORMAT,
        "weights_sha256": bundle.weights_sha256,
        "encoder_sha256": bundle.encoder_sha256,
        "architecture": {"name": bundle.architecture.name, "arguments": dict(bundle.arguments)},
        "precision": str(precision_of(bundle)),
    }


def precision_of(bundle: Bundle) -> Precision:
    """What the matrices of the bundle's network are multiplied in on this machine: fewer digits than float32
    only those of a frozen encoder."""
    return Precision.FLOAT32 if bundle.architecture.encoder is None else fastest_precision()


def _record(folder: Path) -> Any:
    try:
        with open(folder / RECORD, "rb") as file:
            return json.loads(file.read(MAX_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def _fits(record: Any, bundle: Bundle) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("files"), Mapping):
        return False
    return all(record.get(key) == value for key, value in made_from(bundle).items())


def _sha256(file: Path) -> str | None:
    try:
        return file_sha256(file)
    except OSError:
        return None
