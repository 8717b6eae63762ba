"""Networks small enough to know what every method must find in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from detector import architectures, engine
from detector.architectures import Architecture, TransformerBlocks
from detector.architectures import clip_vit_b16 as clip
from detector.architectures.architecture import FrozenEncoder
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head, attach_tile_head
from detector.bundle import Bundle
from detector.classifier import Classifier
from detector.preprocessing import Preprocessing

PLANTED = 6
"""The patch, row 1 and column 2 of 4 x 4, that the planted network looks at; to all others it is blind."""


def randomise(network, seed: int) -> None:
    """Every array drawn from numpy's generator, biases as well: only what is not zero can be forgotten."""
    rng = np.random.default_rng(seed)
    for variable in network.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(np.ones(variable.shape))
        elif variable.name in ("mean", "variance", "count"):
            continue  # of the pixels: what they are is known
        elif variable.shape and "seed" not in variable.path:
            variable.assign(
                rng.normal(0, 1.5 / np.sqrt(max(1, np.prod(variable.shape[:-1]))), variable.shape)
            )


def random_encoder(blocks: int) -> dict[str, np.ndarray]:
    """Random weights of so many blocks of CLIP's image tower, scaled so that attention is neither even nor
    one-hot."""
    rng = np.random.default_rng(0)
    widths = dict.fromkeys(("q", "k", "v", "out"), (768, 768)) | {"fc1": (768, 3072), "fc2": (3072, 768)}
    shapes = {"patch/kernel": (16, 16, 3, 768), "class_token": (768,), "positions": (197, 768)}
    for name in clip.names(blocks):
        layer, part = name.split("/")[-2:] if "/" in name else (name, "")
        if part == "kernel" and layer in widths:
            shapes[name] = widths[layer]
        elif part == "bias":
            shapes[name] = widths[layer][1:]
        elif part in ("gamma", "beta"):
            shapes[name] = (768,)
    drawn = {name: rng.normal(size=shape, scale=0.04).astype(np.float32) for name, shape in shapes.items()}
    return {name: 1 + array if name.endswith("gamma") else array for name, array in drawn.items()}


