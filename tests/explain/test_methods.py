"""detector.explain: one verb, one result type; every method on every network."""

import threading

import numpy as np
import pytest

from detector.architectures import ARCHITECTURES
from detector.explain import METHODS, Cancelled, Heatmap, Unavailable
from detector.explain.head_weights import HeadWeights
from detector.explain.heatmap import LOGIT, RELATIVE, SHARE
from detector.explain.token_contributions import contributions
from tests.support.networks import NARROW, NETWORKS, PLANTED, TINY, noise, posing_as_one_layer, smaller

POOLED = [name for name, entry in ARCHITECTURES.items() if not entry.has_attention]
TRANSFORMERS = [name for name, entry in ARCHITECTURES.items() if entry.class_token]
NO_ATTENTION = "no attention"
OTHER_HEAD = "not one attention layer"
CANNOT = {
    ("plain", "attention rollout"): "no attention",
    ("plain", "token contributions"): "not one attention layer",
    ("two-layers", "token contributions"): "not one attention layer",
    **{(name, "attention rollout"): NO_ATTENTION for name in POOLED},
    **{(name, "token contributions"): OTHER_HEAD for name in (*POOLED, *TRANSFORMERS)},
    **{(name, "grad-cam"): "no map of places" for name in TRANSFORMERS},
}
"""(network, method) -> part of the sentence why not; everything else must work."""


@pytest.fixture(scope="module", autouse=True)
def _smaller():
    with smaller():
        yield


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def network(request, made):
    return made(NETWORKS[request.param], **NARROW.get(request.param, {}))


@pytest.fixture(scope="module")
def tiny(made):
    return made(TINY)


def size(classifier) -> int:
    return classifier.bundle.preprocessing.size


# ---- every architecture, every method


@pytest.mark.parametrize("method", METHODS)
def test_a_method_explains_a_network_or_says_why_not(network, method):
    architecture, photo = network.bundle.architecture, noise(size(network))
    sentence = METHODS[method].available(architecture)
    if expected := CANNOT.get((architecture.name, method)):
        assert expected in sentence
        with pytest.raises(Unavailable, match=expected):
            network.explain(photo, method)
        return
    assert sentence is None
    heatmap = network.explain(photo, method)
    assert (
        isinstance(heatmap, Heatmap) and heatmap.method == method and heatmap.signed == METHODS[method].signed
    )
    assert (
        heatmap.grid == architecture.grid
        and heatmap.values.dtype == np.float32
        and np.isfinite(heatmap.values).all()
    )
    assert np.ptp(heatmap.values) > 0, "random weights and a picture of noise leave no map flat"


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_listed_under_their_names_and_say_what_their_map_means(method):
    assert METHODS[method].name == method and METHODS[method].title and METHODS[method].sentence.endswith(".")


def test_an_architecture_that_promises_what_its_network_does_not_have_is_found_out(made):
    classifier = made(posing_as_one_layer())
    assert METHODS["token contributions"].available(classifier.bundle.architecture) is None
    with pytest.raises(Unavailable, match="not one attention layer"):
        classifier.explain(noise(), "token contributions")


def test_unknown_method_is_a_key_error(tiny):
    with pytest.raises(KeyError):
        tiny.explain(noise(), "tea leaves")


@pytest.mark.parametrize(
    ("method", "unit"),
    [
        ("attention rollout", SHARE),
        ("token contributions", LOGIT),
        ("grad-cam", RELATIVE),
        ("occlusion", LOGIT),
    ],
)
def test_units(tiny, method, unit):
    assert tiny.explain(noise(), method).unit == unit


@pytest.mark.parametrize(
    ("method", "forward", "backward"),
    [("attention rollout", 1, 0), ("token contributions", 1, 0), ("grad-cam", 1, 1), ("occlusion", 17, 0)],
)
def test_cost_is_counted(tiny, method, forward, backward):
    cost = tiny.explain(noise(), method).cost
    assert (cost.forward, cost.backward) == (forward, backward) and cost.seconds > 0
    assert METHODS[method].pictures(16) == forward


def test_rollout_is_the_analysis_heatmap(tiny):
    photo = noise(60)
    np.testing.assert_allclose(
        tiny.explain(photo, "attention rollout").values, tiny.analyse(photo).heatmap.values, atol=1e-7
    )


# ---- what must be found


@pytest.mark.parametrize("method", METHODS)
def test_every_map_peaks_at_the_one_patch_the_network_looks_at(planted, planted_photo, method):
    heatmap = planted.explain(planted_photo, method)
    assert planted.analyse(planted_photo).verdict == "ai"
    assert heatmap.values.argmax() == PLANTED and not heatmap.diffuse
    assert np.sort(heatmap.values.ravel())[-1] > 3 * np.sort(np.abs(heatmap.values.ravel()))[-2]


