"""Which processor a run uses, said plainly, and set up the same way on every Keras backend."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from train.runs import RunError
from train.runs.hardware import ALL, members


@dataclass(frozen=True)
class Device:
    """kind: "gpu" or "cpu". policy: Keras dtype policy. sentence: what the log says about it. names: of the
    GPUs that share every batch, as TensorFlow calls them; () where one does all of it."""

    kind: str
    policy: str
    sentence: str
    names: tuple[str, ...] = ()


def set_up(asked_for: str = "auto", mixed_precision: bool = True, deterministic: bool = False) -> Device:
    """Find the device, let TensorFlow's GPU memory grow instead of taking it all, and choose the precision.

    asked_for: "cpu", "auto", "cuda:0", "cuda:0,1" or "all", all GPUs, which several are for TensorFlow alone;
    raises RunError where that is a GPU that cannot be used, rather than train for days on the CPU.
    deterministic: whether the same seed must give the same weights to the last bit; JAX computes so anyway.

    Mixed precision is used on GPUs that have matrix units for it: float16 with loss scaling on TensorFlow
    (compute capability 7.0 and up), bfloat16 on JAX and torch. Sets Keras's global dtype policy.
    """
    backend = keras.config.backend()
    several = asked_for == ALL or len(members(asked_for)) > 1
    if several and backend != "tensorflow":
        raise RunError(f"Several GPUs train together on TensorFlow, not on {backend}. Name one: cuda:0.")
    gpu: str | None
    if backend == "tensorflow":
        found, policy = _tensorflow_gpus(several)
        gpu = " and ".join(found) or None
    else:
        found, (gpu, policy) = [], {"jax": _jax_gpu, "torch": _torch_gpu}[backend]()
    if asked_for != ALL and several and len(found) < len(members(asked_for)):
        raise RunError(f"Of {asked_for} TensorFlow can use {len(found)} here. Name those, or give all.")
    policy = policy if mixed_precision else "float32"
    keras.config.set_dtype_policy(policy)
    if deterministic:
        _compute_the_same_again(backend)
    if gpu:
        names = tuple(f"GPU:{number}" for number in range(len(found))) if len(found) > 1 else ()
        each = " Each of them takes its part of every batch." if names else ""
        return Device("gpu", policy, f"Training on {gpu} with {backend}, precision {policy}.{each}", names)
    if asked_for not in ("cpu", "auto"):
        raise RunError(
            f"There is no device {asked_for} that {backend} can use here. Give another one, or --device cpu."
        )
    return Device(
        "cpu",
        policy,
        f"No GPU was found: training on the CPU with {backend}. This works, but it is slow; progress shows"
        " the time left.",
    )


def _compute_the_same_again(backend: str) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)


# The name of the first GPU, or None, and the policy that suits it; of TensorFlow's, all that are to be used.
# keras.distribution.list_devices would not do: on TensorFlow it starts the GPUs, after which memory growth
# can no longer be set, and on torch it does not work at all.


def _tensorflow_gpus(several: bool) -> tuple[list[str], str]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    details = list(map(tf.config.experimental.get_device_details, gpus if several else gpus[:1]))
    fast_float16 = [tuple(one.get("compute_capability", (0, 0))) >= (7, 0) for one in details]
    policy = "mixed_float16" if gpus and all(fast_float16) else "float32"
    return [one.get("device_name", "a GPU") for one in details], policy


def _jax_gpu() -> tuple[str | None, str]:
    import jax

    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    return (gpus[0].device_kind, "mixed_bfloat16") if gpus else (None, "float32")


def _torch_gpu() -> tuple[str | None, str]:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0), (
            "mixed_bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
        )
    return ("Apple's GPU", "float32") if torch.backends.mps.is_available() else (None, "float32")
