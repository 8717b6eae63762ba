"""train.recipes: what ships loads, what is wrong is refused in one sentence."""

from __future__ import annotations

import json

import pytest

from train.recipes import Recipe, RecipeError, Stage, from_dict, load_recipe, names, parse_unfreeze

TINY = "tiny-attention"


def complaint(*overrides: str, recipe: str = TINY) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe, overrides)
    return str(caught.value)


@pytest.mark.parametrize("name", names())
def test_every_shipped_recipe_loads_under_its_own_name(name):
    recipe = load_recipe(name)
    assert recipe.name == name and recipe.title


@pytest.mark.parametrize("name", names())
def test_a_recipe_survives_the_round_trip_through_config_json(name):
    recipe = load_recipe(name)
    assert from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_a_setting_that_is_left_out_has_its_default():
    assert load_recipe(TINY).label_smoothing == Recipe(name="x").label_smoothing == 0.0


def test_a_recipe_may_be_given_as_the_path_of_a_toml_file(tmp_path):
    (tmp_path / "mine.toml").write_text('architecture = "tiny-attention"\nseed = 7\n')
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.name, recipe.seed) == ("mine", 7)


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("seed=5", lambda recipe: recipe.seed, 5),
        ("title=bare words", lambda recipe: recipe.title, "bare words"),
        ('title="quoted"', lambda recipe: recipe.title, "quoted"),
        (" finetune.epochs = 3 ", lambda recipe: recipe.finetune.epochs, 3),
        ("finetune.learning_rate=1", lambda recipe: recipe.finetune.learning_rate, 1.0),
        ("augmentation.flip=false", lambda recipe: recipe.augmentation.flip, False),
        ("augmentation.jpeg_quality=[30, 60]", lambda recipe: recipe.augmentation.jpeg_quality, (30, 60)),
        ("architecture_arguments.heads=2", lambda recipe: recipe.architecture_arguments, {"heads": 2}),
        ("decision.threshold=0.4", lambda recipe: recipe.decision.threshold, "0.4"),
    ],
)
def test_an_override_replaces_one_setting(override, read, value):
    assert read(load_recipe(TINY, [override])) == value


def test_the_last_of_several_overrides_of_one_setting_counts():
    assert load_recipe(TINY, ["seed=1", "seed=2"]).seed == 2


def test_an_unknown_recipe_is_refused_with_the_names_of_those_that_ship():
    assert TINY in complaint(recipe="nonesuch")


