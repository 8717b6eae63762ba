"""The two-stage training loop: a frozen backbone with early stopping, then fine-tuning at a lower rate.

Written against Keras alone, so it runs on TensorFlow, JAX and torch. The loop is explicit rather than ``fit``
with callbacks because a run must be able to stop and resume at any step and continue on the very batches it
would have seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from detector import architectures
from detector.datasets import Dataset
from detector.images import ImageReadError
from detector.shipped_backbone import copy_shipped_backbone
from train.checkpoints import Checkpoints, Position, mixed
from train.data_parallel import training_model
from train.loss_trace import LossTrace
from train.losses import AUC, Accuracy, AttentionFocus, attention_entropy
from train.optimizers import optimizer
from train.pipeline import CanonicalImages, TrainingBatches, evaluation_batches
from train.recipes import STAGES, Recipe, RecipeError, Stage, StageName, parse_unfreeze
from train.runs import RunDirectory, Stopped, TrainingFailed, batch_in_words, uneven_batch
from train.validation import higher_is_better, paired_of_both_classes, validation_figures

PROGRESS_SECONDS = 1.0
VERDICT_FIGURES = ("accuracy", "auc", "loss")
"""What training measures of the verdict, besides the attention."""
MAX_LOSS = 1e3
"""A coin toss has a loss of 0.7; beyond this a network no longer learns, though its loss may stay a
number."""
DIVERGED = (
    "training diverged. Start again with a lower learning_rate, more warmup_steps or a smaller clip_norm."
)

NO_DOWNLOAD = (
    "If ImageNet's weights cannot be downloaded here, start again with other backbone_weights: shipped (the"
    " backbone of the model that ships), the path of a file, or none."
)
FETCHED_ELSEWHERE = "The file may be {} as another machine has fetched it."


@dataclass
class Loop:
    """One run's training, from wherever its last checkpoint left off.

    should_stop() is asked after every step; say() prints a line to the log. on_first_step() is called when
    the first step is done: whatever starts up has started then. devices: the GPUs that share every batch, as
    TensorFlow calls them; none where one does all of it.
    """

    run: RunDirectory
    recipe: Recipe
    dataset: Dataset
    should_stop: Callable[[], bool]
    say: Callable[[str], None]
    on_first_step: Callable[[], None] = lambda: None
    devices: Sequence[str] = ()

    def __post_init__(self) -> None:
        recipe = self.recipe
        self.architecture = architectures.get(recipe.architecture)
        preprocessing = self.architecture.preprocessing
        self.size = preprocessing.size
        train_rows, self.val_rows = self.dataset.split("train"), self.dataset.split("val")
        val_share = len(self.val_rows) / (len(train_rows) + len(self.val_rows))
        for_val = recipe.cache_gb * val_share
        for_train = recipe.cache_gb - for_val
        train_images = CanonicalImages(self.dataset, train_rows, preprocessing, for_train)
        self.val_images = CanonicalImages(self.dataset, self.val_rows, preprocessing, for_val)
        self.batches = TrainingBatches(train_images, train_rows, recipe, self.size)
        self.checkpoints = Checkpoints(self.run.checkpoints)
        self.loss_trace = LossTrace(self.run)

    def train(self) -> keras.Model:
        """Train both stages; returns the network with the best weights of the last one, or of the frozen
        stage if fine-tuning did not get as far by the figure that both watch.

        Raises Stopped, RecipeError or TrainingFailed, and ImageReadError if an image has become unreadable. A
        checkpoint is written before Stopped and ImageReadError.
        """
        self._check_shares()
        self._check_monitors()
        position = self.checkpoints.position()
        resumed = position is not None
        self.position = position or Position()
        self.run.keep_metrics(self.position.epochs_done)
        self.run.keep_steps(self._epochs_done())
        keras.utils.set_random_seed(self.recipe.seed)
        self.network = self._build(pretrained=not resumed)

        while self.position.stage < len(STAGES):
            stage = self.recipe.stage(self.stage_name)
            if stage.epochs:
                model = self._compile(stage)
                if resumed:
                    self._continue(model)
                    resumed = False
                elif stage.keep_start:
                    self.checkpoints.save_start(self.network, self.position.stage)
                self._stage(model, stage)
                self._load_best(stage, self.position.stage)
                value, epoch = abs(self.position.best or 0.0), self.position.best_epoch + 1
                best = f"best {stage.monitor} {value:.4f} in epoch {epoch}"
                self.say(f"Stage {self.stage_name} ends; {best}.")
                if self._frozen_was_better():
                    self._load_best(self.recipe.frozen, STAGES.index(StageName.FROZEN))
                    self.say("The weights of the frozen stage are kept: they did better.")
            self.position = self._next_stage()
        return self.network

    def _next_stage(self) -> Position:
        """Where the next stage begins."""
        frozen, finetune = self.recipe.frozen, self.recipe.finetune
        comparable = self.stage_name == StageName.FROZEN and frozen.monitor == finetune.monitor
        return Position(
            stage=self.position.stage + 1,
            epochs_done=self.position.epochs_done,
            seconds=self.position.seconds,
            frozen_best=self.position.best if comparable else None,
        )

    def _frozen_was_better(self) -> bool:
        """Whether fine-tuning, which has ended, did not get as far as the frozen stage before it."""
        before, now = self.position.frozen_best, self.position.best
        return before is not None and now is not None and before > now

    def _continue(self, model: keras.Model) -> None:
        """Go on from the last checkpoint."""
        self.checkpoints.load_into(model)
        epoch, step = self.position.epoch + 1, self.position.step
        self.say(f"Resuming in stage {self.stage_name}, epoch {epoch}, step {step}.")

    @property
    def stage_name(self) -> StageName:
        """The stage that the run is in."""
        return STAGES[self.position.stage]

    @property
    def backbone_layers(self) -> list[keras.Layer]:
        """The network's layers in neither neck nor head, first to last."""
        own = self.architecture.own_layers
        return [layer for layer in self.network.layers if layer.name not in own]

    def _check_shares(self) -> None:
        """RecipeError if the GPUs cannot share a batch evenly."""
        if problem := uneven_batch(self.recipe.batch_size, len(self.devices)):
            raise RecipeError(problem)

    def _check_monitors(self) -> None:
        """RecipeError, before hours are spent, if validation cannot give what a stage watches."""
        if paired_of_both_classes(self.val_rows).any():
            return
        for name in STAGES:
            stage = self.recipe.stage(name)
            if stage.epochs and stage.monitor == "val_paired_auc":
                raise RecipeError(
                    f"{name}.monitor val_paired_auc cannot be watched: the validation split has no paired"
                    f" images of both classes. Set it to val_auc: --set {name}.monitor=val_auc"
                )

    def _build(self, pretrained: bool) -> keras.Model:
        weights, arguments = self.recipe.backbone_weights, self.recipe.architecture_arguments
        weights = weights if pretrained else "none"
        try:
            network = self.architecture.build(
                None if weights in ("none", "shipped") else weights, **arguments
            )
            if weights == "shipped":
                copy_shipped_backbone(network, self.architecture)
                self.say(
                    "The backbone starts from the model that ships: its training pictures are no fair test."
                )
            elif weights == "imagenet" and self.architecture.published:
                self.say(f"The backbone starts from {self.architecture.published.credit}.")
            return network
        except Exception as error:  # no such file, nothing to download from, arguments that do not agree
            ways_out = f" {self._without_download()}" if weights == "imagenet" else ""
            settings = f"backbone_weights {weights} and architecture_arguments {arguments}"
            raise TrainingFailed(f"The network cannot be built with {settings}: {error}{ways_out}") from error

    def _without_download(self) -> str:
        published = self.architecture.published
        return f"{NO_DOWNLOAD} {FETCHED_ELSEWHERE.format(published.address)}" if published else NO_DOWNLOAD

    def _compile(self, stage: Stage) -> keras.Model:
        """The training model of a stage: the network's logit, with the stage's layers unfrozen and a fresh
        optimizer."""
        chosen = parse_unfreeze(stage.unfreeze)
        assert chosen is not None, "the recipe was checked"
        trainable = set(map(id, self.backbone_layers[chosen]))
        for layer in self.backbone_layers:
            frozen_norm = stage.batch_norm == "frozen" and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = id(layer) in trainable and not frozen_norm
            if stage.batch_norm_momentum and isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = stage.batch_norm_momentum
        chosen_optimizer = optimizer(stage, stage.epochs * self.batches.steps)
        error = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=self.recipe.label_smoothing)
        metrics = [Accuracy(), AUC()]
        logit = self.network.output["logit"]
        xla: Any = False if len(self.devices) > 1 else "auto"
        if weight := self.recipe.attention_focus:
            losses = [error, AttentionFocus(self.recipe.attention_entropy)]
            of_each = [metrics, [attention_entropy]]
            outputs = [logit, self.network.output["attention"]]
            model = training_model(self.network.input, outputs, self.devices)
            model.compile(
                chosen_optimizer, losses, loss_weights=[1.0, weight], metrics=of_each, jit_compile=xla
            )
        else:
            model = training_model(self.network.input, logit, self.devices)
            model.compile(chosen_optimizer, error, metrics=metrics, jit_compile=xla)
        model.optimizer.build(model.trainable_variables)
        count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
        steps = self.batches.steps
        self.say(
            f"Stage {self.stage_name}: {count:,} trainable weights, {steps} steps an epoch,"
            f" {batch_in_words(self.recipe.batch_size, len(self.devices))} a step, learning rate"
            f" {stage.learning_rate:g}."
        )
        return model

    def _stage(self, model: keras.Model, stage: Stage) -> None:
        """Train until the stage's epochs or its patience are used up; its best weights are then in the
        checkpoints."""
        position = self.position
        while self._goes_on(stage):
            try:
                training = self._epoch(model, stage)
                with averaged_weights(model, stage), self._timed():
                    validation = self._validate(model)
                    value = higher_is_better(stage.monitor, validation)
                    if position.best is None or value > position.best:
                        position.best, position.best_epoch = value, position.epoch
                        self.checkpoints.save_best(self.network, position.stage)
            except (Stopped, ImageReadError):
                self.checkpoints.save(position, model)
                raise
            row = {
                "stage": self.stage_name,
                "epoch": position.epoch + 1,
                **training,
                **validation,
                "learning_rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)),
                "seconds": position.epoch_seconds,
            }
            self.run.append_metrics(row | {"steps": self.batches.steps})
            self.say("  ".join(map(_figure, row.items())))
            position.epoch, position.step, position.sums = position.epoch + 1, 0, {}
            position.seconds, position.epoch_seconds = position.seconds + position.epoch_seconds, 0.0
            position.epochs_done += 1
            self.checkpoints.save(position, model)

    def _goes_on(self, stage: Stage) -> bool:
        """Whether neither the stage's epochs, nor its patience, nor its time are used up."""
        waited = self.position.epoch - max(self.position.best_epoch, 0)
        patient = self.position.epoch < stage.epochs and waited <= stage.patience
        begun = self.position.epoch > 0  # a stage without any epoch would leave nothing to keep
        return patient and not (begun and self._time_is_up())

    def _time_is_up(self) -> bool:
        """Whether the recipe limits the minutes, and those of the stages up to this one are over."""
        epochs = [self.recipe.stage(name).epochs for name in STAGES]
        share = sum(epochs[: self.position.stage + 1]) / sum(epochs)
        limit = 60 * self.recipe.max_minutes * share
        return 0 < limit <= self.position.seconds + self.position.epoch_seconds

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """What goes on within counts as training time."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.position.epoch_seconds += time.monotonic() - began

    def _load_best(self, stage: Stage, number: int) -> None:
        """Put a stage's best weights into the network, with the share of its first ones that the recipe
        keeps. number: of the stage, as in ``Position``."""
        if stage.keep_start:
            self.checkpoints.load_start_into(self.network, number)
            start = self.network.get_weights()
        self.checkpoints.load_best_into(self.network, number)
        if stage.keep_start:
            shares = [stage.keep_start, 1 - stage.keep_start]
            self.network.set_weights(mixed([start, self.network.get_weights()], shares))

    def _epoch(self, model: keras.Model, stage: Stage) -> dict[str, float]:
        """The rest of the current epoch, from ``position.step`` on, or of the stage's time; returns its
        training metrics: means over batches (for AUC, over the batches that hold both classes). Raises
        Stopped after the step during which that was asked for."""
        position = self.position
        batches = self.batches.epoch(position.stage, position.epoch, position.step)
        started = last_step = last_progress = last_checkpoint = time.monotonic()
        first_step = position.step
        try:
            for images, targets in batches:
                logs = _train_on_batch(model, images, targets)
                if not logs["loss"] < MAX_LOSS:  # too high, or not a number
                    raise TrainingFailed(f"The loss is {logs['loss']:.3g}: {DIVERGED}")
                position.step += 1
                if position.step == first_step + 1:
                    self.on_first_step()
                self.loss_trace.add(self._epochs_done(), self.stage_name, float(logs["loss"]))
                if len(np.unique(targets > 0.5)) < 2:
                    del logs["auc"]
                for name, value in logs.items():
                    total, count = position.sums.get(name, (0.0, 0))
                    position.sums[name] = (total + float(value), count + 1)
                now = time.monotonic()
                position.epoch_seconds, last_step = position.epoch_seconds + now - last_step, now
                if self.should_stop():
                    raise Stopped
                if self._time_is_up():
                    self.say(f"The time of stage {self.stage_name} is over after step {position.step}.")
                    break
                if now - last_progress > PROGRESS_SECONDS or position.step == self.batches.steps:
                    rate = (position.step - first_step) / (now - started)
                    self._progress(stage, float(logs["loss"]), rate)
                    last_progress = now
                if now - last_checkpoint > 60 * self.recipe.checkpoint_minutes:
                    self.checkpoints.save(position, model)
                    last_checkpoint = now
        finally:
            batches.close()
        names = [*VERDICT_FIGURES, "attention_entropy"] if self.recipe.attention_focus else VERDICT_FIGURES
        sums = {name: position.sums.get(name, (math.nan, 1)) for name in names}
        return {name: total / count for name, (total, count) in sums.items()}

    def _epochs_done(self) -> float:
        """Of all stages, with the part of the present one."""
        return self.position.epochs_done + self.position.step / self.batches.steps

    def _progress(self, stage: Stage, loss: float, steps_per_second: float) -> None:
        position, steps = self.position, self.batches.steps
        left_in_stage = (stage.epochs - position.epoch) * steps - position.step
        later_stages = STAGES[position.stage + 1 :]
        later = steps * sum(self.recipe.stage(name).epochs for name in later_stages)
        self.run.write(
            "progress.json",
            {
                "stage": self.stage_name,
                "epoch": position.epoch + 1,
                "epochs": stage.epochs,
                "step": position.step,
                "steps": steps,
                "images_per_second": round(steps_per_second * self.recipe.batch_size, 2),
                "loss": loss,
                "seconds_left_at_most": round((left_in_stage + later) / max(steps_per_second, 1e-9)),
            },
        )

    def _validate(self, model: keras.Model) -> dict[str, Any]:
        batches = evaluation_batches(self.val_images, self.size, self.recipe.batch_size, self.recipe.workers)
        logits = predict_logits(model, batches, self.should_stop)
        if not np.isfinite(logits).all():
            raise TrainingFailed(f"The network's output is no longer a number: {DIVERGED}")
        return validation_figures(self.val_rows, logits)


def _train_on_batch(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """One step; returns the figures of this batch alone. The loss is that of the verdict."""
    model.reset_metrics()  # Keras 3.12 would go on adding up
    outputs = len(model.outputs)
    of_each = targets if outputs == 1 else [targets] * outputs
    logs = model.train_on_batch(images.astype(np.float32), of_each, return_dict=True)
    if outputs == 1:
        return logs
    logit, attention = model.output_names  # Keras puts an output's name before its figures
    figures = {name: logs[f"{logit}_{name}"] for name in VERDICT_FIGURES}
    return figures | {"attention_entropy": logs[f"{attention}_attention_entropy"]}


def _figure(item: tuple[str, Any]) -> str:
    """A name and its value, for the log."""
    name, value = item
    return f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"


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


def predict_logits(
    model: keras.Model, batches: Iterator[np.ndarray], should_stop: Callable[[], bool]
) -> np.ndarray:
    """float32 (N,) logits of a model whose output is the logit, a list that begins with it or a dict that
    holds it.

    Raises Stopped if should_stop() says so in between.
    """
    logits = [np.empty(0, np.float32)]
    for images in batches:
        if should_stop():
            raise Stopped
        output = model.predict_on_batch(images.astype(np.float32))
        if isinstance(output, dict):
            output = output["logit"]
        elif isinstance(output, list):
            output = output[0]
        logits.append(keras.ops.convert_to_numpy(output)[:, 0])
    return np.concatenate(logits).astype(np.float32)
