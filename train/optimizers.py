"""The optimizer of a stage and the course of its learning rate."""

from __future__ import annotations

from typing import Any

import keras

from train.recipes import Stage


class AdamL2(keras.optimizers.Adam):
    """Adam with the weights, times ``l2``, added to their gradients: the weight decay of PyTorch's ``Adam``,
    where AdamW takes it off the weights themselves (Loshchilov & Hutter, ICLR 2019)."""

    def __init__(self, *, l2: float, **options: Any):
        super().__init__(**options)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        decay = self.l2 * keras.ops.convert_to_tensor(variable)
        super().update_step(gradient + keras.ops.cast(decay, gradient.dtype), variable, learning_rate)


def optimizer(stage: Stage, steps: int) -> keras.optimizers.Optimizer:
    """A fresh one for a stage of at most ``steps`` steps."""
    options: dict[str, Any] = {
        "learning_rate": learning_rate(stage, steps),
        "global_clipnorm": stage.clip_norm or None,
    }
    if stage.ema_momentum:
        options |= {"use_ema": True, "ema_momentum": stage.ema_momentum}
    if stage.optimizer == "adamw":
        return keras.optimizers.AdamW(weight_decay=stage.weight_decay, **options)
    if stage.weight_decay:
        return AdamL2(l2=stage.weight_decay, **options)
    return keras.optimizers.Adam(**options)


def learning_rate(stage: Stage, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The rate of a stage of at most ``steps`` steps: a linear rise from 0 where there is a warm-up, then
    constant or down a cosine to 0; or multiplied by ``epoch_decay`` after every epoch."""
    rate, warmup = stage.learning_rate, stage.warmup_steps
    if stage.schedule == "exponential":
        epoch = max(steps // stage.epochs, 1)
        return keras.optimizers.schedules.ExponentialDecay(rate, epoch, stage.epoch_decay, staircase=True)
    if stage.schedule == "constant" and not warmup:
        return rate
    # As a share of the highest: 1 makes Keras's cosine a constant.
    lowest = 0.0 if stage.schedule == "cosine" else 1.0
    rise = {"warmup_target": rate, "warmup_steps": warmup} if warmup else {}
    first, decay = 0.0 if warmup else rate, max(steps - warmup, 1)
    return keras.optimizers.schedules.CosineDecay(first, decay, alpha=lowest, **rise)