def test_a_file_that_is_not_toml_is_refused(tmp_path):
    (tmp_path / "bad.toml").write_text("seed = = 1")
    assert complaint(recipe=str(tmp_path / "bad.toml")).startswith("The recipe bad.toml is not valid TOML")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("seed", "An override is written key=value"),
        ("=1", "An override is written key=value"),
        ("sead=1", "There is no setting sead; there are: name, title"),
        ("finetune.epoch=1", "There is no setting finetune.epoch; there are: epochs"),
        ("seed.deep=1", "seed must be a whole number, not {'deep': 1}."),
        ("finetune=1", "finetune must be a group of settings, not 1."),
        ("batch_size.deep=1", "batch_size.deep: batch_size is a single setting, not a group of settings."),
        ("seed=one", "seed must be a whole number, not 'one'."),
        ("seed=1.5", "seed must be a whole number, not 1.5."),
        ("seed=true", "seed must be a whole number, not True."),
        ("left_out_folds=1", "left_out_folds must be 0 or at least 2."),
        ("left_out_fold=1", "left_out_fold must be at least 0 and less than left_out_folds."),
        ("seed=-1", "seed must be a whole number from 0"),
        ("cache_gb=much", "cache_gb must be a number, not 'much'."),
        ("cache_gb=inf", "cache_gb must be a finite number, not inf."),
        ("cache_gb=-1", "cache_gb must not be negative."),
        ("checkpoint_minutes=-1", "checkpoint_minutes must not be negative."),
        ("title=true", "title must be text, not True."),
        ("batch_size=0", "batch_size must be at least 1."),
        ("workers=0", "workers must be at least 1."),
        ("label_smoothing=1", "label_smoothing must be at least 0 and less than 1."),
        ("teacher_weight=0.6", "teacher_weight must be between 0 and 0.5."),
        ("attention_focus=-1", "attention_focus must not be negative."),
        ("attention_entropy=1.1", "attention_entropy must be between 0 and 1."),
        ("architecture=resnet", "There is no architecture called 'resnet'"),
        ("architecture_arguments.tails=1", "Architecture tiny-attention has no argument tails"),
        (
            "architecture_arguments.heads=many",
            "architecture_arguments.heads must be a whole number, not 'many'.",
        ),
        ("architecture_arguments=3", "architecture_arguments must be a group of settings, not 3."),
        ("augmentation.flip=1", "augmentation.flip must be true or false, not 1."),
        ("augmentation.zoom=1", "augmentation.zoom must be below 1."),
        ("augmentation.zoom=-0.1", "augmentation.zoom must not be negative."),
        ("augmentation.brightness=1.1", "augmentation.brightness must be between 0 and 1."),
        ("augmentation.width_shift=2", "augmentation.width_shift must be between 0 and 1."),
        ("augmentation.blur_probability=1.1", "augmentation.blur_probability must be between 0 and 1."),
        ("augmentation.downscale=0", "augmentation.downscale must be above 0 and at most 1."),
        ("augmentation.jpeg_quality=50", "augmentation.jpeg_quality must be a list of 2 values, not 50."),
        (
            "augmentation.jpeg_quality=[90, 40]",
            "augmentation.jpeg_quality must be two numbers from 1 to 100, the smaller first.",
        ),
        ("augmentation.jpeg_quality=[0.5, 40]", "augmentation.jpeg_quality must be a whole number, not 0.5."),
        ("sampling.balance_sources=2", "sampling.balance_sources must be between 0 and 1."),
        ("sampling.images_per_epoch=-1", "sampling.images_per_epoch must not be negative."),
        ("finetune.epochs=-1", "finetune.epochs must not be negative."),
        ("finetune.epochs=0", "Both stages have 0 epochs; give at least one of them some."),
        ("finetune.warmup_steps=-1", "finetune.warmup_steps must not be negative."),
        ("finetune.clip_norm=-1", "finetune.clip_norm must not be negative."),
        ("finetune.learning_rate=0", "finetune.learning_rate must be above 0."),
        ("finetune.learning_rate=nan", "finetune.learning_rate must be a finite number, not nan."),
        ("finetune.patience=0", "finetune.patience must be at least 1."),
        ("finetune.schedule=linear", "finetune.schedule must be constant, cosine or exponential."),
        ("finetune.optimizer=sgd", "finetune.optimizer must be adam or adamw."),
        ("finetune.epoch_decay=0", "finetune.epoch_decay must be above 0 and at most 1."),
        ("finetune.epoch_decay=1.1", "finetune.epoch_decay must be above 0 and at most 1."),
        ("max_minutes=-1", "max_minutes must not be negative."),
        ("split.val_share=0", "split.val_share must be above 0 and, with split.test_share, below 1."),
        ("split.test_share=0.9", "split.val_share must be above 0 and, with split.test_share, below 1."),
        ("augmentation.contrast=1.1", "augmentation.contrast must be between 0 and 1."),
        ("finetune.monitor=loss", "finetune.monitor must be one of val_loss, val_auc"),
        ("finetune.batch_norm=off", "finetune.batch_norm must be frozen or train."),
        (
            "finetune.unfreeze=first:3",
            "finetune.unfreeze must be none, all, last:N or all-but-last:N, not 'first:3'.",
        ),
        ("decision.threshold=1.5", "decision.threshold must be balanced or a number between 0 and 1."),
        ("decision.threshold=high", "decision.threshold must be balanced or a number between 0 and 1."),
        ("decision.max_false_alarms=2", "decision.max_false_alarms must be between 0 and 1."),
        ("decision.unsure_max_error=-1", "decision.unsure_max_error must be between 0 and 1."),
        ("decision.calibrate_on=test", "decision.calibrate_on must be all or paired."),
    ],
)
def test_a_wrong_override_is_refused_in_a_sentence(override, sentence):
    assert complaint(override).startswith(sentence)


def test_sampling_weights_that_are_both_zero_are_refused():
    assert (
        complaint("sampling.paired_weight=0", "sampling.unpaired_weight=0")
        == "The sampling weights must not both be 0."
    )


def test_a_rate_that_falls_by_the_epoch_has_no_warmup():
    settings = ("finetune.schedule=exponential", "finetune.warmup_steps=5")
    assert complaint(*settings).startswith("finetune.warmup_steps must be 0")


