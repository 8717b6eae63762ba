"""One photo's way through a network, step by step, in numbers: what "How it works" shows.

What an architecture can show stands in its entry: an attention head (``head_walk``), a transformer's blocks
(``block_walk``), or both. The feature map comes from the network itself; the head is recomputed from the
network's own weights and compared with what the network answered. If the two differ, there is no walkthrough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.architectures import Architecture
from detector.architectures.attention_head import HEAD_LAYERS
from detector.bundle import Bundle
from detector.explain import block_walk
from detector.explain.head_walk import Walkthrough, tempered_softmax
from detector.explain.head_weights import HeadWeights, from_arrays
from detector.explain.picture_walk import PictureWalk, WalkedTile
from detector.images import Photo

if TYPE_CHECKING:
    from detector.classifier import Classifier
    from detector.engine import Engine

__all__ = ["Walkthrough", "WalkthroughError", "can_walk_through", "tempered_softmax", "walk_through"]

TOLERANCE = 0.01
"""How far the recomputed attention, and the logit in shares of all votes for and against, may be from the
network's. On a CPU they differ by less than 1e-5; a graphics card rounds its factors to 10 bits (TF32).
The steps of another network miss by far more."""


class WalkthroughError(ValueError):
    """The network cannot be walked through; the message is a sentence for the user."""


def has_head(architecture: Architecture) -> bool:
    """Whether it ends in the one attention head that ``head_walk`` describes, over the patches of a feature
    map or over a transformer's class tokens."""
    of_patches = architecture.tokens_have_places and architecture.blocks is None
    of_class_tokens = not architecture.tokens_have_places and architecture.blocks is not None
    return tuple(architecture.head) == HEAD_LAYERS and (of_patches or of_class_tokens)


def can_walk_through(bundle: Bundle) -> bool:
    """Whether the bundle's architecture has anything that these steps describe."""
    architecture = bundle.architecture
    return has_head(architecture) or architecture.blocks is not None


def walk_through(classifier: Classifier, photo: Photo | np.ndarray) -> PictureWalk:
    """Walk ``photo``, a :class:`Photo` or uint8 (H, W, 3) RGB, through the network. The first call per
    classifier compiles for some seconds.

    Returns a :class:`Walkthrough` where the network has an attention head. Raises WalkthroughError for an
    architecture with nothing to show, and if the recomputed steps miss what the network answers.
    """
    bundle = classifier.bundle
    architecture = bundle.architecture
    if not can_walk_through(bundle):
        raise WalkthroughError(
            f"The architecture {architecture.name} has no attention head over patches and no transformer's"
            " blocks whose steps could be shown."
        )
    if isinstance(photo, Photo):
        pixels, width, height = photo.pixels, photo.width, photo.height
    else:
        pixels = photo
        height, width = photo.shape[:2]
    views, tile_logits = classifier.views_and_tile_logits(pixels)
    image, regions = views[0], bundle.preprocessing.tile_regions(*pixels.shape[:2])
    outputs = _outputs(classifier.engine, image)
    blocks = block_walk.block_walk(architecture.blocks, outputs) if architecture.blocks else None
    of_picture: dict[str, Any] = {
        "bundle": bundle,
        "width": width,
        "height": height,
        "pixels": pixels,
        "canonical": bundle.preprocessing.canonical(pixels),
        "image": image,
        "region": bundle.preprocessing.region(*pixels.shape[:2]),
        "answered": float(outputs["logit"][0]),
        "tiles": tuple(map(WalkedTile, views[1:], regions, tile_logits.tolist())),
        "blocks": blocks,
    }
    if not has_head(architecture):
        return PictureWalk(**of_picture)
    engine = classifier.engine
    weights = from_arrays(engine.head_weights(), engine.bundle.residual, np.float32)
    if weights is None:
        raise WalkthroughError("The network's attention head has other weights than the steps shown here.")
    walk = _through_head(outputs["features"], weights, of_picture)
    return replace(walk, difference=_difference(walk, outputs))


def _outputs(engine: Engine, image: np.ndarray) -> dict[str, np.ndarray]:
    """What the network answers for one model input, and its insides, without the axis of the batch.

    Of a transformer all of it comes from one pass: on a machine that computes the blocks in bfloat16, two
    passes that were compiled apart differ by more than rounding.
    """
    if engine.bundle.architecture.blocks:
        outputs = engine.insides(image[None])
    else:
        outputs = engine.outputs(image[None])
    return {name: value[0] for name, value in outputs.items()}


def _through_head(features: np.ndarray, weights: HeadWeights, of_picture: Mapping[str, Any]) -> Walkthrough:
    """float32 (gh, gw, C), the head's tokens -> the head's steps. of_picture: fields of ``PictureWalk``."""
    tokens = features.reshape(-1, features.shape[-1])
    queries, keys, values = (
        np.einsum("nc,cmd->nmd", tokens, kernel) + bias
        for kernel, bias in (weights.query, weights.key, weights.value)
    )
    products = np.einsum("imd,jmd->mij", queries, keys)
    return Walkthrough(
        **of_picture,
        features=features,
        queries=queries,
        keys=keys,
        values=values,
        scores=products / np.sqrt(np.float32(queries.shape[-1])),
        weights=weights,
    )


def _difference(walk: Walkthrough, outputs: Mapping[str, np.ndarray]) -> float:
    """The largest absolute difference between the recomputed attention, logit or map and the network's own.
    Raises WalkthroughError where it is more than rounding."""
    attention = outputs.get("attention")
    if attention is None or attention.shape != (1, *walk.scores.shape):
        raise WalkthroughError("The network has attention of another shape than the steps shown here.")
    in_attention = float(np.abs(walk.attention - attention[0]).max())
    in_logit = abs(walk.logit - walk.answered)
    in_map = 0.0
    if "relevance" in outputs:
        in_map = float(np.abs(walk.heatmap.values - outputs["relevance"]).max())
    kernel, bias = walk.weights.logit
    votes = np.abs(walk.hidden * kernel[:, 0]).sum()
    votes += np.abs(bias[0])
    # Not divided by the votes: a picture that moves no hidden unit has none. A NaN is refused, too.
    same_logit = in_logit <= TOLERANCE * float(votes)
    if not (same_logit and max(in_attention, in_map) <= TOLERANCE):
        raise WalkthroughError(
            "The steps recomputed from the weights do not lead to what the network answers, so they are not"
            " shown."
        )
    return max(in_attention, in_logit, in_map)
