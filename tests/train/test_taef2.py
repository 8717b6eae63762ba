"""train.taef2: the network computes what its files' arrays say, worked out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from train.taef2 import build

WIDTH, LATENT = 4, 3


def arrays(inwards: int, chain: dict[int, str], outwards: int) -> dict[str, np.ndarray]:
    """Random arrays for a chain of layers by place: "conv", "plain" (without bias), "block" or "wide"."""
    rng = np.random.default_rng(len(chain))
    found: dict[str, np.ndarray] = {}

    def convolution(name: str, into: int, out: int, side: int = 3, bias: bool = True) -> None:
        found[f"{name}.weight"] = rng.normal(0, 0.3, (out, into, side, side)).astype(np.float16)
        if bias:
            found[f"{name}.bias"] = rng.normal(0, 0.1, out).astype(np.float16)

    for place, kind in chain.items():
        if kind in ("conv", "plain"):
            into = inwards if place == min(chain) else WIDTH
            out = outwards if place == max(chain) else WIDTH
            convolution(str(place), into, out, bias=kind == "conv")
            continue
        for part in (0, 2, 4):
            convolution(f"{place}.conv.{part}", WIDTH, WIDTH)
        if kind == "wide":
            convolution(f"{place}.pool.0", WIDTH, 4 * WIDTH, 1, bias=False)
            found[f"{place}.pool.1.weight"] = rng.normal(1, 0.2, 4 * WIDTH).astype(np.float16)
            found[f"{place}.pool.1.bias"] = rng.normal(0, 0.2, 4 * WIDTH).astype(np.float16)
            convolution(f"{place}.pool.3", 4 * WIDTH, WIDTH, 1, bias=False)
    return found


DOWN = {0: "conv", 1: "block", 2: "plain", 6: "plain", 10: "plain", 14: "conv"}
DOWN |= dict.fromkeys((3, 4, 5, 7, 8, 9), "block") | dict.fromkeys((11, 12, 13), "wide")
UP = {1: "conv", 7: "plain", 12: "plain", 17: "plain", 18: "block", 19: "conv"}
UP |= dict.fromkeys((3, 4, 5), "wide") | dict.fromkeys((8, 9, 10, 13, 14, 15), "block")


@pytest.fixture(scope="module")
def encoder() -> dict[str, np.ndarray]:
    return arrays(3, dict(sorted(DOWN.items())), LATENT)


@pytest.fixture(scope="module")
def decoder() -> dict[str, np.ndarray]:
    return arrays(LATENT, dict(sorted(UP.items())), 3)


def convolved(x: np.ndarray, own: dict[str, np.ndarray], name: str, stride: int = 1) -> np.ndarray:
    """x: (C, H, W), with zeros around it."""
    kernel = own[f"{name}.weight"].astype(np.float64)
    side = kernel.shape[-1]
    padded = np.pad(x, [(0, 0), *[(side // 2, side // 2)] * 2])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    answer = np.einsum("chwij,ocij->ohw", windows[:, ::stride, ::stride], kernel)
    return answer + own[f"{name}.bias"].astype(np.float64)[:, None, None] if f"{name}.bias" in own else answer


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def through_block(x: np.ndarray, own: dict[str, np.ndarray], place: int) -> np.ndarray:
    if f"{place}.pool.0.weight" in own:
        wide = convolved(x, own, f"{place}.pool.0")
        groups = wide.reshape(4, -1)
        groups = (groups - groups.mean(1, keepdims=True)) / np.sqrt(groups.var(1, keepdims=True) + 1e-5)
        scale, shift = (own[f"{place}.pool.1.{name}"].astype(np.float64) for name in ("weight", "bias"))
        wide = relu(groups.reshape(wide.shape) * scale[:, None, None] + shift[:, None, None])
        x = x + convolved(wide, own, f"{place}.pool.3")
    y = relu(convolved(x, own, f"{place}.conv.0"))
    y = relu(convolved(y, own, f"{place}.conv.2"))
    return relu(convolved(y, own, f"{place}.conv.4") + x)


def expected(x: np.ndarray, encoder: dict[str, np.ndarray], decoder: dict[str, np.ndarray]) -> np.ndarray:
    for place, kind in sorted(DOWN.items()):
        if kind in ("block", "wide"):
            x = through_block(x, encoder, place)
        else:
            x = convolved(x, encoder, str(place), stride=2 if kind == "plain" else 1)
    x = 3 * np.tanh(x / 3)
    for place, kind in sorted(UP.items()):
        if kind in ("block", "wide"):
            x = through_block(x, decoder, place)
            continue
        if kind == "plain":
            x = x.repeat(2, axis=1).repeat(2, axis=2)
        x = convolved(x, decoder, str(place))
        x = relu(x) if place == 1 else x
    return x


def test_it_computes_what_numpy_does(encoder, decoder):
    picture = np.random.default_rng(0).random((16, 24, 3))
    found = np.asarray(build(encoder, decoder)(picture[None].astype(np.float32), training=False))[0]
    answer = expected(picture.transpose(2, 0, 1), encoder, decoder).transpose(1, 2, 0)
    assert found.shape == picture.shape
    np.testing.assert_allclose(found, answer, atol=1e-3 * np.abs(answer).max())


def test_arrays_that_are_missing_are_named(encoder, decoder):
    with pytest.raises(ValueError, match=r"no 6\.weight"):
        build({name: array for name, array in encoder.items() if name != "6.weight"}, decoder)


def test_arrays_that_are_too_many_are_named(encoder, decoder):
    with pytest.raises(ValueError, match=r"not known: 20\.weight"):
        build(encoder, {**decoder, "20.weight": decoder["1.weight"]})


def test_the_decoder_of_another_network_is_refused(encoder, decoder):
    with pytest.raises(ValueError, match="takes 5 channels, not 3"):
        build(encoder, {**decoder, "1.weight": np.zeros((WIDTH, LATENT + 2, 3, 3), np.float16)})
