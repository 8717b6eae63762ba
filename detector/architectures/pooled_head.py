"""A linear classifier on the average of a feature map: the head of a network without attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

HEAD_LAYERS = ("pooled", "dropout", "logit")


def attach_pooled_head(features: keras.KerasTensor, *, dropout: float) -> dict:
    """(B, gh, gw, C) -> average over places -> dropout -> ``{"logit": (B, 1)}``, float32 whatever the dtype
    policy. A sigmoid that was published is folded into loss and calibration, as in
    ``attach_attention_head``."""
    from keras import layers

    x = layers.GlobalAveragePooling2D(name="pooled")(features)
    x = layers.Dropout(dropout, name="dropout")(x)
    return {"logit": layers.Dense(1, dtype="float32", name="logit")(x)}
