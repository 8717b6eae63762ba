"""What timm's files of weights hold, array by array, and such files with other numbers in them.

Names and shapes were recorded from timm 1.0.31; ``tests/architectures/test_published_weights.py``
compares them with the timm that is installed, where one is.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np

Shapes = dict[str, tuple[int, ...]]

CLASSES = 1000
NARROW = {
    "resnet18": {},
    "vit-base-patch16": {"width": 128, "heads": 2},
    "vit-small-patch16": {"width": 128, "heads": 2},
    "convnextv2-tiny": {"width": 8, "depth": 2},
    "convnextv2-base": {"width": 8, "depth": 2},
}
"""Arguments with which a network is small, and yet one that timm can build: its ResNet18 is never narrower,
and 64 numbers make a head."""


def shapes(architecture: str, arguments: dict[str, int]) -> Shapes:
    """Of the arrays in timm's file for a network of that architecture with those arguments."""
    if architecture == "resnet18":
        return _resnet18()
    if architecture.startswith("vit"):
        return _vit(arguments["width"])
    return _convnextv2(arguments["width"], arguments["depth"])


def random_arrays(shapes: Shapes) -> dict[str, np.ndarray]:
    """float32, of a size at which a network's numbers stay moderate; the same ones for a name and a shape,
    wherever they are drawn."""
    return {name: _random(name, shape) for name, shape in shapes.items()}


def random_images() -> np.ndarray:
    """float32 (1, 224, 224, 3) in [0, 255], always the same."""
    return np.random.RandomState(0).randint(0, 256, (1, 224, 224, 3)).astype(np.float32)


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A safetensors file of them."""
    header, place = {}, 0
    for name, array in arrays.items():
        kind = {"float32": "F32", "int64": "I64"}[array.dtype.name]
        end = place + array.nbytes
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [place, end]}
        place = end
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(
        len(text).to_bytes(8, "little") + text + b"".join(map(np.ndarray.tobytes, arrays.values()))
    )
    return path


def _random(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.array(7, np.int64)
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("running_var"):
        drawn = 1 + 0.2 * np.abs(drawn)
    elif name.endswith("weight") and len(shape) > 1:
        drawn /= math.sqrt(math.prod(shape[1:]))
    elif name.endswith("weight"):
        drawn = 1 + 0.2 * drawn
    else:
        drawn *= 0.2
    return drawn.astype(np.float32)


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _dense(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _convolution(name: str, inputs: int, outputs: int, size: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, size, size), f"{name}.bias": (outputs,)}


def _resnet18() -> Shapes:
    found = _convolution_and_norm("conv1", "bn1", 3, 64, 7)
    for stage in range(4):
        width = 64 * 2**stage
        for block in range(2):
            inputs = width // 2 if stage and not block else width
            name = f"layer{stage + 1}.{block}"
            found |= _convolution_and_norm(f"{name}.conv1", f"{name}.bn1", inputs, width, 3)
            found |= _convolution_and_norm(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            if inputs != width:
                downsample = f"{name}.downsample"
                found |= _convolution_and_norm(f"{downsample}.0", f"{downsample}.1", inputs, width, 1)
    return found | _dense("fc", 512, CLASSES)


def _convolution_and_norm(convolution: str, norm: str, inputs: int, outputs: int, size: int) -> Shapes:
    statistics = {f"{norm}.running_mean": (outputs,), f"{norm}.running_var": (outputs,)}
    counted: Shapes = {f"{norm}.num_batches_tracked": ()}
    kernel = {f"{convolution}.weight": (outputs, inputs, size, size)}
    return kernel | _norm(norm, outputs) | statistics | counted


def _vit(width: int) -> Shapes:
    found: Shapes = {"cls_token": (1, 1, width), "pos_embed": (1, 197, width)}
    found |= _convolution("patch_embed.proj", 3, width, 16)
    for number in range(12):
        name = f"blocks.{number}"
        found |= _norm(f"{name}.norm1", width) | _norm(f"{name}.norm2", width)
        found |= _dense(f"{name}.attn.qkv", width, 3 * width) | _dense(f"{name}.attn.proj", width, width)
        found |= _dense(f"{name}.mlp.fc1", width, 4 * width) | _dense(f"{name}.mlp.fc2", 4 * width, width)
    return found | _norm("norm", width) | _dense("head", width, CLASSES)


def _convnextv2(width: int, depth: int) -> Shapes:
    found = _convolution("stem.0", 3, width, 4) | _norm("stem.1", width)
    for stage, blocks in enumerate((3, 3, depth, 3)):
        channels, name = width * 2**stage, f"stages.{stage}"
        if stage:
            found |= _norm(f"{name}.downsample.0", channels // 2)
            found |= _convolution(f"{name}.downsample.1", channels // 2, channels, 2)
        for number in range(blocks):
            found |= _convnextv2_block(f"{name}.blocks.{number}", channels)
    return found | _norm("head.norm", 8 * width) | _dense("head.fc", 8 * width, CLASSES)


def _convnextv2_block(name: str, channels: int) -> Shapes:
    found = _convolution(f"{name}.conv_dw", 1, channels, 7) | _norm(f"{name}.norm", channels)
    found |= _dense(f"{name}.mlp.fc1", channels, 4 * channels) | _norm(f"{name}.mlp.grn", 4 * channels)
    return found | _dense(f"{name}.mlp.fc2", 4 * channels, channels)