def stage_as_published(name: str) -> tuple:
    """What trains a whole network, in the words of its paper: optimizer, rate, weight decay, the most epochs,
    patience; seed and determinism."""
    recipe = load_recipe(name)
    stage = recipe.finetune
    assert recipe.frozen.epochs == 0 and (stage.unfreeze, stage.batch_norm) == ("all", "train")
    how = (stage.optimizer, stage.learning_rate, stage.weight_decay, stage.epochs, stage.patience)
    return *how, recipe.seed, recipe.deterministic


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("resnet50-cifake", ("adam", 1e-3, 0.0, 50, 3, 0, False)),
        ("efficientnetb0", ("adam", 1e-4, 1e-5, 5, 5, 0, False)),
        ("resnet18", ("adam", 5e-5, 1e-5, 50, 3, 42, True)),
        ("resnet50", ("adam", 5e-5, 1e-5, 50, 3, 42, True)),
        ("vit-base-patch16", ("adamw", 2e-5, 1e-5, 50, 3, 42, True)),
        ("convnextv2-tiny", ("adamw", 2e-5, 1e-5, 50, 3, 42, True)),
        ("convnextv2-base", ("adamw", 2e-5, 1e-5, 50, 3, 42, True)),
    ],
)
def test_a_published_protocol_is_held(name, protocol):
    assert stage_as_published(name) == protocol


@pytest.mark.parametrize(
    ("name", "train", "val", "test"),
    [
        ("resnet50-cifake", 0.7, 0.2, 0.1),
        ("efficientnetb0", 0.7225, 0.1275, 0.15),
        ("efficientnetb0-frozen", 0.7225, 0.1275, 0.15),
    ],
)
def test_published_shares_of_the_splits(name, train, val, test):
    cut = load_recipe(name).cut
    assert (cut["val_fraction"], cut["test_fraction"]) == (val, test)
    assert 1 - cut["val_fraction"] - cut["test_fraction"] == pytest.approx(train)


def test_the_ablation_differs_from_its_recipe_in_what_trains_alone():
    whole, frozen = load_recipe("efficientnetb0"), load_recipe("efficientnetb0-frozen")
    assert (frozen.finetune.epochs, frozen.frozen.epochs) == (0, whole.finetune.epochs)
    for setting in ("learning_rate", "optimizer", "weight_decay", "patience"):
        assert getattr(frozen.frozen, setting) == getattr(whole.finetune, setting)
    assert (frozen.augmentation, frozen.split) == (whole.augmentation, whole.split)


def test_realitycheck_trains_its_head_alone():
    recipe = load_recipe("resnet50-realitycheck")
    assert (recipe.frozen.epochs, recipe.frozen.learning_rate, recipe.frozen.optimizer) == (10, 1e-3, "adam")
    assert recipe.finetune.epochs == 0


def test_cifakes_rate_falls_by_a_twentieth_after_every_epoch():
    stage = load_recipe("resnet50-cifake").finetune
    assert (stage.schedule, stage.epoch_decay) == ("exponential", 0.95)


LAYERS = list("abcdefghij")


@pytest.mark.parametrize(
    ("text", "trained"),
    [
        ("none", ""),
        ("all", "abcdefghij"),
        ("last:3", "hij"),
        ("last:0", ""),
        ("last:10", "abcdefghij"),
        ("last:99", "abcdefghij"),
        ("all-but-last:3", "abcdefg"),
        ("all-but-last:0", "abcdefghij"),
        ("all-but-last:10", ""),
        ("all-but-last:99", ""),
    ],
)
def test_unfreeze_names_the_layers_that_train(text, trained):
    assert LAYERS[parse_unfreeze(text)] == list(trained)


@pytest.mark.parametrize(
    "text", ["", "last", "last:", "last:-1", "last:x", "none:3", "all:3", "all-but-last", "All", "last:1:2"]
)
def test_unfreeze_that_is_not_understood_is_none(text):
    assert parse_unfreeze(text) is None


@pytest.mark.parametrize("reading", ["last:30", "all-but-last:10"])
def test_the_published_protocol_can_be_read_both_ways(reading):
    assert (
        load_recipe("efficientnetv2b0-attention", [f"finetune.unfreeze={reading}"]).finetune.unfreeze
        == reading
    )


def test_stage_defaults_are_valid():
    assert from_dict({"name": "x", "finetune": vars(Stage())}).finetune == Stage()


def test_a_network_without_attention_cannot_be_asked_to_focus_it():
    with pytest.raises(RecipeError, match="attention_focus needs a network with attention"):
        load_recipe(TINY, ("architecture_arguments.heads=0", "attention_focus=1"))
