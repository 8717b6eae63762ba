"""What the rest of Telltale needs to know about an architecture."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from math import prod
from typing import TYPE_CHECKING, Any

from detector.architectures.attention_head import TILE_LAYERS
from detector.architectures.low_rank import ADAPTER
from detector.architectures.published_weights import Published
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

ARGUMENTS = {
    "heads": "Attention heads; 0, where the network allows it, leaves the attention out.",
    "key_dim": "Numbers per head by which two patches are compared.",
    "residual": "Whether the tokens are added to what attention makes of them.",
    "hidden": "Width of the dense layer before the logit.",
    "dropout": "Share of the hidden features dropped at random while training.",
    "channels": "Features per patch that each level of the backbone gives.",
    "width": "Features per token; of a convolutional network, channels of its first stage.",
    "depth": "Blocks of the third stage.",
    "tile_head": "Whether a second, linear head judges tiles of the picture at its own scale.",
    "rank": "Rank of what an adaptation added to matrices of the encoder; 0 where it stays as it is.",
}
"""What arguments of ``build`` mean, by name: the same in every architecture that has them."""


@dataclass(frozen=True)
class FrozenEncoder:
    """The part of a network that is never trained, and whose weights lie in a file of their own.

    file: the file's name in ``weights/encoders/``. tokens: (k, C) of what it gives, float32 (B, k, C). layer:
    the first layer above it. head(**arguments): all above it as a keras.Model of those tokens, with layers of
    the same names as in the whole network. load(network, path): gives a whole network the encoder's weights,
    once those above it are there, for what was added to the encoder lies among them; raises OSError, and
    ValueError for a file that is no such encoder. upper(after, **arguments): the encoder above one of its
    blocks, and the head, as a keras.Model of all tokens after that block, float32 (B, t, C), with layers of
    the same names; block: name of the layer that gives those, with the block's number put in.
    """

    file: str
    tokens: tuple[int, int]
    layer: str
    head: Callable[..., keras.Model]
    load: Callable[[keras.Model, str | os.PathLike], None]
    upper: Callable[..., keras.Model]
    block: str


@dataclass(frozen=True)
class TransformerBlocks:
    """The blocks of a vision transformer, for who wants to look into them one by one.

    tokens: name of the layer whose output, (B, t, C), the first block reads. attention: names of the blocks'
    ``MultiHeadAttention`` layers, first block first; each was called for its scores, (B, heads, t, t), and
    each block adds its input back. grid: (gh, gw) of the patches, in row-major order. class_token: whether
    one comes before them, which is then what the head reads; else the head averages over the patches. read:
    numbers, counted from 0, of the blocks after which the head reads; empty for the last one alone.
    """

    tokens: str
    attention: tuple[str, ...]
    grid: tuple[int, int]
    class_token: bool = True
    read: tuple[int, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """One entry of the registry.

    build(backbone_weights, *, **arguments): the network, a keras.Model. backbone_weights is "imagenet"
    (downloaded by Keras: those of ``keras.applications``, or ``published``), the path of a weights file, or
    None for random ones; the arguments are keywords, each with its default. The network's input is float32
    (B, size, size, 3) in [0, 255], RGB: scaling the pixels is its own business. Its output is a dict:
    ``logit`` float32 (B, 1), and, where there is attention, ``attention`` float32 (B, layers, heads, n, n),
    rows summing to 1, first layer first; with the argument ``tile_head`` also ``tile_logit``, float32 (B, 1),
    which holds where the input is a tile: a picture's logit is then that of the whole plus the mean of its
    tiles'.
    preprocessing: how a photo becomes the input.
    head: names of the layers above the feature map.
    feature_layer: name of the map (B, gh, gw, C) that Grad-CAM weighs, and whose cells are the tokens where
    the head attends to them; "" where no layer holds all that the head reads in such a map.
    grid: (gh, gw), the patches that maps are made of, in row-major order; where the head's tokens have
    places, these are its tokens.
    neck: names of the layers between the pretrained backbone and the feature map, the feature map's included,
    where there are any; like the head they start untrained. Every layer in neither belongs to the backbone.
    backbone: name of the pretrained backbone, where there is one: networks of the same one, with the same
    names of layers in it, can start from each other's.
    class_token: whether attention has a class token before the patches, from which alone the head reads; the
    attention is then the backbone's own, of all its layers.
    encoder: the backbone, where it stays as it is and is kept in a file of its own. Such a network also
    answers ``relevance``, float32 (B, gh, gw), sum 1: the rollout of all attention down to the patches of the
    input.
    stages: names of layers of a convolutional backbone whose maps, (B, h, w, C), go from fine to coarse: what
    How it works opens. blocks: the same of a vision transformer.
    published: ImageNet's weights, where ``keras.applications`` has none for this network.
    """

    name: str
    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    head: tuple[str, ...]
    feature_layer: str
    grid: tuple[int, int]
    neck: tuple[str, ...] = ()
    backbone: str = ""
    class_token: bool = False
    encoder: FrozenEncoder | None = None
    stages: tuple[str, ...] = ()
    blocks: TransformerBlocks | None = None
    published: Published | None = None

    @property
    def has_attention(self) -> bool:
        """Whether the network answers ``attention``, as long as its arguments do not say otherwise."""
        return self.class_token or "attention" in self.head

    @property
    def tokens_have_places(self) -> bool:
        """Whether the head's tokens are patches of the picture; those of a frozen encoder are class
        tokens."""
        return self.encoder is None

    @property
    def tokens(self) -> int:
        """How many tokens attend to each other."""
        return self.encoder.tokens[0] if self.encoder else prod(self.grid) + self.class_token

    @property
    def own_layers(self) -> tuple[str, ...]:
        """Names of all layers that start untrained, whichever of them a network has."""
        return (*self.neck, *self.head, *TILE_LAYERS, ADAPTER)

    def trained(self, network: keras.Model) -> keras.Model:
        """The part of ``network`` whose weights a bundle keeps: all of it, or what lies above its encoder."""
        if self.encoder is None:
            return network
        import keras

        outputs = {name: value for name, value in network.output.items() if name != "relevance"}
        return keras.Model(network.get_layer(self.encoder.layer).input, outputs)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``build`` with their defaults, as its signature has them."""
        parameters = signature(self.build).parameters.values()
        return {
            parameter.name: parameter.default
            for parameter in parameters
            if parameter.kind is Parameter.KEYWORD_ONLY
        }

    def complete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """``arguments`` on top of the defaults; raises ValueError for a name ``build`` does not have."""
        defaults = self.arguments
        if unknown := sorted(set(arguments) - set(defaults)):
            raise ValueError(
                f"Architecture {self.name} has no argument {', '.join(unknown)}; it takes"
                f" {', '.join(defaults)}."
            )
        return {**defaults, **arguments}


def require_size(name: str, value: int, largest: int) -> None:
    """Raises ValueError for an argument of ``build`` that makes no network, or one that takes all memory: a
    bundle's card may say anything."""
    if not 1 <= value <= largest:
        raise ValueError(f"{name} must be from 1 to {largest}, not {value}.")
