"""``python -m benchmarks.runtimes [NAME ...]``: what runs a model's network fastest on this processor.

The same traced function, uint8 pictures in, logit, attention and feature map out, is converted for OpenVINO,
LiteRT and ONNX Runtime, all in float32, and run in turns in one process. Needs, beside what Telltale needs:
``pip install ai-edge-litert onnx onnxruntime tf2onnx``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.timing import take_turns, timed
from detector.bundle import find_bundle, list_bundles, load_network, read_bundle
from detector.compilation import exact, save, traced
from detector.compiled_network import compiled
from detector.engine import answering

BATCH = 16
ROUNDS = 9
Answers = list[np.ndarray]
Run = Callable[[np.ndarray], Answers]


def openvino_run(function: Callable, size: int, folder: Path) -> Run:
    file = folder / "network.xml"
    save(function, size, file)
    request = compiled(file).create_infer_request()
    return lambda images: list(request.infer([images]).values())


def litert_run(function: Callable, size: int, folder: Path) -> Run:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    graph = traced(function, size)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.get_concrete_function()], graph)
    file = folder / "network.tflite"
    file.write_bytes(converter.convert())
    interpreters: dict[int, Interpreter] = {}

    def run(images: np.ndarray) -> Answers:
        interpreter = interpreters.get(len(images))
        if interpreter is None:  # one for each size of batch, as LiteRT wants it
            interpreter = Interpreter(str(file), num_threads=os.cpu_count())
            interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], images.shape)
            interpreter.allocate_tensors()
            interpreters[len(images)] = interpreter
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
        interpreter.invoke()
        return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]

    return run


def onnx_run(function: Callable, size: int, folder: Path) -> Run:
    import onnxruntime
    import tf2onnx

    file = folder / "network.onnx"
    graph = traced(function, size)
    tf2onnx.convert.from_function(graph, graph.input_signature, opset=18, output_path=str(file))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (name,) = (each.name for each in session.get_inputs())
    return lambda images: session.run(None, {name: images})


RUNTIMES = {"OpenVINO": openvino_run, "LiteRT": litert_run, "ONNX Runtime": onnx_run}


def difference(answers: Answers, expected: Answers) -> float:
    """The largest, relative to the largest value of its answer where that is over 1; answers are known by
    their shapes, which every runtime orders its own way."""
    largest = 0.0
    for value in expected:
        scale = max(1.0, float(np.abs(value).max()))
        same = [each for each in answers if each.shape == value.shape]
        largest = max(largest, min(float(np.abs(each - value).max()) for each in same) / scale)
    return largest


def compare(name: str, folder: Path) -> list[str]:
    """A row of the table for each runtime."""
    import keras

    bundle = read_bundle(find_bundle(name))
    size = bundle.preprocessing.size
    with exact():
        network = load_network(bundle)
    function = answering(network, bundle)
    one, many = (_noise(count, size) for count in (1, BATCH))
    expected = [np.asarray(value) for value in function(keras.ops.convert_to_tensor(many)).values()]
    rows, runs = [], {}
    for title, make in RUNTIMES.items():
        start = time.monotonic()
        try:
            runs[title] = make(function, size, folder)
        except Exception as error:  # of a converter; which networks one cannot convert belongs in the table
            rows.append(f"| {bundle.name} | {title} | cannot convert it: {type(error).__name__} | | | |")
            continue
        print(f"{title}: converted in {time.monotonic() - start:.0f} s", flush=True)
    alone = take_turns({title: timed(_call(run, one)) for title, run in runs.items()}, ROUNDS)
    batch = take_turns({title: timed(_call(run, many)) for title, run in runs.items()}, ROUNDS)
    for title, run in runs.items():
        rows.append(
            f"| {bundle.name} | {title} | {_ms(alone, title):.1f} | {_ms(batch, title) / BATCH:.1f} |"
            f" {difference(run(many), expected):.1e} |"
        )
    return rows


def _call(run: Run, images: np.ndarray) -> Callable[[], object]:
    return lambda: run(images)


def _ms(seconds: Mapping[str, list[float]], title: str) -> float:
    return 1000 * median(seconds[title])


def _noise(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes", description=__doc__)
    parser.add_argument("bundles", nargs="*", metavar="NAME", help="in weights/ (default: all)")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.bundles or list_bundles():
            rows += compare(name, Path(folder))
    print(f"| model | runtime | one picture, ms | of {BATCH}, ms each | difference |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
