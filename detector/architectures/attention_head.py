"""Self-attention over a convolutional feature map, and the classifier on top: the part architectures
share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

TILE_LOGIT = "tile_logit"
"""Output of the second head, which judges tiles, and its last layer."""
TILE_LAYERS = ("tile_pooled", "tile_features", TILE_LOGIT)
"""Names of the layers of a second head."""
HEAD_LAYERS = ("tokens", "attention", "attended", "attention_scores", "pooled", "hidden", "dropout", "logit")


def attach_attention_head(
    features: keras.KerasTensor, *, heads: int, key_dim: int, residual: bool, hidden: int, dropout: float
) -> dict:
    """Tokens -> multi-head self-attention (Vaswani et al. 2017) -> average over tokens -> Dense ReLU ->
    dropout -> logit.

    features: (B, gh, gw, C). Returns ``{"logit": (B, 1), "attention": (B, 1, heads, n, n)}`` with n = gh *
    gw. The published network ends in a sigmoid; it is folded into the loss (``from_logits``) and the
    calibration, which is the same function and does not saturate. Both outputs are float32 whatever the dtype
    policy. With no heads there is no attention and no output of it: the same classifier on the average of the
    tokens, for comparison.
    """
    from keras import layers

    height, width, channels = features.shape[1:]
    tokens = layers.Reshape((height * width, channels), name="tokens")(features)
    outputs, attended = {}, tokens
    if heads:
        attention = layers.MultiHeadAttention(heads, key_dim, name="attention")
        attended, scores = attention(tokens, tokens, return_attention_scores=True)
        if residual:
            attended = layers.Add(name="attended")([tokens, attended])
        n = height * width
        outputs["attention"] = layers.Reshape((1, heads, n, n), dtype="float32", name="attention_scores")(
            scores
        )
    x = layers.GlobalAveragePooling1D(name="pooled")(attended)
    x = layers.Dense(hidden, activation="relu", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return {"logit": layers.Dense(1, dtype="float32", name="logit")(x), **outputs}


def attach_tile_head(read: keras.KerasTensor) -> dict:
    """A head for pictures at their own scale: a linear function of what the head of the whole reads, float32
    (B, ...) -> ``{"tile_logit": (B, 1)}``, float32. So the mean over a picture's tiles is the logit of their
    mean. It is fitted by itself (`train.linear_head`), not by gradients with the rest."""
    from keras import layers

    flat = layers.Flatten(name="tile_features")(read)
    return {TILE_LOGIT: layers.Dense(1, dtype="float32", name=TILE_LOGIT, trainable=False)(flat)}
