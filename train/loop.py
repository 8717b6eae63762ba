"""The two-stage training loop: a frozen backbone with early stopping, then fine-tuning at a lower rate.

Written against Keras alone, so it runs on TensorFlow, JAX and torch. The loop is explicit rather than ``fit`` with callbacks
because a run must be able to stop and resume at any step and continue on the very batches it would have seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np

from detector import architectures
from detector.datasets import Dataset
from detector.evaluation.calibration import sigmoid
from detector.evaluation.metrics import headline
from detector.images import ImageReadError
from train.checkpoints import Checkpoints, Position, mixed
from train.losses import AttentionFocus, attention_entropy
from train.pipeline import CanonicalImages, TrainingBatches, evaluation_batches
from train.recipes import Recipe, RecipeError, Stage, parse_unfreeze
from train.runs import RunDirectory, Stopped, TrainingFailed

STAGES = ("frozen", "finetune")
PROGRESS_SECONDS = 1.0
MAX_LOSS = 1e3
"""A coin toss has a loss of 0.7; beyond this a network no longer learns, though its loss may stay a number."""
DIVERGED = "training diverged. Start again with a lower learning_rate, more warmup_steps or a smaller clip_norm."


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

    def __post_init__(self):
        recipe = self.recipe
        self.architecture = architectures.get(recipe.architecture)
        self.size = self.architecture.preprocessing.size
        train_rows, self.val_rows = self.dataset.split("train"), self.dataset.split("val")
        val_share = len(self.val_rows) / (len(train_rows) + len(self.val_rows))
        train_images = CanonicalImages(self.dataset, train_rows, self.architecture.preprocessing, recipe.cache_gb * (1 - val_share))
        self.val_images = CanonicalImages(self.dataset, self.val_rows, self.architecture.preprocessing, recipe.cache_gb * val_share)
        self.batches = TrainingBatches(train_images, train_rows, recipe, self.size)
        self.checkpoints = Checkpoints(self.run.checkpoints)

    def train(self) -> keras.Model:
        """Train both stages; returns the network with the best weights of the last one.

        Raises Stopped, RecipeError or TrainingFailed, and ImageReadError if an image has become unreadable. A checkpoint is
        written before Stopped and ImageReadError.
        """
        self._check_monitors()
        position = self.checkpoints.position()
        resumed = position is not None
        self.position = position or Position()
        self.run.keep_metrics(self.position.epochs_done)
        keras.utils.set_random_seed(self.recipe.seed)
        self.network = self._build(pretrained=not resumed)

        while self.position.stage < len(STAGES):
            stage: Stage = getattr(self.recipe, STAGES[self.position.stage])
            if stage.epochs:
                model = self._compile(stage)
                if resumed:
                    self.checkpoints.load_into(model)
                    self.say(f"Resuming in stage {STAGES[self.position.stage]}, epoch {self.position.epoch + 1}, step {self.position.step}.")
                    resumed = False
                elif stage.keep_start:
                    self.checkpoints.save_start(self.network, self.position.stage)
                self._stage(model, stage)
                self._load_best(stage)
                best = f"best {stage.monitor} {abs(self.position.best):.4f} in epoch {self.position.best_epoch + 1}"
                self.say(f"Stage {STAGES[self.position.stage]} ends; {best}.")
            self.position = Position(stage=self.position.stage + 1, epochs_done=self.position.epochs_done)
        return self.network

    @property
    def backbone_layers(self) -> list[keras.Layer]:
        """The network's layers in neither neck nor head, first to last."""
        own = self.architecture.neck + self.architecture.head
        return [layer for layer in self.network.layers if layer.name not in own]

    def _check_monitors(self) -> None:
        """RecipeError, before hours are spent, if validation cannot give what a stage watches."""
        if self._paired_val().any():
            return
        for name in STAGES:
            stage: Stage = getattr(self.recipe, name)
            if stage.epochs and stage.monitor == "val_paired_auc":
                raise RecipeError(
                    f"{name}.monitor val_paired_auc cannot be watched: the validation split has no paired images of both classes. "
                    f"Set it to val_auc: --set {name}.monitor=val_auc"
                )

    def _build(self, pretrained: bool) -> keras.Model:
        weights = self.recipe.backbone_weights if pretrained and self.recipe.backbone_weights != "none" else None
        try:
            return self.architecture.build(weights, **self.recipe.architecture_arguments)
        except Exception as error:  # no such file, no network to download from, arguments that do not go together
            arguments = f"backbone_weights {weights} and architecture_arguments {self.recipe.architecture_arguments}"
            raise TrainingFailed(f"The network cannot be built with {arguments}: {error}") from error

    def _compile(self, stage: Stage) -> keras.Model:
        """The training model of a stage: the network's logit, with the stage's layers unfrozen and a fresh optimizer."""
        trainable = set(map(id, self.backbone_layers[parse_unfreeze(stage.unfreeze)]))
        for layer in self.backbone_layers:
            frozen_norm = stage.batch_norm == "frozen" and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = id(layer) in trainable and not frozen_norm
        options = {"learning_rate": learning_rate(stage, stage.epochs * self.batches.steps), "global_clipnorm": stage.clip_norm or None}
        if stage.ema_momentum:
            options |= {"use_ema": True, "ema_momentum": stage.ema_momentum}
        if stage.optimizer == "adamw":
            optimizer = keras.optimizers.AdamW(weight_decay=stage.weight_decay, **options)
        else:
            optimizer = keras.optimizers.Adam(**options)
        error = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=self.recipe.label_smoothing)
        metrics = [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0), keras.metrics.AUC(name="auc", from_logits=True)]
        if weight := self.recipe.attention_focus:
            losses = [error, AttentionFocus(self.recipe.attention_entropy)]
            model = keras.Model(self.network.input, [self.network.output["logit"], self.network.output["attention"]])
            model.compile(optimizer, losses, loss_weights=[1.0, weight], metrics=[metrics, [attention_entropy]])
        else:
            model = keras.Model(self.network.input, self.network.output["logit"])
            model.compile(optimizer, error, metrics=metrics)
        model.optimizer.build(model.trainable_variables)
        count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
        self.say(f"Stage {STAGES[self.position.stage]}: {count:,} trainable weights, {self.batches.steps} steps an epoch.")
        return model

    def _stage(self, model: keras.Model, stage: Stage) -> None:
        """Train until the stage's epochs or its patience are used up; its best weights are then in the checkpoints."""
        position = self.position
        while position.epoch < stage.epochs and position.epoch - max(position.best_epoch, 0) <= stage.patience:
            started = time.monotonic()
            try:
                training = self._epoch(model, stage)
                with averaged_weights(model, stage):
                    validation = self._validate(model)
                    value = validation[stage.monitor] * (-1 if stage.monitor == "val_loss" else 1)
                    if position.best is None or value > position.best:
                        position.best, position.best_epoch = value, position.epoch
                        self.checkpoints.save_best(self.network, position.stage)
            except (Stopped, ImageReadError):
                self.checkpoints.save(position, model)
                raise
            row = {
                "stage": STAGES[position.stage], "epoch": position.epoch + 1, **training, **validation,
                "learning_rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)), "seconds": time.monotonic() - started,
            }  # fmt: skip
            self.run.append_metrics(row)
            self.say("  ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()))
            position.epoch, position.step, position.sums = position.epoch + 1, 0, {}
            position.epochs_done += 1
            self.checkpoints.save(position, model)

    def _load_best(self, stage: Stage) -> None:
        """Put the stage's best weights into the network, with the share of its first ones that the recipe keeps."""
        if stage.keep_start:
            self.checkpoints.load_start_into(self.network, self.position.stage)
            start = self.network.get_weights()
        self.checkpoints.load_best_into(self.network, self.position.stage)
        if stage.keep_start:
            self.network.set_weights(mixed([start, self.network.get_weights()], [stage.keep_start, 1 - stage.keep_start]))

    def _epoch(self, model: keras.Model, stage: Stage) -> dict[str, float]:
        """The rest of the current epoch, from ``position.step`` on; returns its training metrics: means over batches
        (for AUC, over the batches that hold both classes). Raises Stopped after the step during which that was asked for."""
        position = self.position
        batches = self.batches.epoch(position.stage, position.epoch, position.step)
        started = last_progress = last_checkpoint = time.monotonic()
        first_step = position.step
        try:
            for images, labels in batches:
                model.reset_metrics()  # Keras 3.12 would go on adding up
                targets = labels if len(model.outputs) == 1 else [labels] * len(model.outputs)
                logs = model.train_on_batch(images.astype(np.float32), targets, return_dict=True)
                if len(model.outputs) > 1:  # Keras then puts an output's name before its figures; the loss is the verdict's alone
                    logit, attention = model.output_names
                    logs = {name: logs[f"{logit}_{name}"] for name in ("accuracy", "auc", "loss")} | {
                        "attention_entropy": logs[f"{attention}_attention_entropy"]
                    }
                if not logs["loss"] < MAX_LOSS:  # too high, or not a number
                    raise TrainingFailed(f"The loss is {logs['loss']:.3g}: {DIVERGED}")
                position.step += 1
                if len(np.unique(labels)) < 2:
                    del logs["auc"]
                for name, value in logs.items():
                    total, count = position.sums.get(name, (0.0, 0))
                    position.sums[name] = (total + float(value), count + 1)
                if self.should_stop():
                    raise Stopped
                now = time.monotonic()
                if now - last_progress > PROGRESS_SECONDS or position.step == self.batches.steps:
                    self._progress(stage, float(logs["loss"]), (position.step - first_step) / (now - started))
                    last_progress = now
                if now - last_checkpoint > 60 * self.recipe.checkpoint_minutes:
                    self.checkpoints.save(position, model)
                    last_checkpoint = now
        finally:
            batches.close()
        names = ("accuracy", "auc", "loss", *(["attention_entropy"] if self.recipe.attention_focus else []))
        sums = {name: position.sums.get(name, (math.nan, 1)) for name in names}
        return {name: total / count for name, (total, count) in sums.items()}

    def _progress(self, stage: Stage, loss: float, steps_per_second: float) -> None:
        position, steps = self.position, self.batches.steps
        left_in_stage = (stage.epochs - position.epoch) * steps - position.step
        later = sum(getattr(self.recipe, name).epochs for name in STAGES[position.stage + 1 :]) * steps
        self.run.write("progress.json", {
            "stage": STAGES[position.stage], "epoch": position.epoch + 1, "epochs": stage.epochs, "step": position.step, "steps": steps,
            "images_per_second": round(steps_per_second * self.recipe.batch_size, 2), "loss": loss,
            "seconds_left_at_most": round((left_in_stage + later) / max(steps_per_second, 1e-9)),
        })  # fmt: skip

    def _validate(self, model: keras.Model) -> dict[str, float]:
        """val_* metrics of uncalibrated scores at 0.5; val_paired_auc where the split has paired rows of both classes."""
        batches = evaluation_batches(self.val_images, self.size, self.recipe.batch_size, self.recipe.workers)
        logits = predict_logits(model, batches, self.should_stop)
        if not np.isfinite(logits).all():
            raise TrainingFailed(f"The network's output is no longer a number: {DIVERGED}")
        y_true, y_score = self.val_rows["y_true"].to_numpy(), sigmoid(logits)
        measured = headline(y_true, y_score, 0.5)
        result = {
            "val_loss": measured["log_loss"], "val_accuracy": measured["accuracy"],
            "val_balanced_accuracy": measured["balanced_accuracy"], "val_auc": measured["roc_auc"],
        }  # fmt: skip
        paired = self._paired_val()
        if paired.any():
            result["val_paired_auc"] = headline(y_true[paired], y_score[paired], 0.5)["roc_auc"]
        return result

    def _paired_val(self) -> np.ndarray:
        """bool (N,): the validation rows that are paired; none if those are all of one class."""
        paired = self.val_rows["paired"].to_numpy(bool)
        return paired & (self.val_rows["y_true"][paired].nunique() == 2)


@contextmanager
def averaged_weights(model: keras.Model, stage: Stage) -> Iterator[None]:
    """Within, the model has the moving average of its weights; nothing changes for a stage without one."""
    if not stage.ema_momentum:
        yield
        return
    swap = keras.callbacks.SwapEMAWeights()
    swap.set_model(model)
    swap.on_test_begin()
    try:
        yield
    finally:
        swap.on_test_end()


def learning_rate(stage: Stage, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The rate of a stage of at most ``steps`` steps: a linear rise from 0 where there is a warm-up, then constant or down a cosine to 0."""
    rate, warmup = stage.learning_rate, stage.warmup_steps
    if stage.schedule == "constant" and not warmup:
        return rate
    lowest = 0.0 if stage.schedule == "cosine" else 1.0  # as a share of the highest: 1 makes Keras's cosine a constant
    rise = {"warmup_target": rate, "warmup_steps": warmup} if warmup else {}
    return keras.optimizers.schedules.CosineDecay(0.0 if warmup else rate, max(steps - warmup, 1), alpha=lowest, **rise)


def predict_logits(model: keras.Model, batches: Iterator[np.ndarray], should_stop: Callable[[], bool]) -> np.ndarray:
    """float32 (N,) logits of a model whose output is the logit, a list that begins with it or a dict that holds it.

    Raises Stopped if should_stop() says so in between.
    """
    logits = [np.empty(0, np.float32)]
    for images in batches:
        if should_stop():
            raise Stopped
        output = model.predict_on_batch(images.astype(np.float32))
        output = output["logit"] if isinstance(output, dict) else output[0] if isinstance(output, list) else output
        logits.append(keras.ops.convert_to_numpy(output)[:, 0])
    return np.concatenate(logits).astype(np.float32)
