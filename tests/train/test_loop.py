"""train.loop: what trains in which stage, at which rate, until when; and that stopping anywhere changes
nothing."""

from __future__ import annotations

import csv
import math
import shutil
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from detector import architectures
from detector.datasets import load_dataset
from detector.images import ImageReadError
from train import loop as loop_module
from train import loss_trace
from train.loop import Loop
from train.optimizers import learning_rate, optimizer
from train.recipes import RecipeError, Stage, load_recipe
from train.runs import RunDirectory, Stopped, TrainingFailed

pytestmark = pytest.mark.usefixtures("eager_steps")
PLAIN = ("finetune.epochs=3", "finetune.patience=9", "augmentation.zoom=0.1")


@pytest.fixture(scope="module")
def dataset(pictures):
    return load_dataset(pictures)


@pytest.fixture
def make_loop(tmp_path, dataset):
    """A loop of the tiny recipe; a second one made with the same name resumes the first."""

    def make(*overrides: str, name: str = "run", should_stop=lambda: False, data=dataset) -> Loop:
        path = tmp_path / name
        run = RunDirectory(path) if path.exists() else RunDirectory.claim(path)
        return Loop(run, load_recipe("tiny-attention", overrides), data, should_stop, lambda line: None)

    return make


def metrics(loop: Loop) -> list[dict[str, float]]:
    """The rows of metrics.csv, without the time each took."""
    with open(loop.run.path / "metrics.csv", newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if name not in ("stage", "seconds")}
            for row in csv.DictReader(file)
        ]


def after(calls: int):
    """A should_stop that says yes from the given call on."""
    counted = iter(range(1, 10**9))
    return lambda: next(counted) >= calls


# ---- the rate


def rates(stage: Stage, steps: int) -> list[float]:
    rate = learning_rate(stage, steps)
    return [float(rate(step)) for step in range(steps + 1)]


def test_a_constant_rate_without_warmup_is_a_number():
    assert learning_rate(Stage(learning_rate=0.01), 100) == 0.01


def test_warmup_rises_from_zero_and_stays_where_the_schedule_is_constant():
    assert rates(Stage(learning_rate=0.1, warmup_steps=4), 8) == pytest.approx(
        [0, 0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.1, 0.1]
    )


def test_cosine_falls_to_zero_over_all_steps():
    expected = [0.1 * (1 + math.cos(math.pi * step / 8)) / 2 for step in range(9)]
    assert rates(Stage(learning_rate=0.1, schedule="cosine"), 8) == pytest.approx(expected, abs=1e-7)


def test_cosine_after_warmup_falls_over_the_steps_that_are_left():
    expected = [0, 0.05] + [0.1 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(5)]
    assert rates(Stage(learning_rate=0.1, schedule="cosine", warmup_steps=2), 6) == pytest.approx(
        expected, abs=1e-7
    )


def test_exponential_falls_after_every_epoch_and_within_none():
    stage = Stage(learning_rate=0.1, schedule="exponential", epoch_decay=0.5, epochs=3)
    assert rates(stage, 6) == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125])


# ---- weight decay


def step(settings: dict, gradient: float) -> float:
    """One weight of 2.0 after one step of rate 0.1."""
    variable = keras.Variable([2.0])
    chosen = optimizer(Stage(learning_rate=0.1, **settings), steps=1)
    chosen.apply([keras.ops.convert_to_tensor([gradient])], [variable])
    return float(variable.numpy()[0])


def test_adams_decay_is_part_of_the_gradient():
    """Adam's first step is the rate times the gradient's sign: 0.25 * 2 outweighs a gradient of -0.4."""
    assert step({"optimizer": "adam", "weight_decay": 0.25}, -0.4) == pytest.approx(1.9, abs=1e-4)
    assert step({"optimizer": "adam", "weight_decay": 0.15}, -0.4) == pytest.approx(2.1, abs=1e-4)


def test_adamws_decay_is_taken_off_the_weight():
    """2 - 0.1 * 0.25 * 2, and 0.1 against the gradient."""
    assert step({"optimizer": "adamw", "weight_decay": 0.25}, -0.4) == pytest.approx(2.05, abs=1e-4)


# ---- a limit of minutes