def noise(size: int = 32, seed: int = 0) -> np.ndarray:
    """uint8 (size, size, 3), every pixel by chance: a picture that blurring changes everywhere."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def built(architecture: Architecture) -> Classifier:
    """A classifier of that architecture with random weights, without a bundle on disk."""
    network = architecture.build(None)
    randomise(network, 3)
    arguments, preprocessing = architecture.complete({}), architecture.preprocessing
    unsure = (0.5, 0.5)
    bundle = Bundle(Path("built"), {}, architecture, arguments, preprocessing, 1.0, 0.5, unsure, "")
    with mock.patch.object(engine, "load_network", lambda bundle: network):
        return Classifier(bundle)


def exactly(size: int) -> Preprocessing:
    """Preprocessing that leaves a picture of that size as it is."""
    return Preprocessing(size, size, None)


# ---- a network that looks at one patch


def _build_planted(backbone_weights=None):
    import keras
    from keras import layers

    seen = np.zeros((4, 4, 1), np.float32)
    seen.ravel()[PLANTED] = 1
    inputs = layers.Input((32, 32, 3))
    x = layers.AveragePooling2D(8)(layers.Rescaling(1 / 255)(inputs))
    x = layers.Rescaling(seen, name="features")(x)  # zero everywhere else: the network is blind there
    return keras.Model(
        inputs, attach_attention_head(x, heads=1, key_dim=1, residual=True, hidden=1, dropout=0.0)
    )


def set_planted(network) -> None:
    """Attention goes to bright tokens; a bright one gives a high logit, darkness a low one."""
    one, zero = np.ones((3, 1, 1)), np.zeros((1, 1))
    attention = network.get_layer("attention")
    attention.query_dense.set_weights([0 * one, zero + 1])
    attention.key_dense.set_weights([one * 4, zero])
    attention.value_dense.set_weights([one, zero])
    attention.output_dense.set_weights([np.ones((1, 1, 3)), np.zeros(3)])
    network.get_layer("hidden").set_weights([np.ones((3, 1)), np.zeros(1)])
    network.get_layer("logit").set_weights([np.full((1, 1), 1.0), np.full(1, -6.0)])


PLANTED_NETWORK = Architecture("planted", _build_planted, exactly(32), HEAD_LAYERS, "features", (4, 4))


# ---- networks that not every method can explain


def _build_plain(backbone_weights=None):
    import keras
    from keras import layers

    inputs = layers.Input((24, 24, 3))
    x = layers.Conv2D(2, 8, strides=8, name="features")(layers.Rescaling(1 / 255)(inputs))
    logit = layers.Dense(1, name="logit")(layers.GlobalAveragePooling2D(name="pooled")(x))
    return keras.Model(inputs, {"logit": logit})


PLAIN_NETWORK = Architecture("plain", _build_plain, exactly(24), ("pooled", "logit"), "features", (3, 3))
"""No attention: 3 x 3 cells, average, logit."""


def _build_two_layers(backbone_weights=None):
    import keras
    from keras import layers

    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(4, 8, strides=8, name="features")(layers.Rescaling(1 / 255)(inputs))
    tokens = layers.Reshape((16, 4), name="tokens")(x)
    first, scores = layers.MultiHeadAttention(2, 3, name="first")(
        tokens, tokens, return_attention_scores=True
    )
    x = layers.Add(name="added")([tokens, first])
    second, more = layers.MultiHeadAttention(2, 3, name="attention")(x, x, return_attention_scores=True)
    x = layers.GlobalAveragePooling1D(name="pooled")(layers.Add(name="attended")([x, second]))
    x = layers.Dense(3, activation="relu", name="hidden")(x)
    attention = layers.Reshape((2, 2, 16, 16), name="attention_scores")(
        layers.Concatenate(axis=1, name="both")([scores, more])
    )
    return keras.Model(inputs, {"logit": layers.Dense(1, name="logit")(x), "attention": attention})


TWO_LAYERS = Architecture(
    "two-layers",
    _build_two_layers,
    exactly(32),
    ("tokens", "first", "added", "both", *(name for name in HEAD_LAYERS if name != "dropout")),
    "features",
    (4, 4),
    blocks=TransformerBlocks("tokens", ("first", "attention"), (4, 4), class_token=False),
)
"""Two attention layers of two heads."""


def _build_tiny_vit(backbone_weights=None, *, heads=1, key_dim=4, residual=True, hidden=3, dropout=0.0):
    import keras
    from keras import layers

    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(6, 8, strides=8, name="patches")(layers.Rescaling(1 / 255)(inputs))
    x = layers.Reshape((16, 6), name="sequence")(x)
    x = layers.ZeroPadding1D((1, 0), name="placed")(x)  # what is put first is the class token
    head = {"heads": heads, "key_dim": key_dim, "residual": residual, "hidden": hidden, "dropout": dropout}
    return keras.Model(inputs, _tiny_vit_from(x, 0, head))


def _tiny_vit_upper(after, *, heads=1, key_dim=4, residual=True, hidden=3, dropout=0.0):
    import keras
    from keras import layers

    tokens = layers.Input((17, 6))
    head = {"heads": heads, "key_dim": key_dim, "residual": residual, "hidden": hidden, "dropout": dropout}
    return keras.Model(tokens, _tiny_vit_from(tokens, after + 1, head))


def _tiny_vit_from(x, first: int, head: dict) -> dict:
    """Blocks from ``first`` on, 0 or 1, then the head."""
    from keras import layers

    tokens = [x] if first else []
    for number in range(first, 2):
        attention = layers.MultiHeadAttention(2, 3, name=f"block{number}_attention")
        mixed, _ = attention(x, x, return_attention_scores=True)
        x = layers.Add(name=f"block{number}")([x, mixed])
        tokens.append(x)
    read = [layers.Cropping1D((0, 16), name=f"read{number}")(each) for number, each in enumerate(tokens)]
    return _tiny_vit_head(layers.Concatenate(axis=1, name="read")(read), **head)


def _tiny_vit_head(read, heads, key_dim, residual, hidden, dropout) -> dict:
    from keras import layers

    normed = layers.LayerNormalization(name="normed")(read)
    features = layers.Reshape((1, 2, 6), name="class_tokens")(normed)
    settings = {"heads": heads, "key_dim": key_dim, "residual": residual}
    return attach_attention_head(features, hidden=hidden, dropout=dropout, **settings)


def _tiny_vit_only_head(*, heads=1, key_dim=4, residual=True, hidden=3, dropout=0.0):
    import keras
    from keras import layers

    read = layers.Input((2, 6))
    return keras.Model(read, _tiny_vit_head(read, heads, key_dim, residual, hidden, dropout))


TINY_VIT = Architecture(
    "tiny-vit",
    _build_tiny_vit,
    exactly(32),
    HEAD_LAYERS,
    "class_tokens",
    (1, 2),
    neck=("normed", "class_tokens"),
    encoder=FrozenEncoder(
        "tiny-vit.npz",
        (2, 6),
        "normed",
        _tiny_vit_only_head,
        lambda network, path: None,
        _tiny_vit_upper,
        "block{}",
    ),
    blocks=TransformerBlocks("placed", ("block0_attention", "block1_attention"), (4, 4), read=(0, 1)),
)
"""A transformer of two blocks with a class token, and the attention head over what that holds after each: as
the model that ships stands on CLIP. Its encoder's file may hold anything."""

