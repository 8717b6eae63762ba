"""CLIP's image tower in Keras against a forward pass in NumPy, and attention rollout through its blocks."""

from __future__ import annotations

import numpy as np
import pytest

from detector.architectures import clip_vit_b16 as clip
from detector.architectures import clip_vit_b16_attention as fused
from tests.support.networks import random_encoder


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_encoder(blocks=2)


def in_numpy(
    arrays: dict[str, np.ndarray], image: np.ndarray, blocks: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """float64 (197, 768), the tokens after so many blocks, and their attentions (12, 197, 197)."""
    w = {name: array.astype(np.float64) for name, array in arrays.items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    def heads(x):
        return x.reshape(197, 12, 64).transpose(1, 0, 2)

    pixels = (image / 255 - clip.MEAN) / clip.DEVIATION
    patches = pixels.reshape(14, 16, 14, 16, 3).transpose(0, 2, 1, 3, 4).reshape(196, -1)
    x = np.vstack([w["class_token"], patches @ w["patch/kernel"].reshape(-1, 768)]) + w["positions"]
    x, attentions = norm(x, "pre_norm"), []
    for number in range(blocks):
        name = f"block{number}"
        y = norm(x, f"{name}/norm1")
        q, k, v = (heads(dense(y, f"{name}/{layer}")) for layer in "qkv")
        scores = np.exp(q @ k.transpose(0, 2, 1) / 8)
        attentions.append(scores / scores.sum(-1, keepdims=True))
        x = x + dense((attentions[-1] @ v).transpose(1, 0, 2).reshape(197, 768), f"{name}/out")
        hidden = dense(norm(x, f"{name}/norm2"), f"{name}/fc1")
        x = x + dense(hidden / (1 + np.exp(-1.702 * hidden)), f"{name}/fc2")
    return x, attentions


@pytest.fixture(scope="module")
def two_blocks(arrays):
    """What Keras and NumPy make of one picture."""
    import keras
    from keras import layers

    views = layers.Input((224, 224, 3))
    x, scores = clip.tokens_of(views), []
    for number in range(2):
        x, attention = clip.block(x, number)
        scores.append(attention)
    network = keras.Model(views, {"tokens": x, "scores": scores, "rollout": clip.rollout_rows(scores, 1)})
    clip.assign(network, arrays, (1,))
    image = np.random.default_rng(1).integers(0, 256, (224, 224, 3)).astype(np.float32)
    answered = {name: value for name, value in network(image[None]).items() if name != "scores"}
    return {name: np.asarray(value)[0] for name, value in answered.items()}, in_numpy(arrays, image, 2)


def test_the_encoder_in_keras_equals_a_forward_pass_in_numpy(two_blocks):
    keras, (tokens, _) = two_blocks
    assert np.abs(keras["tokens"] - tokens).max() < 1e-3 * np.abs(tokens).max()


def test_rollout_of_the_class_token_equals_the_product_of_the_blocks(two_blocks):
    keras, (_, attentions) = two_blocks
    halves = [0.5 * attention.mean(0) + 0.5 * np.eye(197) for attention in attentions]
    assert np.abs(keras["rollout"] - (halves[1] @ halves[0])[0, 1:]).max() < 1e-5


def test_rollout_through_two_blocks_of_two_tokens_by_hand():
    """Class token and one patch. Block 0: the class token attends to the patch with 0.4, block 1 with 0.2;
    the patch to the class token with 0.5 and 0. 0.5 A + 0.5 I: block 0 [[0.8, 0.2], [0.25, 0.75]], block 1
    [[0.9, 0.1], [0, 1]]; the class token's row of their product is 0.9 * [0.8, 0.2] + 0.1 * [0.25, 0.75] =
    [0.745, 0.255]."""
    first = np.array([[[[0.6, 0.4], [0.5, 0.5]]]], np.float32)
    second = np.array([[[[0.8, 0.2], [0.0, 1.0]]]], np.float32)
    assert np.asarray(clip.rollout_rows([first, second], 1)) == pytest.approx(np.array([[0.255]]), abs=1e-6)
    assert np.asarray(clip.rollout_rows([first, second], 0)) == pytest.approx(np.array([[0.2]]), abs=1e-6)


def test_relevance_sums_to_one_and_weighs_blocks_by_what_the_head_gives_them():
    rng = np.random.default_rng(0)
    scores = [rng.dirichlet(np.ones(197), size=(1, 2, 197)).astype(np.float32) for _ in range(10)]
    attention = np.zeros((1, 1, 1, 3, 3), np.float32)
    attention[..., 1] = 1  # all of it goes to the second of the three class tokens
    without_residual = np.asarray(fused.relevance(scores, attention, residual=False))
    row = np.asarray(clip.rollout_rows(scores, fused.READ[1]))
    assert without_residual.shape == (1, 14, 14)
    assert without_residual.ravel() == pytest.approx((row / row.sum()).ravel(), abs=1e-6)
    assert np.asarray(fused.relevance(scores, attention, residual=True)).sum() == pytest.approx(1, abs=1e-5)


def test_a_file_without_all_of_the_encoder_is_refused_by_the_name_of_what_lacks(arrays, tmp_path):
    from detector import encoder_weights

    encoder_weights.write(tmp_path / "half.npz", {"class_token": arrays["class_token"]})
    with pytest.raises(ValueError, match="patch/kernel"):
        fused.build(tmp_path / "half.npz")