def test_time_that_is_over_ends_training_after_the_step_and_keeps_a_validated_network(make_loop):
    loop = make_loop(*PLAIN, "max_minutes=1e-6")
    loop.train()
    (row,) = metrics(loop)
    assert row["epoch"] == 1 and 0 < row["val_auc"] <= 1
    assert loop.position.seconds > 0


def test_each_stage_has_its_share_of_the_minutes(make_loop, monkeypatch):
    """Of 4 minutes the frozen stage's one epoch of four gets 60 seconds; each step is made to take 25."""
    told = []
    now = iter(range(0, 10**6, 25))
    monkeypatch.setattr(loop_module, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    loop = make_loop("frozen.epochs=1", "finetune.epochs=3", "max_minutes=4")
    loop.say = told.append
    loop.train()
    over = [line for line in told if line.startswith("The time of stage")]
    assert over[0] == "The time of stage frozen is over after step 3."
    assert over[1].startswith("The time of stage finetune is over")


def test_minutes_that_were_used_count_after_a_stop(make_loop):
    first = make_loop(*PLAIN, should_stop=after(4))
    with pytest.raises(Stopped):
        first.train()
    used = first.checkpoints.position().epoch_seconds
    assert used > 0
    second = make_loop(*PLAIN)
    second.train()
    assert second.position.seconds > used


# ---- soft labels


def test_training_listens_to_a_teacher(make_loop, dataset):
    """One who says 0.5 of every picture: no loss is below the entropy of 0.75, whatever is learnt."""
    taught = replace(dataset, rows=dataset.rows.assign(teacher_score=0.5))
    loop = make_loop(*PLAIN, "teacher_weight=0.5", data=taught)
    loop.train()
    for row in metrics(loop):
        assert row["loss"] >= -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) - 1e-6
        assert 0 < row["auc"] <= 1 and 0 < row["accuracy"] <= 1


# ---- what trains


def backbone_that_trains(loop: Loop) -> list[str]:
    """Kinds of the tiny backbone's layers that have weights and train."""
    loop.train()
    return [type(layer).__name__ for layer in loop.backbone_layers if layer.trainable_weights]


# input, rescaling, then three times: convolution, batch norm, activation
@pytest.mark.parametrize(
    ("unfreeze", "batch_norm", "expected"),
    [
        ("none", "train", []),
        ("all", "frozen", ["Conv2D"] * 3),
        ("all", "train", ["Conv2D", "BatchNormalization"] * 3),
        ("last:4", "train", ["Conv2D", "BatchNormalization"]),
        ("last:2", "frozen", []),
        ("all-but-last:4", "train", ["Conv2D", "BatchNormalization"] * 2),
        ("all-but-last:3", "frozen", ["Conv2D", "Conv2D"]),
    ],
)
def test_unfreeze_and_batch_norm_choose_the_layers_that_train(
    make_loop, monkeypatch, unfreeze, batch_norm, expected
):
    monkeypatch.setattr(Loop, "_stage", lambda self, model, stage: None)  # compiled, but not trained
    loop = make_loop(f"finetune.unfreeze={unfreeze}", f"finetune.batch_norm={batch_norm}")
    loop.checkpoints.load_best_into = lambda network, stage: setattr(loop.position, "best", 0.0)
    assert backbone_that_trains(loop) == expected


def test_the_momentum_of_batch_norm_is_the_networks_own_unless_the_recipe_says(make_loop, monkeypatch):
    monkeypatch.setattr(Loop, "_stage", lambda self, model, stage: None)

    def momenta(*overrides: str) -> set[float]:
        loop = make_loop(*overrides, name=str(len(overrides)))
        loop.checkpoints.load_best_into = lambda network, stage: setattr(loop.position, "best", 0.0)
        loop.train()
        norms = keras.layers.BatchNormalization
        return {layer.momentum for layer in loop.backbone_layers if isinstance(layer, norms)}

    assert momenta() == {0.99}
    assert momenta("finetune.batch_norm_momentum=0.9") == {0.9}


