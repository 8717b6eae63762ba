"""Making a bundle's compiled form: ``python -m detector.compilation [NAME_OR_PATH ...]``.

Keras traces the network once and OpenVINO converts what it traced, in float32. The form counts only after it
gave Keras's own answers on pictures of noise to ``TOLERANCE``. Where its matrices will be multiplied in
bfloat16, its numbers are then kept as float16, which are finer: half the file, half the memory. Where they
will be in int8, those that are whole numbers times a scale, as in an encoder's file, are kept as such: a
quarter. This needs TensorFlow and takes some seconds; what runs the compiled form needs neither.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.atomic_files import lock_file, new_folder
from detector.bundle import BundleError, file_sha256, find_bundle, list_bundles, load_network, read_bundle
from detector.compiled_network import (
    FOLDER,
    HEAD,
    INSIDE,
    NETWORK,
    NUMBERS,
    RECORD,
    RUNTIME_VARIABLE,
    CompiledNetwork,
    at_home,
    beside,
    find,
    made_from,
    precision_of,
    runtime,
)
from detector.encoder_precision import ENCODER_DTYPE, Precision
from detector.encoder_weights import quantised
from detector.engine import answering_with_insides, head_weights, inner_outputs
from detector.home_folder import home

if TYPE_CHECKING:
    import keras
    import openvino
    import tensorflow as tf

    from detector.bundle import Bundle

TOLERANCE = 1e-4
"""How far an answer may be from Keras's, relative to the largest value of that answer where it is over 1."""


