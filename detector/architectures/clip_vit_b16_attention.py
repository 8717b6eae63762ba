"""CLIP's ViT-B/16, frozen, with self-attention over the class tokens of its middle blocks.

The encoder looks at the whole picture. What its class token holds after each of ``READ`` blocks becomes a
token of the head: normalised, projected, then attention, average, Dense 64, dropout and one logit as in the
published network. Only projection and head are trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector import encoder_weights
from detector.architectures import clip_vit_b16 as clip
from detector.architectures import low_rank
from detector.architectures.architecture import (
    Architecture,
    FrozenEncoder,
    TransformerBlocks,
    require_size,
)
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head, attach_tile_head
from detector.encoder_precision import fast_dtype
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import os

    import keras

READ = (5, 7, 9)
"""Blocks, counted from 0, after which the class token is read; what lies above the last is not computed."""
TOKENS = len(READ)
ADAPTED = tuple(f"block{number}/{matrix}" for number in range(READ[0] + 1, READ[-1] + 1) for matrix in "qv")
"""What a low-rank adaptation may change: queries and values above the first token that is read."""
NECK = ("normed", "projected", "class_tokens")
PREPROCESSING = Preprocessing(size=clip.SIZE, short_side=clip.SIZE, jpeg_quality=80)


def build(
    backbone_weights=None,
    *,
    heads=1,
    key_dim=64,
    width=256,
    residual=True,
    hidden=64,
    dropout=0.6,
    tile_head=False,
    rank=0,
):
    """See :class:`Architecture`. ``backbone_weights``: a file of ``detector.encoder_weights``.

    width: of the tokens. rank: of what is added to the matrices ``ADAPTED`` when the encoder's weights are
    loaded, see ``low_rank``. Besides ``logit`` and ``attention`` (B, 1, heads, k, k) over the k tokens, the
    network answers ``relevance``, float32 (B, 14, 14): the rollout of all attention, from the head's average
    down through the blocks to the patches of the picture; it sums to 1.
    """
    import keras
    from keras import layers

    if backbone_weights == "imagenet":
        raise ValueError('CLIP has no ImageNet weights; name a file of encoder weights, or "none".')
    views = layers.Input((clip.SIZE, clip.SIZE, 3))
    read, scores = _read_from(clip.tokens_of(views), 0)
    settings = {"heads": heads, "key_dim": key_dim, "residual": residual, "hidden": hidden, "rank": rank}
    outputs = head_of(read, width=width, dropout=dropout, tile_head=tile_head, **settings)
    outputs["relevance"] = relevance(scores, outputs.get("attention"), residual)
    network = keras.Model(views, outputs, name="clip_vit_b16_attention")
    if backbone_weights is not None:
        load_encoder(network, backbone_weights)
    return network


def _read_from(x: keras.KerasTensor, first: int) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    """(B, 197, 768), as block ``first`` reads it, that being at most the one after the first of ``READ`` ->
    the class tokens after the blocks of ``READ``, float32 (B, k, 768), and the attention of every block from
    ``first`` on."""
    from keras import ops

    dtype = fast_dtype()
    class_tokens, scores = ([x[:, :1]] if first - 1 in READ else []), []
    for number in range(first, max(READ) + 1):
        x, attention = clip.block(x, number, dtype)
        scores.append(attention)
        if number in READ:
            class_tokens.append(x[:, :1])
    return ops.cast(ops.concatenate(class_tokens, axis=1), "float32"), scores


def upper(after: int, **arguments):
    """What lies above block ``after``, as a network of its own: float32 (B, 197, 768) -> as ``head``.
    arguments: of ``build``, whose defaults hold."""
    import keras
    from keras import layers

    tokens = layers.Input((clip.TOKENS, clip.WIDTH))
    read, _ = _read_from(tokens, after + 1)
    return keras.Model(tokens, head_of(read, **ARCHITECTURE.complete(arguments)))


def head(*, tokens=TOKENS, **arguments):
    """What lies above the encoder, as a network of its own: float32 (B, tokens, 768) -> logit and attention
    and, where it has that head, tile_logit. arguments: of ``build``, whose defaults hold."""
    import keras
    from keras import layers

    read = layers.Input((tokens, clip.WIDTH))
    return keras.Model(read, head_of(read, **ARCHITECTURE.complete(arguments)))


def head_of(
    read: keras.KerasTensor, *, width, heads, key_dim, residual, hidden, dropout, tile_head, rank
) -> dict:
    """float32 (B, k, 768), the class tokens after the blocks of ``READ`` -> logit and attention. All that
    is trained: each token is normalised and projected by weights of its own, then comes the head that
    architectures share."""
    from keras import layers

    tokens, channels = read.shape[1:]
    normed = layers.LayerNormalization(epsilon=clip.EPSILON, name=NECK[0], dtype="float32")(read)
    if rank:
        require_size("rank", rank, clip.WIDTH // clip.HEADS)
        normed = low_rank.kept(normed, ADAPTED, clip.HEADS, clip.WIDTH, rank)
    project = layers.EinsumDense(
        "bkc,kcd->bkd", (tokens, width), bias_axes="kd", name="projected", dtype="float32"
    )
    features = layers.Reshape((1, tokens, width), name=NECK[-1])(project(normed))
    outputs = attach_attention_head(
        features, heads=heads, key_dim=key_dim, residual=residual, hidden=hidden, dropout=dropout
    )
    return outputs | (attach_tile_head(read) if tile_head else {})


def relevance(scores: list, attention: keras.KerasTensor | None, residual: bool) -> keras.KerasTensor:
    """float32 (B, 14, 14), sum 1: the rollout carried on through the head, which averages over its tokens."""
    from keras import ops

    rows = ops.stack([clip.rollout_rows(scores, last) for last in READ], axis=1)
    if attention is None:
        rolled = ops.mean(rows, axis=1)
    else:
        received = ops.mean(ops.mean(attention[:, 0], axis=1), axis=1)
        received = 0.5 * received + 0.5 / len(READ) if residual else received
        rolled = ops.squeeze(ops.matmul(received[:, None], rows), axis=1)
    shares = rolled / ops.sum(rolled, axis=-1, keepdims=True)
    return ops.reshape(shares, (-1, *clip.GRID))


def load_encoder(network: keras.Model, path: str | os.PathLike) -> None:
    """Give ``network`` the frozen encoder's weights, with what its own adapter adds to them. Raises OSError,
    and ValueError for a file that is no encoder."""
    arrays = encoder_weights.read(path)
    adapters = [layer for layer in network.layers if layer.name == low_rank.ADAPTER]
    try:
        for name, added in (pair for adapter in adapters for pair in low_rank.products(adapter)):
            arrays[f"{name}/kernel"] += added
        clip.assign(network, arrays, READ)
    except KeyError as missing:
        raise ValueError(f"it has no {missing}") from missing


ARCHITECTURE = Architecture(
    name="clip-vit-b16-attention",
    build=build,
    preprocessing=PREPROCESSING,
    neck=NECK,
    head=HEAD_LAYERS,
    feature_layer=NECK[-1],
    grid=clip.GRID,
    encoder=FrozenEncoder(
        file="clip-vit-b16.npz",
        tokens=(len(READ), clip.WIDTH),
        layer=NECK[0],
        head=head,
        load=load_encoder,
        upper=upper,
        block="clip_block{}",
    ),
    blocks=TransformerBlocks(
        tokens="clip_pre_norm",
        attention=tuple(f"clip_block{number}_attention" for number in range(max(READ) + 1)),
        grid=clip.GRID,
        read=READ,
    ),
)