@pytest.mark.parametrize(("neck", "trained"), [((), set()), (("conv3", "bn3", "relu3"), {"conv3", "bn3"})])
def test_frozen_layers_keep_their_weights_and_neck_and_head_do_not(make_loop, neck, trained):
    loop = make_loop("finetune.unfreeze=none", "finetune.epochs=1")
    loop.architecture = replace(loop.architecture, neck=neck)
    before = {}
    build = loop._build
    loop._build = lambda pretrained: before.setdefault("network", build(pretrained))
    stage, weights = loop._stage, {}
    loop._stage = lambda model, settings: (
        weights.update({v.path: v.numpy() for v in model.variables}),
        stage(model, settings),
    )
    network = loop.train()
    changed = {
        v.path.split("/")[0] for v in network.weights if not np.array_equal(v.numpy(), weights[v.path])
    }
    assert changed == {"attention", "hidden", "logit"} | trained


# ---- until when


@pytest.mark.parametrize(
    ("monitor", "values", "patience", "ran", "best"),
    [
        ("val_loss", [0.5, 0.4, 0.3, 0.2, 0.1], 2, 5, 5),
        ("val_loss", [0.5, 0.4, 0.6, 0.7, 0.1], 2, 4, 2),
        ("val_loss", [0.5, 0.6, 0.4, 0.5, 0.3], 2, 5, 5),
        ("val_loss", [0.5, 0.5, 0.5, 0.5, 0.5], 2, 3, 1),
        ("val_loss", [0.5, 0.6, 0.1, 0.1, 0.1], 1, 2, 1),
        ("val_auc", [0.5, 0.6, 0.5, 0.5, 0.9], 2, 4, 2),
        ("val_paired_auc", [0.9, 0.8, 0.7, 0.6, 0.5], 9, 5, 1),
    ],
)
def test_a_stage_ends_patience_epochs_after_its_best_one(
    make_loop, monkeypatch, monitor, values, patience, ran, best
):
    left = iter(values)
    monkeypatch.setattr(Loop, "_epoch", lambda self, model, stage: {"loss": 0.0})
    monkeypatch.setattr(Loop, "_validate", lambda self, model: {monitor: next(left)})
    saved = []
    loop = make_loop(f"finetune.monitor={monitor}", f"finetune.patience={patience}")
    save_best = loop.checkpoints.save_best
    loop.checkpoints.save_best = lambda network, stage: (
        saved.append(loop.position.epoch + 1),
        save_best(network, stage),
    )
    loop.train()
    assert len(metrics(loop)) == ran and saved[-1] == best


def test_the_network_comes_back_with_its_best_weights_not_its_last(make_loop, monkeypatch):
    left = iter([0.5, 0.1, 0.9])
    monkeypatch.setattr(Loop, "_validate", lambda self, model: {"val_loss": next(left)})
    loop = make_loop("finetune.epochs=3")
    weights = []
    save_best = loop.checkpoints.save_best
    loop.checkpoints.save_best = lambda network, stage: (
        weights.append(network.get_weights()),
        save_best(network, stage),
    )
    network = loop.train()
    assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), weights[1], strict=True))


def test_with_a_moving_average_of_the_weights_that_is_what_is_kept(make_loop):
    overrides = ("finetune.epochs=1", "batch_size=16", "sampling.images_per_epoch=32")
    last = make_loop(*overrides, name="plain").train().get_weights()
    loop = make_loop(*overrides, "finetune.ema_momentum=0.5", name="averaged")
    kept = loop.train()
    stopped = make_loop(*overrides, name="one", should_stop=after(1))
    with pytest.raises(Stopped):
        stopped.train()
    one = stopped.network.get_weights()
    trainable = [variable.path for variable in kept.trainable_variables]
    for variable, a, b, mean in zip(kept.weights, one, last, kept.get_weights(), strict=True):
        if variable.path in trainable:  # the average starts at the weights after the first step
            assert np.allclose(mean, 0.5 * a + 0.5 * b, atol=1e-5), variable.path


def test_a_run_with_a_moving_average_resumes_like_one_that_was_not_stopped(make_loop):
    overrides = (*PLAIN, "finetune.ema_momentum=0.9")
    whole = make_loop(*overrides, name="whole")
    network = whole.train()
    with pytest.raises(Stopped):
        make_loop(*overrides, name="stopped", should_stop=after(8)).train()
    again = make_loop(*overrides, name="stopped").train()
    assert all(
        np.allclose(a, b, atol=1e-5) for a, b in zip(network.get_weights(), again.get_weights(), strict=True)
    )


