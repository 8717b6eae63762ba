"""Which processor a run uses, said plainly, and set up the same way on every Keras backend."""

from __future__ import annotations

from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Device:
    """kind: "gpu" or "cpu". policy: Keras dtype policy. sentence: what the log says about it."""

    kind: str
    policy: str
    sentence: str


def set_up(mixed_precision: bool = True) -> Device:
    """Find the device, let TensorFlow's GPU memory grow instead of taking it all, and choose the precision.

    Mixed precision is used on GPUs that have matrix units for it: float16 with loss scaling on TensorFlow (compute capability
    7.0 and up), bfloat16 on JAX and torch. Sets Keras's global dtype policy.
    """
    backend = keras.config.backend()
    gpu, policy = {"tensorflow": _tensorflow_gpu, "jax": _jax_gpu, "torch": _torch_gpu}[backend]()
    policy = policy if mixed_precision else "float32"
    keras.config.set_dtype_policy(policy)
    if gpu:
        return Device("gpu", policy, f"Training on {gpu} with {backend}, precision {policy}.")
    return Device("cpu", policy, f"No GPU was found: training on the CPU with {backend}. This works, but it is slow; progress shows the time left.")


# Each returns the name of the first GPU, or None, and the policy that suits it. keras.distribution.list_devices would not do:
# on TensorFlow it starts the GPUs, after which memory growth can no longer be set, and on torch it does not work at all.


def _tensorflow_gpu() -> tuple[str | None, str]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None, "float32"
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    details = tf.config.experimental.get_device_details(gpus[0])
    fast_float16 = tuple(details.get("compute_capability", (0, 0))) >= (7, 0)
    return details.get("device_name", "a GPU"), "mixed_float16" if fast_float16 else "float32"


def _jax_gpu() -> tuple[str | None, str]:
    import jax

    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    return (gpus[0].device_kind, "mixed_bfloat16") if gpus else (None, "float32")


def _torch_gpu() -> tuple[str | None, str]:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0), "mixed_bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return ("Apple's GPU", "float32") if torch.backends.mps.is_available() else (None, "float32")