def compile_bundle(bundle: Bundle) -> Path:
    """Make the compiled form of ``bundle`` and return its folder; one that is there and fits stays.

    Raises BundleError for weights that do not fit, for answers that differ from Keras's, and where neither
    place for it can be written to.
    """
    if there := find(bundle):
        return there
    target = _writable(bundle)
    with _building_in(target.parent) as building:
        with exact():
            network = load_network(bundle)
        inner = inner_outputs(network, bundle.architecture)
        answers = answering_with_insides(network, bundle)
        save(answers, bundle.preprocessing.size, building / NETWORK, hidden=inner)
        np.savez(building / HEAD, allow_pickle=False, **head_weights(network, bundle.architecture))
        _compare(network, bundle, building)
        shrink(building / NETWORK, precision_of(bundle))
        files = {name: file_sha256(building / name) for name in (NETWORK, NUMBERS, HEAD)}
        record = {**made_from(bundle), "files": files}
        (building / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
        shutil.rmtree(target, ignore_errors=True)  # of other weights
        os.rename(building, target)
    return target


def start(bundle: Bundle) -> subprocess.Popen | None:
    """Make the compiled form in a process of its own that gives way to every other, for the next start;
    None where ``TELLTALE_RUNTIME`` wants no compiled forms, or no process can be started."""
    if os.environ.get(RUNTIME_VARIABLE) == "keras":
        return None
    command = [sys.executable, "-m", "detector.compilation", "--quietly", str(bundle.path)]
    try:
        return subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None


def save(function: Callable, size: int, file: Path, hidden: Collection[str] = ()) -> None:
    """Write a function of model inputs, a uint8 TensorFlow tensor (N, size, size, 3), in OpenVINO's form: an
    .xml ``file`` and the numbers beside it.

    hidden: those of the function's outputs that the form computes only when asked, under ``INSIDE`` and their
    names.
    """
    openvino = runtime()

    def marking(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {INSIDE + name if name in hidden else name: value for name, value in function(images).items()}

    concrete = traced(marking if hidden else function, size).get_concrete_function()
    network = openvino.convert_model(concrete)
    for result in network.get_results():
        if any(name.startswith(INSIDE) for name in result.output(0).get_names()):
            network.remove_result(result)
    openvino.save_model(network, file, compress_to_fp16=False)


def traced(function: Callable, size: int) -> tf.types.experimental.PolymorphicFunction:
    """A function of model inputs, as for ``save``, as TensorFlow's graph for any number of them."""
    import tensorflow as tf

    return tf.function(function, [tf.TensorSpec((None, size, size, 3), "uint8")], autograph=False)


def _compare(network: keras.Model, bundle: Bundle, folder: Path) -> None:
    """Raises BundleError if the form in ``folder`` does not answer as ``network`` does."""
    size = bundle.preprocessing.size
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    answers = CompiledNetwork(folder).outputs(images)
    for name, value in network(images.astype(np.float32), training=False).items():
        expected = np.asarray(value, np.float32)
        scale = max(1.0, float(np.abs(expected).max()))
        if not np.abs(answers[name] - expected).max() <= TOLERANCE * scale:  # a NaN is refused, too
            raise BundleError(
                f"The compiled form of the model '{bundle.name}' does not answer as the model does ({name}"
                " differs), so it is not used."
            )


def shrink(file: Path, precision: Precision) -> None:
    """Keep no finer numbers in a form that ``save`` wrote than it will be run with."""
    if precision == Precision.FLOAT32:
        return
    openvino = runtime()
    network = openvino.Core().read_model(file)
    if precision == Precision.INT8:
        _keep_whole_numbers(network)
    smaller = file.with_name(f"smaller-{file.name}")
    openvino.save_model(network, smaller, compress_to_fp16=precision == Precision.BFLOAT16)
    os.replace(smaller, file)
    os.replace(smaller.with_suffix(".bin"), file.with_suffix(".bin"))


def _keep_whole_numbers(network: openvino.Model) -> None:
    """Make every matrix that is one of int8 times a scale for each output channel such a product, which is
    what OpenVINO multiplies in int8."""
    from openvino import opset13 as operations

    for operation in network.get_ops():
        if operation.get_type_name() != "MatMul" or not operation.get_attributes()["transpose_b"]:
            continue
        constant = operation.input_value(1).get_node()
        if constant.get_type_name() != "Constant":
            continue
        matrix = constant.get_data()  # (out, in)
        whole, scale = quantised(matrix.T)
        if np.allclose(whole * scale, matrix.T, rtol=0, atol=1e-6 * np.abs(matrix).max()):
            product = operations.multiply(
                operations.convert(operations.constant(np.ascontiguousarray(whole.T)), "f32"),
                operations.constant(scale[:, None]),
            )
            operation.input(1).replace_source_output(product.output(0))


@contextmanager
def exact() -> Iterator[None]:
    """Networks built inside are float32 throughout, whatever this machine would choose."""
    before = os.environ.get(ENCODER_DTYPE)
    os.environ[ENCODER_DTYPE] = "float32"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENCODER_DTYPE]
        else:
            os.environ[ENCODER_DTYPE] = before


def _writable(bundle: Bundle) -> Path:
    """The first place for the compiled form that can be written to."""
    for target in (beside(bundle), at_home(bundle)):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(target.parent, os.W_OK):
            return target
    raise BundleError(
        f"The compiled form of the model '{bundle.name}' can be written neither into {bundle.path} nor into"
        f" {home()}. Name a folder that can be written to in TELLTALE_HOME."
    )


@contextmanager
def _building_in(folder: Path) -> Iterator[Path]:
    """A hidden folder to build in that is gone afterwards, unless it was renamed; other processes wait for
    none of it, they are refused."""
    lock = lock_file(folder / f".{FOLDER}.lock")
    if lock is None:
        raise BundleError("Another process is compiling this model.")
    building = new_folder(folder, f".{FOLDER}-")
    try:
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)
        os.close(lock)


def main(arguments: list[str] | None = None) -> int:
    """Compile the bundles named, or all in the weights folder."""
    parser = argparse.ArgumentParser(
        prog="python -m detector.compilation",
        description="Make the compiled form of models, from which they start without TensorFlow.",
    )
    parser.add_argument("bundles", nargs="*", metavar="NAME", help="name in weights/ or path (default: all)")
    parser.add_argument("--quietly", action="store_true", help="say nothing and give way to other processes")
    options = parser.parse_args(arguments)
    if options.quietly:
        os.nice(10)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    failed = False
    for name in options.bundles or list_bundles():
        try:
            folder = compile_bundle(read_bundle(find_bundle(name)))
        except (BundleError, OSError, ImportError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
        else:
            print(f"{name}: compiled into {folder}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
