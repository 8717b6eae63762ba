"""detector.explain: attention rollout as in the paper, on matrices small enough to do by hand."""

import numpy as np
import pytest

from detector.explain import Heatmap, received, rollout
from detector.explain.attention_rollout import between_patches, read_by_class_token

A = np.array([[0.8, 0.2], [0.4, 0.6]])
B = np.array([[0.5, 0.5], [1.0, 0.0]])


def layers(*matrices) -> np.ndarray:
    """One head per layer: (layers, 1, n, n)."""
    return np.array(matrices, np.float32)[:, None]


def softmax_rows(*shape: int, seed: int = 0) -> np.ndarray:
    scores = np.exp(np.random.default_rng(seed).normal(size=shape))
    return (scores / scores.sum(-1, keepdims=True)).astype(np.float32)


def test_one_layer_without_residual_is_the_attention_itself():
    np.testing.assert_allclose(rollout(layers(A), residual=False), A, atol=1e-7)


def test_one_layer_with_residual_is_half_attention_half_identity():
    np.testing.assert_allclose(rollout(layers(A), residual=True), [[0.9, 0.1], [0.2, 0.8]], atol=1e-7)


def test_three_tokens_with_residual():
    attention = [[1, 0, 0], [0.5, 0, 0.5], [0.25, 0.5, 0.25]]
    np.testing.assert_allclose(
        rollout(layers(attention), residual=True),
        [[1, 0, 0], [0.25, 0.5, 0.25], [0.125, 0.25, 0.625]],
        atol=1e-7,
    )


def test_two_layers_multiply_later_times_earlier():
    # B A, not A B = [[0.6, 0.4], [0.8, 0.2]]
    np.testing.assert_allclose(rollout(layers(A, B), residual=False), [[0.6, 0.4], [0.8, 0.2]], atol=1e-7)


def test_two_layers_in_the_other_order_differ():
    first, second = layers([[0, 1], [0, 1]], [[1, 0], [1, 0]])[:, 0]
    np.testing.assert_allclose(rollout(layers(first, second), residual=False), [[0, 1], [0, 1]], atol=1e-7)
    np.testing.assert_allclose(rollout(layers(second, first), residual=False), [[1, 0], [1, 0]], atol=1e-7)


def test_two_layers_with_residual():
    # (0.5 B + 0.5 I)(0.5 A + 0.5 I) = [[0.75, 0.25], [0.5, 0.5]] [[0.9, 0.1], [0.2, 0.8]]
    np.testing.assert_allclose(
        rollout(layers(A, B), residual=True), [[0.725, 0.275], [0.55, 0.45]], atol=1e-6
    )


def test_heads_are_averaged():
    np.testing.assert_allclose(
        rollout(np.array([[A, B]], np.float32), residual=False), [[0.65, 0.35], [0.7, 0.3]], atol=1e-7
    )


@pytest.mark.parametrize("residual", [True, False])
def test_rows_sum_to_1(residual):
    rolled = rollout(softmax_rows(3, 4, 49, 49), residual)
    assert rolled.shape == (49, 49) and rolled.dtype == np.float32
    np.testing.assert_allclose(rolled.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (1, 1, 4, 5), (0, 1, 4, 4), (1, 0, 4, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="layers, heads, n, n"):
        rollout(np.ones(shape), residual=False)


def test_received_is_the_column_mean_in_row_major_order():
    rolled = np.array(
        [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0, 0], [0, 0, 1, 0], [0.2, 0.1, 0.3, 0.4]], np.float32
    )
    heatmap = received(rolled, (2, 2))
    np.testing.assert_allclose(heatmap.values, [[0.2, 0.2], [0.4, 0.2]], atol=1e-7)
    assert heatmap.values.dtype == np.float32 and heatmap.method == "attention rollout" and not heatmap.signed


def test_received_on_a_grid_that_is_not_square():
    rolled = np.zeros((6, 6), np.float32)
    rolled[:, 4] = 1  # everybody attends to the fifth token: second row, second column of 2 x 3
    np.testing.assert_array_equal(received(rolled, (2, 3)).values, [[0, 0, 0], [0, 1, 0]])


def test_a_class_token_holds_its_row_of_the_rollout_without_itself():
    """Of the row (0.5, 0.1, 0.2, 0.1, 0.1) the class token keeps a half; the other half is the whole map."""
    rolled = np.full((5, 5), 0.2, np.float32)
    rolled[0] = [0.5, 0.1, 0.2, 0.1, 0.1]
    heatmap = read_by_class_token(rolled, (2, 2))
    np.testing.assert_allclose(heatmap.values, [[0.2, 0.4], [0.2, 0.2]], atol=1e-7)
    np.testing.assert_allclose(between_patches(rolled), np.full((4, 4), 0.25), atol=1e-7)


def test_a_class_tokens_map_is_rolled_out_over_all_layers():
    """A class token and two patches. In the first layer patch 1 looks at patch 2 alone, in the second the
    class token at patch 1 alone: through it, it holds patch 2. With the residual each layer is half itself:
    the class token's row is 0.5 I + 0.5 (patch 1's row), that is 0.5, 0.25 and 0.25."""
    first = [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    second = [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    rolled = rollout(layers(first, second), residual=True)
    np.testing.assert_allclose(rolled[0], [0.5, 0.25, 0.25], atol=1e-7)
    np.testing.assert_allclose(read_by_class_token(rolled, (1, 2)).values, [[0.5, 0.5]], atol=1e-7)


def test_received_sums_to_1_whereas_the_row_mean_would_be_constant():
    rolled = rollout(softmax_rows(1, 1, 9, 9), residual=True)
    assert received(rolled, (3, 3)).values.sum() == pytest.approx(1)
    np.testing.assert_allclose(rolled.mean(axis=1), 1 / 9, atol=1e-6)
    assert np.ptp(received(rolled, (3, 3)).values) > 0.01


def test_uniform_attention_is_diffuse_with_peak_1():
    heatmap = received(np.full((49, 49), 1 / 49, np.float32), (7, 7))
    assert heatmap.peak == pytest.approx(1) and heatmap.diffuse


def test_attention_on_one_token_peaks_at_n():
    rolled = np.zeros((49, 49), np.float32)
    rolled[:, 3] = 1
    heatmap = received(rolled, (7, 7))
    assert heatmap.peak == pytest.approx(49) and not heatmap.diffuse


@pytest.mark.parametrize(("peak", "diffuse"), [(1.9, True), (2.0, False)])
def test_diffuse_is_a_peak_below_twice_the_uniform_share(peak, diffuse):
    rest = (4 - peak) / 3
    assert Heatmap(np.array([[peak, rest], [rest, rest]], np.float32) / 4, "test").diffuse is diffuse


def test_relative_is_multiples_of_the_uniform_share():
    np.testing.assert_allclose(
        Heatmap(np.array([[0.1, 0.2], [0.3, 0.4]], np.float32), "test").relative,
        [[0.4, 0.8], [1.2, 1.6]],
        atol=1e-6,
    )


def test_display_of_a_flat_map_stays_at_a_quarter():
    np.testing.assert_allclose(Heatmap(np.full((2, 2), 0.25, np.float32), "test").display(), 0.25)


def test_display_of_a_strong_map_ends_at_its_peak():
    display = Heatmap(
        np.array([[0, 0.5, 0.25, 0.25]] + [[0] * 4] * 3, np.float32), "test"
    ).display()  # peak 8 of 16
    np.testing.assert_allclose(display[0], [0, 1, 0.5, 0.5])


def test_grid_is_rows_by_columns():
    assert Heatmap(np.zeros((2, 3), np.float32), "test").grid == (2, 3)
