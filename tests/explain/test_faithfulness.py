"""Deletion and insertion against curves worked out by hand."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest

from detector.evaluation.calibration import sigmoid
from detector.explain import METHODS, Heatmap, Job
from detector.explain.faithfulness import BETTER, NO_BETTER, WORSE, Faithfulness, RandomOrders, measure, steps
from detector.explain.heatmap import LOGIT
from detector.explain.patches import Patches
from tests.support.networks import PLANTED, noise

LOG_9 = float(np.log(9))  # a logit that means 90%


class Counting:
    """Stands in for an engine: the logit is the sum of a weight for every patch that still shows the
    picture."""

    def __init__(self, weights, image: np.ndarray):
        self.weights, self.image = np.array(weights, float), image
        self.bundle = SimpleNamespace(architecture=SimpleNamespace(grid=self.weights.shape))
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        rows, columns = self.weights.shape
        same = (images == self.image).all(axis=-1)
        kept = same.reshape(len(images), rows, images.shape[1] // rows, columns, -1).mean(axis=(2, 4)) > 0.9
        return (kept * self.weights).sum(axis=(1, 2)).astype(np.float32), None

    def y_score(self, logits):
        return sigmoid(logits)

    def side(self, logit):
        return "ai" if logit >= 0 else "real"


def curves(weights, *maps, **options) -> list[Faithfulness]:
    image = noise(60)
    engine = Counting(weights, image)
    return measure(
        Job(engine), image, [Heatmap(np.array(values, np.float32), "test", **options) for values in maps]
    )


ONE = [[LOG_9, 0], [0, 0]]
"""90% while the first patch is there, 50% without."""


def test_deletion_and_insertion_of_the_right_order_by_hand():
    (found,) = curves(ONE, [[4, 3], [2, 1]])
    np.testing.assert_allclose(found.random.share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(found.deletion, [0.9, 0.5, 0.5, 0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(found.insertion, [0.5, 0.9, 0.9, 0.9, 0.9], atol=1e-6)
    assert found.deletion_auc == pytest.approx(
        0.7 / 4 + 0.5 * 3 / 4
    ) and found.insertion_auc == pytest.approx(0.7 / 4 + 0.9 * 3 / 4)


def test_the_reverse_order_loses_what_the_right_one_gains():
    right, wrong = curves(ONE, [[4, 3], [2, 1]], [[1, 2], [3, 4]])
    assert right.gain == pytest.approx(0.15) and wrong.gain == pytest.approx(-0.15)


def test_random_orders_have_the_mean_that_all_orders_have():
    """The patch that counts is as often first as last, and each order comes with its reverse: 0.9 and 0.5
    halfway, exactly."""
    (found,) = curves(ONE, [[4, 3], [2, 1]])
    assert found.random.auc.value == pytest.approx(0.7) and found.deletion_gain.value == pytest.approx(0.15)
    assert found.insertion_gain.value == pytest.approx(0.15)
    assert found.random.mean("deletion")[2].value == pytest.approx(0.7), (
        "half of the orders have lost it after half of the patches"
    )


def test_random_insertion_is_the_reverse_orders_deletion_read_backwards():
    weights = np.arange(-4.0, 5.0).reshape(3, 3)
    (found,) = curves(weights, np.zeros((3, 3)))
    image = noise(60)
    engine = Counting(weights, image)
    patches = Patches(image, (3, 3))
    order = np.random.default_rng(0).permutation(9)  # the first random order
    restored = [
        sigmoid(engine.forward(patches.keeping(np.isin(np.arange(9), order[:count]))[None])[0])[0]
        for count in steps(9)
    ]
    np.testing.assert_allclose(found.random.insertion[0], restored, atol=1e-6)


def test_random_gains_are_those_of_all_orders_of_four_patches():
    """By hand: the one patch that counts is removed first, second, third or last, hence 0.15, 0.05, -0.05
    or -0.15."""
    (found,) = curves(ONE, [[4, 3], [2, 1]])
    assert set(np.round(found.random.gains, 4)) <= {0.15, 0.05, -0.05, -0.15}
    assert len(list(permutations(range(4)))) == 24 and found.badge == NO_BETTER, (
        "of 24 orders every fourth is as good: that proves nothing"
    )


def test_confidence_is_that_of_the_side_the_picture_is_on():
    (found,) = curves(-np.array(ONE), [[4, 3], [2, 1]])
    assert found.side == "real" and found.confidence == pytest.approx(0.9)
    np.testing.assert_allclose(found.deletion, [0.9, 0.5, 0.5, 0.5, 0.5], atol=1e-6)


def test_signed_map_goes_by_its_value_towards_the_verdict():
    weights = [[-3, 0], [1, 0]]
    (found,) = curves(weights, weights, signed=True, unit=LOGIT)
    # called real: first the -3 goes, then what does not count, last what spoke against the verdict
    np.testing.assert_allclose(found.deletion, sigmoid(np.array([2, -1, -1, -1, 0])), atol=1e-6)


def test_equal_values_are_in_random_order_and_not_by_place():
    flat = Heatmap(np.zeros((7, 7), np.float32), "test")
    orders = [tuple(flat.order("ai", seed)) for seed in range(3)]
    assert len(set(orders)) == 3 and all(sorted(order) == list(range(49)) for order in orders)
    assert orders[0] == tuple(flat.order("ai", 0))


def test_drops_say_what_is_left_without_the_strongest_patches():
    weights = np.zeros((5, 4))
    weights.ravel()[:2] = LOG_9  # of 20 patches two count: 10%
    (found,) = curves(weights, weights)
    assert [(drop.share, drop.patches) for drop in found.drops] == [(0.1, 2), (0.2, 4), (0.5, 10)]
    assert [drop.confidence for drop in found.drops] == pytest.approx([0.5, 0.5, 0.5])
    assert found.confidence == pytest.approx(81 / 82) and all(
        drop.random.low <= drop.random.value <= drop.random.high for drop in found.drops
    )


@pytest.mark.parametrize(("sign", "badge"), [(1, BETTER), (-1, WORSE)])
def test_badge_of_an_order_that_no_random_one_matches(sign, badge):
    weights = np.linspace(-1, 1, 16).reshape(4, 4)
    (found,) = curves(weights + 0.3, sign * weights)
    assert found.badge == badge and found.chance == pytest.approx(1 / 22)


def test_badge_of_a_random_order():
    weights = np.linspace(-1, 1, 16)
    maps = [np.random.default_rng(seed).permutation(16).reshape(4, 4) for seed in range(100, 160)]
    badges = [found.badge for found in curves(weights.reshape(4, 4) + 0.3, *maps)]
    assert badges.count(NO_BETTER) >= 48, "about 54 of 60 by chance"


def test_few_random_orders_give_no_badge():
    share = np.array([0, 0.5, 1])
    random = RandomOrders(share, np.array([[0.9, 0.7, 0.5], [0.9, 0.7, 0.5]]))
    assert (
        Faithfulness("test", "ai", np.array([0.9, 0.5, 0.5]), np.array([0.5, 0.9, 0.9]), (), random).badge
        == NO_BETTER
    )


def test_several_maps_share_the_random_orders_of_a_picture():
    image = noise(32)
    alone, together = Counting(np.eye(4), image), Counting(np.eye(4), image)
    maps = [Heatmap(np.eye(4, dtype=np.float32) * sign, "test", signed=True, unit=LOGIT) for sign in (1, -1)]
    for heatmap in maps:
        measure(Job(alone), image, [heatmap])
    found = measure(Job(together), image, maps)
    assert found[0].random is found[1].random and together.seen < 0.6 * alone.seen


def test_map_on_another_grid_is_refused():
    with pytest.raises(ValueError, match="grid"):
        curves(ONE, np.zeros((3, 3)))


@pytest.mark.parametrize("n", [4, 9, 16, 49, 196])
def test_steps_go_from_none_to_all_and_back_the_same_way(n):
    counts = steps(n)
    assert counts[0] == 0 and counts[-1] == n and (np.diff(counts) > 0).all()
    np.testing.assert_array_equal(n - counts[::-1], counts)
    assert {max(1, round(n * share)) for share in (0.1, 0.2, 0.5)} <= set(counts.tolist())


# ---- patches


def test_only_the_patches_left_out_are_blurred():
    image = noise(28)
    patches = Patches(image, (7, 7))
    keep = np.ones(49, bool)
    keep[8] = False  # second row, second column: pixels 4 to 7
    shown = patches.keeping(keep)
    changed = (shown != image).any(axis=-1)
    assert changed[4:8, 4:8].mean() > 0.9 and changed.sum() == changed[4:8, 4:8].sum()
    np.testing.assert_array_equal(shown[4:8, 4:8], patches.blurred[4:8, 4:8])


def test_blur_leaves_the_colour_and_takes_the_texture():
    stripes = np.zeros((28, 28, 3), np.uint8)
    stripes[:, ::2] = 200
    blurred = Patches(stripes, (7, 7)).blurred
    assert np.abs(blurred.astype(int) - 100).max() <= 3


# ---- on a network


@pytest.mark.parametrize("method", METHODS)
def test_deletion_finds_the_one_patch_at_once(planted, planted_photo, method):
    (found,) = planted.faithfulness(planted_photo, [planted.explain(planted_photo, method)])
    assert found.method == method and found.side == "ai" and found.confidence > 0.9
    assert (found.deletion[1:] < 0.5).all() and (found.insertion[1:] > 0.9).all() and found.insertion[0] < 0.5
    assert found.gain >= found.random.gains.max() - 1e-6 and found.drops[0].confidence < 0.5


def test_same_picture_and_maps_give_the_same_curves(planted, planted_photo):
    heatmap = planted.explain(planted_photo, "occlusion")
    first, second = (planted.faithfulness(planted_photo, [heatmap])[0] for _ in range(2))
    np.testing.assert_array_equal(first.deletion, second.deletion)
    np.testing.assert_array_equal(first.random.deletion, second.random.deletion)
    assert heatmap.order("ai")[0] == PLANTED


def test_faithfulness_is_of_the_photo_as_the_model_sees_it(classifier, photo):
    pixels = photo("warm", 90, 70)
    (found,) = classifier.faithfulness(
        pixels, [classifier.explain(pixels, "attention rollout")], random_pairs=1
    )
    assert found.confidence == pytest.approx(classifier.analyse(pixels).y_score, abs=1e-5)
