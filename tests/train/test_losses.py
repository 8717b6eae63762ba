"""train.losses, against values computed by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from train.losses import AUC, Accuracy, AttentionFocus, attention_entropy


def entropy(*rows) -> list[float]:
    """Of one picture's attention: one layer, one head, each row what a patch attends to."""
    attention = np.asarray(rows, np.float32)[None, None, None]
    return keras.ops.convert_to_numpy(attention_entropy(np.zeros((1, 1)), attention)).tolist()


def test_even_attention_has_an_entropy_of_1():
    assert entropy(*[[0.25] * 4] * 4) == pytest.approx([1.0])


def test_attention_on_one_patch_has_none():
    assert entropy(*[[0, 1, 0, 0]] * 4) == pytest.approx([0.0], abs=1e-6)


def test_attention_on_two_of_four_patches_has_half():
    assert entropy(*[[0.5, 0.5, 0, 0]] * 4) == pytest.approx([0.5])


def test_what_counts_is_what_a_patch_receives_not_how_sharply_each_one_looks():
    assert entropy(*np.eye(4)) == pytest.approx([1.0])


def test_pictures_are_told_apart():
    attention = np.stack([np.full((1, 1, 2, 2), 0.5), np.array([[[[1, 0], [1, 0]]]])]).astype(np.float32)
    assert keras.ops.convert_to_numpy(attention_entropy(None, attention)) == pytest.approx(
        [1.0, 0.0], abs=1e-6
    )


@pytest.mark.parametrize(("target", "expected"), [(0.2, 0.3), (0.5, 0.0), (0.9, 0.0)])
def test_only_what_is_above_the_target_is_a_loss(target, expected):
    attention = np.array([[[[[0.5, 0.5, 0, 0]] * 4]]], np.float32)
    assert float(AttentionFocus(target)(np.zeros((1, 1)), attention)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("metric", "expected"), [(Accuracy, 0.75), (AUC, 0.75)])
def test_soft_targets_are_measured_by_the_labels_they_are_on_the_side_of(metric, expected):
    targets, logits = np.array([[0.505], [0.9], [0.495], [0.1]]), np.array([[-1.0], [2.0], [-0.5], [-3.0]])
    of_soft, of_hard = metric(), metric()
    of_soft.update_state(targets, logits)
    of_hard.update_state(np.round(targets), logits)
    assert float(of_soft.result()) == pytest.approx(float(of_hard.result()))
    assert float(of_soft.result()) == pytest.approx(expected, abs=0.01)