def validated_as(monkeypatch, *losses: float) -> None:
    """Let validation find these losses, one an epoch."""
    found = iter(losses)
    validate = Loop._validate
    monkeypatch.setattr(Loop, "_validate", lambda *given: validate(*given) | {"val_loss": next(found)})


TWO_STAGES = ("frozen.epochs=2", "finetune.epochs=2", "frozen.patience=9", "finetune.patience=9")


@pytest.mark.parametrize(
    ("losses", "best_stage"),
    [((0.5, 0.3, 0.4, 0.6), 0), ((0.5, 0.3, 0.4, 0.2), 1), ((0.5, 0.3, 0.3, 0.4), 1)],
)
def test_the_stage_that_did_better_gives_the_weights(make_loop, monkeypatch, losses, best_stage):
    validated_as(monkeypatch, *losses)
    loop = make_loop(*TWO_STAGES)
    kept = loop.train().get_weights()
    network = loop._build(pretrained=False)
    loop.checkpoints.load_best_into(network, best_stage)
    assert all(np.array_equal(a, b) for a, b in zip(kept, network.get_weights(), strict=True))


def test_stages_that_watch_different_figures_are_not_compared(make_loop, monkeypatch):
    validated_as(monkeypatch, 0.5, 0.3, 0.4, 0.6)
    loop = make_loop(*TWO_STAGES, "frozen.monitor=val_auc")
    kept = loop.train().get_weights()
    network = loop._build(pretrained=False)
    loop.checkpoints.load_best_into(network, 1)
    assert all(np.array_equal(a, b) for a, b in zip(kept, network.get_weights(), strict=True))


def test_a_run_stopped_while_fine_tuning_still_knows_what_the_frozen_stage_reached(make_loop, monkeypatch):
    validated_as(monkeypatch, 0.5, 0.3)
    loop = make_loop(*TWO_STAGES, should_stop=lambda: loop.position.stage == 1)
    with pytest.raises(Stopped):
        loop.train()
    assert make_loop(*TWO_STAGES).checkpoints.position().frozen_best == -0.3


def test_keep_start_mixes_the_weights_the_stage_began_with_into_its_best(make_loop, monkeypatch):
    validated_as(monkeypatch, 0.5, 0.4)
    two = ("frozen.epochs=1", "finetune.epochs=1")
    loop = make_loop(*two, "finetune.keep_start=0.25", name="mixed")
    mixed = loop.train().get_weights()
    network = loop._build(pretrained=False)
    loop.checkpoints.load_best_into(network, 0)
    start = network.get_weights()
    loop.checkpoints.load_best_into(network, 1)
    best = network.get_weights()
    assert all(
        np.allclose(m, 0.25 * s + 0.75 * b, atol=1e-6) for m, s, b in zip(mixed, start, best, strict=True)
    )
    assert not all(np.allclose(s, b) for s, b in zip(start, best, strict=True))


def test_training_metrics_are_means_over_the_epochs_batches(make_loop, monkeypatch):
    results = iter(
        [{"loss": 0.5, "accuracy": 1.0, "auc": 0.25}, {"loss": 0.25, "accuracy": 0.0, "auc": 0.75}]
    )

    class Scripted(keras.Model):
        def train_on_batch(self, *arguments, **options):
            super().train_on_batch(*arguments, **options)
            return next(results)

    monkeypatch.setattr(keras, "Model", Scripted)
    loop = make_loop("finetune.epochs=1", "sampling.images_per_epoch=32")
    loop.train()
    assert {name: metrics(loop)[0][name] for name in ("loss", "accuracy", "auc")} == {
        "loss": 0.375,
        "accuracy": 0.5,
        "auc": 0.5,
    }


def test_a_batch_of_one_class_has_no_auc_and_does_not_count_for_it(make_loop):
    loop = make_loop("finetune.epochs=1", "batch_size=1", "sampling.images_per_epoch=3")
    loop.train()
    assert math.isnan(metrics(loop)[0]["auc"]) and metrics(loop)[0]["loss"] > 0