def test_occlusion_is_exactly_zero_where_the_network_is_blind(planted, planted_photo):
    values = planted.explain(planted_photo, "occlusion").values.ravel()
    assert values[PLANTED] > 1
    np.testing.assert_allclose(np.delete(values, PLANTED), 0, atol=1e-5)


# ---- token contributions


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("heads", [1, 4])
def test_contributions_and_constant_sum_to_the_logit(made, heads, residual):
    classifier = made(TINY, heads=heads, residual=residual, seed=heads)
    for number in range(3):
        photo = noise(seed=number)
        heatmap = classifier.explain(photo, "token contributions")
        assert heatmap.values.sum(dtype=np.float64) + heatmap.constant == pytest.approx(
            classifier.analyse(photo).logit, abs=1e-4
        )
        assert abs(heatmap.constant) > 1e-3, "a network with biases has a constant"


def test_contributions_by_hand():
    """Two tokens of one channel, one head: x = (1, 2), v = 3x + 1 = (4, 7), A = [[1, 0], [.5, .5]], W_o = 2,
    b_o = 1.

    Token 1 receives 1.5, token 2 0.5. c_1 = g/2 (1 + 1.5 * 2 * 4) = 6.5 g, c_2 = g/2 (2 + .5 * 2 * 7) = 4.5
    g; pooled = 6.5 + 4.5 + 1 = 12. Units: 12 - 2 = 10, active, weight 5; -12 + 1 < 0, not active. g = 5;
    constant = 5 * 1 + 5 * (-2) + 7.
    """
    unused = (np.zeros((1, 1, 1)), np.zeros((1, 1)))
    head = HeadWeights(
        query=unused,
        key=unused,
        value=(np.full((1, 1, 1), 3.0), np.full((1, 1), 1.0)),
        output=(np.full((1, 1, 1), 2.0), np.full(1, 1.0)),
        hidden=(np.array([[1.0, -1.0]]), np.array([-2.0, 1.0])),
        logit=(np.array([[5.0], [9.0]]), np.array([7.0])),
        residual=True,
    )
    shares, constant = contributions(np.array([[1.0], [2.0]]), np.array([[[1, 0], [0.5, 0.5]]]), head)
    np.testing.assert_allclose(shares, [32.5, 22.5])
    assert constant == 2.0 and shares.sum() + constant == 5 * 10 + 7


# ---- manners


def test_progress_ends_where_it_said_it_would(tiny):
    told = []
    tiny.explain(noise(), "occlusion", progress=lambda done, total: told.append((done, total)))
    assert told == [(8, 17), (16, 17), (17, 17)]


@pytest.mark.parametrize("method", METHODS)
def test_cancelled_before_the_first_batch_asks_the_network_nothing(tiny, method):
    told = []
    with pytest.raises(Cancelled):
        tiny.explain(noise(), method, progress=lambda *far: told.append(far), cancelled=lambda: True)
    assert told == []


def test_cancelled_between_batches(tiny):
    told = []
    heatmaps = [tiny.explain(noise(), method) for method in METHODS]
    with pytest.raises(Cancelled):
        tiny.faithfulness(
            noise(), heatmaps, progress=lambda *far: told.append(far), cancelled=lambda: len(told) >= 2
        )
    assert len(told) == 2


def test_two_threads_get_the_same_maps_as_one_alone(tiny):
    photos = [noise(seed=number) for number in range(3)]
    tasks = [(photo, method) for photo in photos for method in METHODS]
    alone = [tiny.explain(*task).values for task in tasks]
    found = [[] for _ in range(2)]

    def work(results, order):
        results.extend((place, tiny.explain(*tasks[place]).values) for place in order)

    threads = [
        threading.Thread(target=work, args=args)
        for args in zip(found, (range(len(tasks)), range(len(tasks) - 1, -1, -1)), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results in found:
        assert len(results) == len(tasks)
        for place, values in results:
            np.testing.assert_allclose(values, alone[place], atol=1e-6)


def test_first_call_may_come_from_several_threads_at_once(made):
    """Compiling is shared, and nobody gets a half-made function."""
    fresh, photo, found, barrier = made(TINY), noise(), [], threading.Barrier(3)

    def work():
        barrier.wait()
        found.append(fresh.explain(photo, "grad-cam").values)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for values in found[1:]:
        np.testing.assert_array_equal(values, found[0])
