"""train.device: which processor and which precision, with pretended GPUs (none of this needs one)."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from train import device
from train.runs import RunError


@pytest.fixture(autouse=True)
def policy_restored():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def tensorflow_gpus(monkeypatch):
    """Pretend that TensorFlow has GPUs; returns the list of those whose memory was set to grow."""

    def pretend(*capabilities):
        grown = []
        monkeypatch.setattr(
            tf.config,
            "list_physical_devices",
            lambda kind: [f"GPU:{number}" for number in range(len(capabilities))],
        )
        monkeypatch.setattr(
            tf.config.experimental, "set_memory_growth", lambda gpu, grow: grown.append((gpu, grow))
        )
        details = {
            f"GPU:{number}": {"device_name": "Card", **capability}
            for number, capability in enumerate(capabilities)
        }
        monkeypatch.setattr(tf.config.experimental, "get_device_details", details.get)
        return grown

    return pretend


@pytest.fixture
def backend(monkeypatch):
    """Pretend that Keras runs on another backend, whose module looks like this."""

    def pretend(name, **module):
        monkeypatch.setattr(keras.config, "backend", lambda: name)
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**module))

    return pretend


def torch(cuda: bool, bf16: bool = False, mps: bool = False) -> dict:
    card = SimpleNamespace(
        is_available=lambda: cuda,
        get_device_name=lambda number: "Card",
        is_bf16_supported=lambda including_emulation: bf16,
    )
    return {"cuda": card, "backends": SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps))}


def test_without_a_gpu_it_says_that_training_is_slow(tensorflow_gpus):
    tensorflow_gpus()
    found = device.set_up()
    assert (
        (found.kind, found.policy) == ("cpu", "float32")
        and "No GPU was found" in found.sentence
        and "slow" in found.sentence
    )


def test_a_gpu_that_was_asked_for_and_is_not_there_is_refused(tensorflow_gpus):
    tensorflow_gpus()
    with pytest.raises(RunError, match="There is no device cuda:0 that tensorflow can use here"):
        device.set_up("cuda:0")
    assert device.set_up("cpu").kind == "cpu"


def test_tensorflow_uses_float16_on_a_gpu_with_matrix_units(tensorflow_gpus):
    tensorflow_gpus({"compute_capability": (7, 5)})
    found = device.set_up()
    assert (
        (found.kind, found.policy)
        == ("gpu", "mixed_float16")
        == (found.kind, keras.config.dtype_policy().name)
    )
    assert found.sentence == "Training on Card with tensorflow, precision mixed_float16."


def test_tensorflow_lets_the_memory_of_every_gpu_grow(tensorflow_gpus):
    grown = tensorflow_gpus({"compute_capability": (9, 0)}, {})
    device.set_up()
    assert grown == [("GPU:0", True), ("GPU:1", True)]


def test_all_gpus_share_a_batch_where_all_are_asked_for(tensorflow_gpus):
    tensorflow_gpus({"compute_capability": (9, 0)}, {"compute_capability": (8, 0)})
    found = device.set_up("all")
    assert found.names == device.set_up("cuda:2,5").names == ("GPU:0", "GPU:1")
    assert found.policy == "mixed_float16"
    assert found.sentence == (
        "Training on Card and Card with tensorflow, precision mixed_float16. Each of them takes its part of"
        " every batch."
    )
    assert device.set_up("auto").names == device.set_up("cuda:0").names == ()


def test_several_gpus_compute_as_precisely_as_the_oldest_of_them_can(tensorflow_gpus):
    tensorflow_gpus({"compute_capability": (9, 0)}, {"compute_capability": (6, 1)})
    assert (device.set_up("all").policy, device.set_up().policy) == ("float32", "mixed_float16")


def test_one_gpu_that_is_all_there_are_shares_with_none(tensorflow_gpus):
    tensorflow_gpus({"compute_capability": (9, 0)})
    assert device.set_up("all").names == ()
    with pytest.raises(RunError, match="Of cuda:0,1 TensorFlow can use 1 here"):
        device.set_up("cuda:0,1")


def test_several_gpus_are_refused_on_another_backend(backend):
    backend("torch", **torch(cuda=True))
    with pytest.raises(RunError, match="Several GPUs train together on TensorFlow, not on torch"):
        device.set_up("all")


@pytest.mark.parametrize("details", [{"compute_capability": (6, 1)}, {}])
def test_tensorflow_stays_at_float32_on_an_older_or_unknown_gpu(tensorflow_gpus, details):
    tensorflow_gpus(details)
    assert device.set_up().policy == "float32"


def test_mixed_precision_can_be_declined(tensorflow_gpus):
    tensorflow_gpus({"compute_capability": (9, 0)})
    found = device.set_up(mixed_precision=False)
    assert (found.kind, found.policy) == ("gpu", "float32")


def test_jax_uses_bfloat16_on_a_gpu(backend):
    backend("jax", devices=lambda: [SimpleNamespace(platform="gpu", device_kind="Card")])
    assert (device.set_up().kind, device.set_up().policy) == ("gpu", "mixed_bfloat16")


def test_jax_on_a_cpu_is_float32(backend):
    backend("jax", devices=lambda: [SimpleNamespace(platform="cpu", device_kind="cpu")])
    assert (device.set_up().kind, device.set_up().policy) == ("cpu", "float32")


@pytest.mark.parametrize(
    ("module", "kind", "policy"),
    [
        (torch(cuda=True, bf16=True), "gpu", "mixed_bfloat16"),
        (torch(cuda=True, bf16=False), "gpu", "float32"),
        (torch(cuda=False, mps=True), "gpu", "float32"),
        (torch(cuda=False), "cpu", "float32"),
    ],
    ids=["new card", "old card", "Apple", "none"],
)
def test_torch_uses_bfloat16_where_the_gpu_computes_in_it(backend, module, kind, policy):
    backend("torch", **module)
    found = device.set_up()
    assert (found.kind, found.policy) == (kind, policy)


def test_determinism_is_asked_of_tensorflow(tensorflow_gpus, monkeypatch):
    tensorflow_gpus()
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    device.set_up()
    assert asked == []
    device.set_up(deterministic=True)
    assert asked == [True]


def test_determinism_is_asked_of_torch(backend):
    asked = []
    backend("torch", **torch(cuda=False), use_deterministic_algorithms=asked.append)
    device.set_up(deterministic=True)
    assert asked == [True]