TINY = architectures.get("tiny-attention")


def _build_tiled(backbone_weights=None, *, heads=1, key_dim=8, residual=True, hidden=16, dropout=0.1):
    import keras
    from keras import layers

    settings = {"heads": heads, "key_dim": key_dim, "residual": residual, "hidden": hidden}
    network = TINY.build(None, dropout=dropout, **settings)
    pooled = layers.GlobalAveragePooling2D(name="tile_pooled")(network.get_layer("relu3").output)
    return keras.Model(network.input, network.output | attach_tile_head(pooled))


TINY_TILED = replace(
    TINY, name="tiny-tiled", build=_build_tiled, preprocessing=replace(TINY.preprocessing, tiles=2)
)
"""The tiny network with a second head, which looks at two tiles of a picture."""

WITHOUT_ENCODER = {name: each for name, each in architectures.ARCHITECTURES.items() if not each.encoder}
"""The ones with an encoder of their own file are tested with it, in tests/test_clip_model.py."""
NARROW: dict[str, dict] = {
    "convnextv2-base": {"width": 8, "depth": 2},
    "convnextv2-tiny": {"width": 8, "depth": 2},
    "resnet18": {"width": 16},  # with 8, TensorFlow's convolutions for processors crash
    "vit-base-patch16": {"width": 12, "heads": 3},
    "vit-small-patch16": {"width": 12, "heads": 2},
}
"""Arguments with which the large networks are the same in all but their size."""


@contextmanager
def smaller() -> Iterator[None]:
    """For a while the networks of keras.applications are built smaller: EfficientNets with fewer blocks where
    nothing names them, ResNet50s with a quarter of the channels. They are the same in all but their size."""
    from keras.src.applications import efficientnet, efficientnet_v2, resnet

    stack = resnet.stack_residual_blocks_v1

    def narrow(x, filters, *arguments, **named):
        return stack(x, filters // 4, *arguments, **named)

    with ExitStack() as patches:
        last = efficientnet_v2.DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"][-1]
        patches.enter_context(mock.patch.dict(last, num_repeat=1))
        for stage in efficientnet.DEFAULT_BLOCKS_ARGS:
            patches.enter_context(mock.patch.dict(stage, repeats=1))
        patches.enter_context(mock.patch.object(resnet, "stack_residual_blocks_v1", narrow))
        yield


NETWORKS = {**WITHOUT_ENCODER, "plain": PLAIN_NETWORK, "two-layers": TWO_LAYERS}


def posing_as_one_layer() -> Architecture:
    """Two layers under the names of one: what an architecture's entry does not say, its network does."""
    return replace(TWO_LAYERS, name="posing", head=HEAD_LAYERS)
