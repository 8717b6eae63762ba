"""The result type: units, references, ceilings. The rollout's own are in tests/explain/test_explain.py."""

import numpy as np
import pytest

from detector.explain import Heatmap
from detector.explain.heatmap import LOGIT, RELATIVE, SIGNED_FLOOR


def relative(values) -> Heatmap:
    return Heatmap(np.array(values, np.float32), "test", unit=RELATIVE)


def signed(values) -> Heatmap:
    return Heatmap(np.array(values, np.float32), "test", signed=True, unit=LOGIT)


def test_a_map_without_a_unit_of_its_own_is_read_in_multiples_of_its_mean():
    np.testing.assert_allclose(relative([[2, 4], [6, 8]]).relative, [[0.4, 0.8], [1.2, 1.6]], atol=1e-6)
    assert relative([[2, 4], [6, 8]]).peak == pytest.approx(1.6) and relative([[2, 4], [6, 8]]).diffuse


def test_its_scale_does_not_matter():
    small, large = relative([[0, 1e-6], [2e-6, 0]]), relative([[0, 1e6], [2e6, 0]])
    np.testing.assert_allclose(small.display(), large.display(), atol=1e-6)


def test_an_even_one_is_not_stretched():
    np.testing.assert_allclose(relative(np.full((4, 4), 7)).display(), 0.25)


def test_one_that_is_all_in_one_cell_ends_at_it():
    values = np.zeros((4, 4))
    values[1, 2] = 0.3
    assert (
        relative(values).peak == pytest.approx(16)
        and relative(values).display().max() == 1
        and not relative(values).diffuse
    )


@pytest.mark.parametrize("empty", [relative(np.zeros((2, 2))), signed(np.zeros((2, 2)))])
def test_a_map_of_zeros_is_dark_and_diffuse(empty):
    assert empty.peak == 0 and empty.diffuse
    np.testing.assert_array_equal(empty.display(), np.zeros((2, 2)))


def test_a_signed_map_is_symmetric_around_zero_up_to_its_largest_absolute_value():
    heatmap = signed([[1, -4], [2, 0]])
    assert heatmap.ceiling == 4
    np.testing.assert_allclose(heatmap.display(), [[0.25, -1], [0.5, 0]])


def test_a_signed_map_is_not_stretched_below_its_floor():
    heatmap = signed([[SIGNED_FLOOR / 5, -SIGNED_FLOOR / 10]])
    assert heatmap.ceiling == SIGNED_FLOOR
    np.testing.assert_allclose(heatmap.display(), [[0.2, -0.1]], atol=1e-6)


def test_peak_of_a_signed_map_counts_both_sides():
    heatmap = signed([[1, -5], [1, 1]])
    assert heatmap.peak == pytest.approx(2.5) and not heatmap.diffuse and heatmap.reference == 2


@pytest.mark.parametrize(("side", "order"), [("ai", [0, 3, 1, 2]), ("real", [2, 1, 3, 0])])
def test_order_of_a_signed_map_depends_on_the_side(side, order):
    assert signed([[3, -1], [-2, 1]]).order(side).tolist() == order


@pytest.mark.parametrize("side", ["ai", "real"])
def test_order_of_an_unsigned_map_does_not(side):
    assert relative([[3, 1], [0, 2]]).order(side).tolist() == [0, 3, 1, 2]
