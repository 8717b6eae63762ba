"""The two-stage training loop: a frozen backbone with early stopping, then fine-tuning at a lower rate.

Written against Keras alone, so it runs on TensorFlow, JAX and torch. The loop is explicit rather than ``fit`` with callbacks
because a run must be able to stop and resume at any step and continue on the very batches it would have seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector import architectures
from detector.datasets import Dataset
from detector.evaluation.calibration import sigmoid
from detector.evaluation.metrics import headline
from train.checkpoints import Checkpoints, Position
from train.pipeline import CanonicalImages, TrainingBatches, evaluation_batches
from train.recipes import Recipe, Stage, parse_unfreeze
from train.runs import RunDirectory

STAGES = ("frozen", "finetune")
PROGRESS_SECONDS = 1.0


class TrainingFailed(RuntimeError):
    """Training cannot go on; the message says why and what to try."""


class Stopped(Exception):
    """A stop was asked for; a checkpoint has been written."""


@dataclass
class Loop:
    """One run's training, from wherever its last checkpoint left off.

    should_stop() is asked after every step; say() prints a line to the log.
    """

    run: RunDirectory
    recipe: Recipe
    dataset: Dataset
    should_stop: Callable[[], bool]
    say: Callable[[str], None]

    def train(self):
        """Train both stages; returns the network with the best weights of the last one. Raises Stopped or TrainingFailed."""
        import keras

        architecture = architectures.get(self.recipe.architecture)
        self.checkpoints = Checkpoints(self.run.checkpoints)
        position = self.checkpoints.position()
        resumed = position is not None
        self.position = position or Position()
        self.run.keep_metrics(self.position.epochs_done)
        keras.utils.set_random_seed(self.recipe.seed)
        backbone_weights = None if resumed or self.recipe.backbone_weights == "none" else self.recipe.backbone_weights
        self.network = architecture.build(backbone_weights, **self.recipe.architecture_arguments)
        self.backbone_layers = [layer for layer in self.network.layers if layer.name not in architecture.head]

        train_rows, val_rows = self.dataset.split("train"), self.dataset.split("val")
        size, cache_gb = architecture.preprocessing.size, self.recipe.cache_gb
        val_share = len(val_rows) / (len(train_rows) + len(val_rows))
        train_images = CanonicalImages(self.dataset, train_rows, architecture.preprocessing, cache_gb * (1 - val_share))
        self.val_images = CanonicalImages(self.dataset, val_rows, architecture.preprocessing, cache_gb * val_share)
        self.val_rows, self.size = val_rows, size
        self.batches = TrainingBatches(train_images, train_rows, self.recipe, size)

        while self.position.stage < len(STAGES):
            stage: Stage = getattr(self.recipe, STAGES[self.position.stage])
            if stage.epochs:
                model = self._compile(keras, stage)
                if resumed:
                    self.checkpoints.load_into(model)
                    self.say(f"Resuming in stage {STAGES[self.position.stage]}, epoch {self.position.epoch + 1}, step {self.position.step}.")
                    resumed = False
                self._stage(model, stage)
                self.checkpoints.load_best_into(self.network, self.position.stage)
                self.say(f"Stage {STAGES[self.position.stage]} ends; best {stage.monitor} {abs(self.position.best):.4f} in epoch {self.position.best_epoch + 1}.")
            self.position = Position(stage=self.position.stage + 1, epochs_done=self.position.epochs_done)
        return self.network

    def _compile(self, keras, stage: Stage):
        """The training model of a stage: the network's logit, with the stage's layers unfrozen and a fresh optimizer."""
        trainable = set(map(id, self.backbone_layers[parse_unfreeze(stage.unfreeze)]))
        for layer in self.backbone_layers:
            frozen_norm = stage.batch_norm == "frozen" and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = id(layer) in trainable and not frozen_norm
        rate = stage.learning_rate
        if stage.schedule == "cosine":
            total = stage.epochs * self.batches.steps
            warmup = {"warmup_target": rate, "warmup_steps": stage.warmup_steps} if stage.warmup_steps else {}
            start = 0.0 if stage.warmup_steps else rate
            rate = keras.optimizers.schedules.CosineDecay(start, max(total - stage.warmup_steps, 1), **warmup)
        options = {"learning_rate": rate, "global_clipnorm": stage.clip_norm or None}
        if stage.optimizer == "adamw":
            optimizer = keras.optimizers.AdamW(weight_decay=stage.weight_decay, **options)
        else:
            optimizer = keras.optimizers.Adam(**options)
        model = keras.Model(self.network.input, self.network.output["logit"])
        model.compile(
            optimizer,
            keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=self.recipe.label_smoothing),
            metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0), keras.metrics.AUC(name="auc", from_logits=True)],
        )
        model.optimizer.build(model.trainable_variables)
        count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
        self.say(f"Stage {STAGES[self.position.stage]}: {count:,} trainable weights, {self.batches.steps} steps an epoch.")
        return model

    def _stage(self, model, stage: Stage) -> None:
        position = self.position
        while position.epoch < stage.epochs and position.epoch - max(position.best_epoch, 0) <= stage.patience:
            started = time.monotonic()
            logs = self._epoch(model, stage)
            validation = self._validate(model)
            if stage.monitor not in validation:
                raise TrainingFailed(f"{stage.monitor} cannot be watched: the validation split has no paired rows of both classes. Set monitor to val_auc.")
            value = validation[stage.monitor] * (-1 if stage.monitor == "val_loss" else 1)
            if position.best is None or value > position.best:
                position.best, position.best_epoch = value, position.epoch
                self.checkpoints.save_best(self.network, position.stage)
            row = {
                "stage": STAGES[position.stage], "epoch": position.epoch + 1, **logs, **validation,
                "learning_rate": float(np.asarray(keras_value(model.optimizer.learning_rate))), "seconds": time.monotonic() - started,
            }  # fmt: skip
            self.run.append_metrics(row)
            self.say("  ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))
            position.epoch, position.step, position.sums = position.epoch + 1, 0, {}
            position.epochs_done += 1
            self.checkpoints.save(position, model)
            if self.should_stop():
                raise Stopped

    def _epoch(self, model, stage: Stage) -> dict[str, float]:
        """The rest of the current epoch, from ``position.step`` on; returns its training metrics: means over batches
        (for AUC, over the batches that hold both classes)."""
        position = self.position
        batches = self.batches.epoch(position.stage, position.epoch, position.step)
        started = last_progress = last_checkpoint = time.monotonic()
        first_step = position.step
        try:
            for images, labels in batches:
                logs = model.train_on_batch(images.astype(np.float32), labels, return_dict=True)
                position.step += 1
                if len(np.unique(labels)) < 2:
                    del logs["auc"]
                for name, value in logs.items():
                    total, count = position.sums.get(name, (0.0, 0))
                    position.sums[name] = (total + float(value), count + 1)
                if not math.isfinite(logs["loss"]):
                    raise TrainingFailed("The loss is no longer a number: training diverged. Try a lower learning rate, warmup_steps or clip_norm.")
                now = time.monotonic()
                if now - last_progress > PROGRESS_SECONDS or position.step == self.batches.steps:
                    self._progress(stage, float(logs["loss"]), (position.step - first_step) / (now - started))
                    last_progress = now
                stop = self.should_stop() and position.step < self.batches.steps
                if stop or now - last_checkpoint > 60 * self.recipe.checkpoint_minutes:
                    self.checkpoints.save(position, model)
                    last_checkpoint = now
                if stop:
                    raise Stopped
        finally:
            batches.close()
        return {name: total / count for name, (total, count) in sorted(position.sums.items())}

    def _progress(self, stage: Stage, loss: float, steps_per_second: float) -> None:
        position, steps = self.position, self.batches.steps
        left_in_stage = (stage.epochs - position.epoch) * steps - position.step
        later = sum(getattr(self.recipe, name).epochs for name in STAGES[position.stage + 1 :]) * steps
        self.run.write("progress.json", {
            "stage": STAGES[position.stage], "epoch": position.epoch + 1, "epochs": stage.epochs, "step": position.step, "steps": steps,
            "images_per_second": round(steps_per_second * self.recipe.batch_size, 2), "loss": loss,
            "seconds_left_at_most": round((left_in_stage + later) / max(steps_per_second, 1e-9)),
        })  # fmt: skip

    def _validate(self, model) -> dict[str, float]:
        """val_* metrics of uncalibrated scores at 0.5; val_paired_auc where the split has paired rows of both classes."""
        logits = predict_logits(model, evaluation_batches(self.val_images, self.size, self.recipe.batch_size, self.recipe.workers))
        y_true, y_score = self.val_rows["y_true"].to_numpy(), sigmoid(logits)
        measured = headline(y_true, y_score, 0.5)
        result = {
            "val_loss": measured["log_loss"], "val_accuracy": measured["accuracy"],
            "val_balanced_accuracy": measured["balanced_accuracy"], "val_auc": measured["roc_auc"],
        }  # fmt: skip
        paired = self.val_rows["paired"].to_numpy(bool)
        if len(np.unique(y_true[paired])) == 2:
            result["val_paired_auc"] = headline(y_true[paired], y_score[paired], 0.5)["roc_auc"]
        return result


def predict_logits(model, batches) -> np.ndarray:
    """float32 (N,) logits of a model whose output is the logit or a dict holding it."""
    import keras

    logits = []
    for images in batches:
        output = model.predict_on_batch(images.astype(np.float32))
        output = output["logit"] if isinstance(output, dict) else output
        logits.append(keras.ops.convert_to_numpy(output)[:, 0])
    return np.concatenate(logits).astype(np.float32)


def keras_value(value):
    """A Keras variable or tensor as a NumPy value."""
    import keras

    return keras.ops.convert_to_numpy(value)
