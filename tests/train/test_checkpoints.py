"""train.checkpoints: what is saved comes back, and a crash at any moment leaves the last checkpoint
usable."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from train import checkpoints
from train.checkpoints import SEEDS, STATE, Checkpoints, Position, mixed

POSITION = Position(
    stage=1, epoch=3, step=17, best=-0.25, best_epoch=2, epochs_done=5, sums={"loss": (3.5, 17)}
)


def model() -> keras.Model:
    """A small compiled model with dropout and a built optimizer."""
    layers = [
        keras.layers.Input((4,)),
        keras.layers.Dense(3),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1),
    ]
    made = keras.Sequential(layers)
    made.compile(keras.optimizers.Adam(0.1), "mse")
    made.optimizer.build(made.trainable_variables)
    return made


def train(made: keras.Model, steps: int) -> list[float]:
    x = np.random.default_rng(0).random((8, 4))
    return [float(made.train_on_batch(x, x[:, :1], return_dict=True)["loss"]) for _ in range(steps)]


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    made = model()
    train(made, 3)
    return made


@pytest.fixture
def kept(tmp_path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints")


def names(kept: Checkpoints) -> list[str]:
    return sorted(path.name for path in kept.folder.iterdir())


def test_before_the_first_checkpoint_there_is_no_position(kept):
    assert kept.position() is None


def test_a_position_comes_back_as_it_was(kept, trained):
    kept.save(POSITION, trained)
    loaded = kept.position()
    assert loaded.sums.pop("loss") == [3.5, 17]
    assert {**vars(loaded), "sums": POSITION.sums} == vars(POSITION)


def test_a_position_written_before_sums_were_kept_can_be_read(kept, trained):
    kept.save(POSITION, trained)
    (kept.folder / "000000" / "position.json").write_text(
        '{"stage": 1, "epoch": 2, "step": 0, "best": null, "best_epoch": -1, "epochs_done": 2}'
    )
    assert kept.position() == Position(stage=1, epoch=2, epochs_done=2)


def test_training_goes_on_from_a_checkpoint_as_if_never_stopped(kept):
    first = model()
    train(first, 4)
    kept.save(POSITION, first)
    second = model()
    kept.load_into(second)
    assert train(second, 5) == pytest.approx(train(first, 5), rel=1e-6)


def test_a_checkpoint_without_seeds_can_be_read(kept, trained):
    kept.save(POSITION, trained)
    (kept.folder / "000000" / SEEDS).unlink()
    second = model()
    kept.load_into(second)
    assert int(second.optimizer.iterations) == 3
    assert all(np.array_equal(a, b) for a, b in zip(second.get_weights(), trained.get_weights(), strict=True))


def test_a_new_checkpoint_replaces_the_older_one(kept, trained):
    for step in range(3):
        kept.save(Position(step=step), trained)
    assert names(kept) == ["000002"] and kept.position().step == 2


def test_a_checkpoint_that_a_crash_left_unfinished_is_ignored(kept, trained):
    kept.save(Position(step=1), trained)
    shutil.copytree(kept.folder / "000000", kept.folder / "000001.partial")
    (kept.folder / "000001.partial" / STATE).write_bytes(b"half")
    assert kept.position().step == 1
    kept.load_into(model())


def test_an_unfinished_checkpoint_is_cleared_away_by_the_next(kept, trained):
    (kept.folder / "000000.partial").mkdir()
    (kept.folder / "000000.partial" / "rubbish").write_text("")
    kept.save(Position(step=1), trained)
    assert names(kept) == ["000000"] and not (kept.folder / "000000" / "rubbish").exists()


def test_of_two_checkpoints_that_a_crash_left_the_newer_counts(kept, trained):
    kept.save(Position(step=1), trained)
    shutil.copytree(kept.folder / "000000", kept.folder / "000007")
    (kept.folder / "000007" / "position.json").write_text('{"step": 7}')
    assert kept.position().step == 7
    kept.save(Position(step=8), trained)
    assert names(kept) == ["000008"]


@pytest.mark.parametrize("moment", ["save_weights", "to_disk"])
def test_an_error_while_saving_leaves_the_last_checkpoint_and_no_litter(kept, trained, monkeypatch, moment):
    kept.save(Position(step=1), trained)

    def fail(*_):
        raise OSError("the disk went away")

    monkeypatch.setattr(checkpoints, moment, fail)
    with pytest.raises(OSError, match="went away"):
        kept.save(Position(step=2), trained)
    assert names(kept) == ["000000"] and kept.position().step == 1


def test_a_full_disk_is_noticed_before_anything_is_written(kept, trained, monkeypatch):
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    with pytest.raises(OSError, match="No space left on device"):
        kept.save(POSITION, trained)
    with pytest.raises(OSError, match="No space left on device"):
        kept.save_best(trained, 0)
    assert names(kept) == []


def test_the_best_weights_of_each_stage_are_kept_apart(kept):
    models = [model(), model()]
    for stage, made in enumerate(models):
        kept.save_best(made, stage)
    for stage, made in enumerate(models):
        loaded = model()
        kept.load_best_into(loaded, stage)
        assert all(
            np.array_equal(a, b) for a, b in zip(loaded.get_weights(), made.get_weights(), strict=True)
        )


def test_best_weights_that_a_crash_left_unfinished_do_not_replace_the_old(kept, trained):
    kept.save_best(trained, 0)
    (kept.folder / "partial.weights.h5").write_bytes(b"half")
    kept.load_best_into(model(), 0)


def test_weights_are_mixed_by_their_shares():
    several = [[np.array([0.0, 4.0]), np.array(1.0)], [np.array([4.0, 0.0]), np.array(5.0)]]
    first, second = mixed(several, [0.25, 0.75])
    assert first.tolist() == [3.0, 1.0] and second == 4.0
