"""ImageNet's weights for networks that ``keras.applications`` does not have: those that timm publishes.

timm (Wightman, "PyTorch Image Models") is where other libraries have theirs from, too. Each network's lie in
one safetensors file on the Hugging Face hub, arrays by PyTorch's names and in its order of axes. Keras
downloads the file once; its arrays are copied into layers of the same meaning here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detector import safetensors_file

if TYPE_CHECKING:
    import keras
    import numpy as np

SUFFIX = ".safetensors"
COUNTERS = ".num_batches_tracked"
"""Ends the names of what PyTorch's batch normalisation counts, and Keras's does not."""
HEAD_WIDTH = 64
"""Numbers per attention head in every one of timm's ViTs with patches of 16: files do not say it."""
NO_ARGUMENTS = "Published weights want the architecture_arguments that they were published with."

Take = Callable[[str], "np.ndarray"]


@dataclass(frozen=True)
class Published:
    """Where the weights of a network come from, and how they get into its layers.

    repository: on the Hugging Face hub; its name is timm's for network and training. by: who trained them,
    and on what. megabytes: of the file. classifier: what the names of the published classifier's arrays begin
    with; it stays behind. named(layer): what timm calls the layer of that name here; "" for the one that
    holds class token and positions.
    """

    repository: str
    by: str
    licence: str
    megabytes: int
    classifier: str
    named: Callable[[str], str]

    @property
    def address(self) -> str:
        return f"https://huggingface.co/{self.repository}/resolve/main/model{SUFFIX}"

    @property
    def credit(self) -> str:
        """Origin and licence, as a clause."""
        return f"{self.repository} on the Hugging Face hub, by {self.by}; licence: {self.licence}"


def load_backbone(
    backbone: keras.Model, weights: str | None, published: Published, whole: keras.Model | None = None
) -> None:
    """Give a backbone its first weights: a file's, the published ones for "imagenet", or none for None.

    weights: a file that a backbone of the same layers was saved to, or timm's own, which ends in
    ``.safetensors``. whole: the backbone with what else of the network was published, if there is more.
    Raises OSError, and ValueError for a file that does not fit; Keras raises whatever a download gives.
    """
    if weights == "imagenet":
        _copy(whole or backbone, _downloaded(published), published)
    elif weights is not None and weights.endswith(SUFFIX):
        _copy(whole or backbone, weights, published)
    elif weights is not None:
        backbone.load_weights(weights)


def _downloaded(published: Published) -> str:
    """The path of the file among those that Keras keeps, ``~/.keras/models``; fetched if it is not there."""
    import keras

    name = published.repository.replace("/", "-") + SUFFIX
    return str(keras.utils.get_file(name, published.address, cache_subdir="models"))


def _copy(network: keras.Model, path: str | os.PathLike, published: Published) -> None:
    """Every array of the file but its classifier's into the one layer of ``network`` that it is for."""
    try:
        arrays = safetensors_file.read(path)
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read: {error}. If it was downloaded, delete it; it is then fetched again."
        ) from error

    for layer in network.layers:
        if layer.weights:
            _set(layer, _translated(layer, published.named(layer.name), arrays.pop, path), path)
    for name in arrays:
        if not name.startswith(published.classifier) and not name.endswith(COUNTERS):
            raise ValueError(f"{path} is of a larger network than this one: there is no place for {name}.")


def _translated(layer: keras.Layer, name: str, take: Take, path: str | os.PathLike) -> list[np.ndarray]:
    try:
        return _of(layer, name, take)
    except KeyError as error:
        missing = f"{error.args[0]} is missing"
        raise ValueError(f"{path} is not what timm publishes for this network: {missing}.") from error
    except (IndexError, ValueError) as error:  # another number of axes, or heads of another width
        raise ValueError(f"{path} does not fit layer {layer.name}. {NO_ARGUMENTS}") from error


def _set(layer: keras.Layer, arrays: list[np.ndarray], path: str | os.PathLike) -> None:
    for array, variable in zip(arrays, layer.weights, strict=True):
        if array.shape != tuple(variable.shape):
            shapes = f"has an array of shape {tuple(variable.shape)}, the file's is {array.shape}"
            raise ValueError(f"{path} does not fit: layer {layer.name} {shapes}. {NO_ARGUMENTS}")
    layer.set_weights(arrays)


def _of(layer: keras.Layer, name: str, take: Take) -> list[np.ndarray]:
    """The layer's weights in Keras's order and axes: kernels of PyTorch go from output to input."""
    from keras import layers

    def parts(*names: str) -> list[np.ndarray]:
        return [take(f"{name}.{part}") for part in names]

    if not name:
        return [take("cls_token")[0, 0], take("pos_embed")[0]]
    if isinstance(layer, layers.MultiHeadAttention):
        return _attention(name, take)
    if isinstance(layer, layers.BatchNormalization):
        return parts("weight", "bias", "running_mean", "running_var")
    weight, *bias = parts("weight", "bias") if len(layer.weights) > 1 else parts("weight")
    if isinstance(layer, layers.DepthwiseConv2D):
        weight = weight.transpose(2, 3, 0, 1)
    elif isinstance(layer, layers.Conv2D):
        weight = weight.transpose(2, 3, 1, 0)
    elif isinstance(layer, layers.Dense):
        weight = weight.T
    return [weight, *bias]


def _attention(name: str, take: Take) -> list[np.ndarray]:
    """In the order of ``keras.layers.MultiHeadAttention``: kernel and bias of query, key, value and output.
    timm has the first three in one matrix, (3 C, C)."""
    kernels, biases = take(f"{name}.qkv.weight"), take(f"{name}.qkv.bias")
    width = kernels.shape[1]
    heads = (width // HEAD_WIDTH, HEAD_WIDTH)
    weights = []
    for place in range(3):
        rows = slice(place * width, (place + 1) * width)
        weights += [kernels[rows].T.reshape(width, *heads), biases[rows].reshape(heads)]
    output, bias = take(f"{name}.proj.weight"), take(f"{name}.proj.bias")
    return [*weights, output.T.reshape(*heads, width), bias]
