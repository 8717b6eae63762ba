"""What training minimises besides the error of the verdict."""

from __future__ import annotations

import keras
from keras import ops


def attention_entropy(y_true: keras.KerasTensor, attention: keras.KerasTensor) -> keras.KerasTensor:
    """How evenly the patches of each picture are attended to: (B,), from 0, all attention on one patch, to 1,
    the same on each.

    attention: (B, layers, heads, n, n), rows summing to 1; n at least 2. The entropy of h_j = mean over
    layers, heads and i of A_ij, over log n. y_true is not looked at.
    """
    received = ops.mean(attention, axis=(1, 2, 3))
    patches = float(received.shape[-1])
    entropy = -ops.sum(received * ops.log(received + 1e-9), axis=-1)
    return entropy / ops.log(patches)


class _ByLabels:
    """A metric of logits, (B, 1), by the labels that soft targets are on the side of, see
    ``pipeline.targets``."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(labels_of(y_true), y_pred, sample_weight)  # type: ignore[misc]


class Accuracy(_ByLabels, keras.metrics.BinaryAccuracy):
    def __init__(self):
        super().__init__(name="accuracy", threshold=0.0)


class AUC(_ByLabels, keras.metrics.AUC):
    def __init__(self):
        super().__init__(name="auc", from_logits=True)


def labels_of(targets: keras.KerasTensor) -> keras.KerasTensor:
    """0 or 1, as floats of the same shape."""
    return ops.cast(targets > 0.5, "float32")


class AttentionFocus(keras.losses.Loss):
    """By how much ``attention_entropy`` is above ``target``. Minimising it is the entropy minimisation of
    Grandvalet & Bengio (NeurIPS 2004), of the attention instead of the classes; the target keeps it from
    ending on a single patch.
    """

    def __init__(self, target: float):
        super().__init__(name="attention_focus")
        self.target = target

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        return ops.relu(attention_entropy(y_true, y_pred) - self.target)