def test_attention_is_pushed_towards_single_patches_and_the_loss_logged_is_the_verdicts(make_loop):
    pushed = make_loop(*PLAIN, "attention_focus=20", "attention_entropy=0.2", name="pushed")
    left_alone = make_loop(*PLAIN, name="left alone")
    first, *_, last = metrics_of(pushed)
    assert 0 < last["attention_entropy"] < first["attention_entropy"] - 0.05
    assert last["loss"] < 2 and "attention_entropy" not in metrics_of(left_alone)[0]


def metrics_of(loop: Loop) -> list[dict[str, float]]:
    loop.train()
    return metrics(loop)


# ---- stopping and going on


@pytest.fixture
def precision(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


FOCUSED = ("attention_focus=1", "attention_entropy=0.3", "finetune.ema_momentum=0.9")


@pytest.mark.parametrize(
    ("precision", "more"),
    [("float32", ()), ("mixed_float16", FOCUSED)],
    ids=["plain", "focused in half precision"],
    indirect=["precision"],
)
def test_a_run_stopped_within_an_epoch_ends_like_one_that_was_not(make_loop, precision, more):
    overrides = (
        *PLAIN,
        *more,
        "finetune.schedule=cosine",
        "finetune.warmup_steps=3",
        "finetune.clip_norm=1.0",
        "architecture_arguments.dropout=0.5",
    )
    whole, network = make_loop(*overrides, name="whole"), None
    network = whole.train()
    with pytest.raises(Stopped):
        make_loop(*overrides, name="stopped", should_stop=after(8)).train()
    resumed = make_loop(*overrides, name="stopped")
    assert (
        resumed.checkpoints.position().step == 2
    )  # of the second epoch: it had asked after four steps, two batches and two steps
    again = resumed.train()
    assert [pytest.approx(row, rel=1e-4, abs=1e-5) for row in metrics(whole)] == metrics(resumed)
    assert all(
        np.allclose(a, b, atol=1e-5) for a, b in zip(network.get_weights(), again.get_weights(), strict=True)
    )


def test_a_run_stopped_during_validation_does_not_repeat_its_steps(make_loop):
    whole = make_loop(*PLAIN, name="whole")
    whole.train()
    with pytest.raises(Stopped):
        make_loop(*PLAIN, name="stopped", should_stop=after(6)).train()
    resumed = make_loop(*PLAIN, name="stopped")
    assert resumed.checkpoints.position().step == resumed.batches.steps
    resumed.train()
    assert [pytest.approx(row, rel=1e-4, abs=1e-5) for row in metrics(whole)] == metrics(resumed)


def test_a_run_stopped_in_its_second_stage_goes_on_there(make_loop):
    two = ("frozen.epochs=1", "finetune.epochs=2", "finetune.patience=9")
    whole = make_loop(*two, name="whole")
    whole.train()
    with pytest.raises(Stopped):
        make_loop(*two, name="stopped", should_stop=after(8)).train()
    resumed = make_loop(*two, name="stopped")
    position = resumed.checkpoints.position()
    assert (position.stage, position.epoch, position.step) == (1, 0, 2)
    resumed.train()
    assert [pytest.approx(row, rel=1e-4, abs=1e-5) for row in metrics(whole)] == metrics(resumed)


def test_a_run_whose_training_is_over_comes_back_with_the_same_network(make_loop):
    first = make_loop("finetune.epochs=2").train()
    second = make_loop("finetune.epochs=2").train()
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_a_checkpoint_is_written_within_an_epoch_when_it_is_time(make_loop, monkeypatch):
    loop = make_loop("finetune.epochs=1", "checkpoint_minutes=0")
    steps = []
    save = loop.checkpoints.save
    loop.checkpoints.save = lambda position, model: (steps.append(position.step), save(position, model))
    loop.train()
    assert steps == [1, 2, 3, 4, 0]


# ---- what goes wrong


def test_a_picture_that_disappears_ends_training_with_its_name_and_a_checkpoint(
    make_loop, pictures, tmp_path
):
    shutil.copytree(pictures, tmp_path / "copy")
    data = load_dataset(tmp_path / "copy")
    gone = data.split("val")["id"][5]
    data.path(gone).unlink()
    loop = make_loop(data=data)
    with pytest.raises(ImageReadError, match=gone):
        loop.train()
    assert loop.checkpoints.position().step == loop.batches.steps


@pytest.mark.parametrize(("rate", "loss"), [("1e4", r"\d"), ("1e38", "inf|nan")])
def test_a_rate_that_is_far_too_high_ends_training_in_a_sentence(make_loop, rate, loss):
    with pytest.raises(
        TrainingFailed,
        match=f"The loss is ({loss}).*: training diverged. Start again with a lower learning_rate",
    ):
        make_loop(f"finetune.learning_rate={rate}").train()


def test_divergence_in_the_last_step_of_an_epoch_is_noticed_in_validation(make_loop, monkeypatch):
    monkeypatch.setattr(loop_module, "predict_logits", lambda *_: np.array([0.5, np.nan]))
    loop = make_loop()
    with pytest.raises(TrainingFailed, match="The network's output is no longer a number: training diverged"):
        loop.train()
    assert loop.checkpoints.position() is None  # nothing to resume into


def test_a_monitor_that_validation_cannot_give_is_refused_before_training(make_loop, dataset):
    unpaired = replace(dataset, rows=dataset.rows.assign(paired=False))
    with pytest.raises(RecipeError, match="--set finetune.monitor=val_auc"):
        make_loop("finetune.monitor=val_paired_auc", data=unpaired).train()


@pytest.mark.parametrize("override", ["backbone_weights=/nowhere/x.weights.h5", "backbone_weights=imagenet"])
def test_weights_that_cannot_be_had_end_training_in_a_sentence(make_loop, override):
    with pytest.raises(TrainingFailed, match="The network cannot be built with backbone_weights"):
        make_loop(override).train()


def test_weights_that_cannot_be_downloaded_end_training_with_the_ways_out(make_loop):
    def offline(*_, **__):
        raise OSError("URL fetch failure")

    loop = make_loop("backbone_weights=imagenet")
    loop.architecture = replace(loop.architecture, build=offline)
    with pytest.raises(
        TrainingFailed, match=r"URL fetch failure .*: shipped .*, the path of a file, or none"
    ):
        loop.train()


def test_published_weights_that_cannot_be_downloaded_may_be_fetched_elsewhere(make_loop):
    def offline(*_, **__):
        raise OSError("URL fetch failure")

    loop = make_loop("backbone_weights=imagenet")
    published = architectures.get("resnet18").published
    loop.architecture = replace(loop.architecture, build=offline, published=published)
    with pytest.raises(TrainingFailed, match=f"or none. The file may be {published.address}"):
        loop.train()


def test_the_loss_of_a_resumed_run_goes_on_where_its_checkpoint_was(make_loop, monkeypatch):
    monkeypatch.setattr(loss_trace, "SECONDS", 0.0)
    monkeypatch.setattr(loss_trace, "ROWS_PER_E_FOLD", math.inf)
    with pytest.raises(Stopped):
        make_loop("finetune.epochs=2", should_stop=after(6)).train()
    loop = make_loop("finetune.epochs=2")
    loop.run.append_steps({"epochs": 1.9, "stage": "finetune", "loss": 0.7})  # seen, but in no checkpoint
    loop.train()
    with open(loop.run.path / "steps.csv", newline="") as file:
        epochs = [float(row["epochs"]) for row in csv.DictReader(file)]
    assert epochs == [step / 4 for step in range(1, 9)]


def test_what_starts_up_has_started_with_the_first_step_and_not_before(make_loop):
    loop = make_loop("finetune.epochs=1")
    steps = []
    loop.on_first_step = lambda: steps.append(loop.position.step)
    loop.train()
    assert steps == [1]


def test_progress_counts_down(make_loop):
    loop = make_loop("finetune.epochs=2")
    loop.train()
    progress = loop.run.read("progress.json")
    assert {name: progress[name] for name in ("stage", "epoch", "epochs", "step", "steps")} == {
        "stage": "finetune",
        "epoch": 2,
        "epochs": 2,
        "step": 4,
        "steps": 4,
    }
    assert (
        progress["seconds_left_at_most"] == 0
        and progress["images_per_second"] > 0
        and 0 < progress["loss"] < 10
    )
