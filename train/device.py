"""Which processor a run uses, said plainly, and set up the same way on every Keras backend."""

from __future__ import annotations

from dataclasses import dataclass


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
    import keras

    backend = keras.config.backend()
    gpus = keras.distribution.list_devices("gpu")
    policy = "float32"
    if gpus and backend == "tensorflow":
        import tensorflow as tf

        physical = tf.config.list_physical_devices("GPU")
        for gpu in physical:
            tf.config.experimental.set_memory_growth(gpu, True)
        capability = tf.config.experimental.get_device_details(physical[0]).get("compute_capability", (0, 0))
        if mixed_precision and tuple(capability) >= (7, 0):
            policy = "mixed_float16"
    elif gpus and mixed_precision:
        policy = "mixed_bfloat16"
    keras.config.set_dtype_policy(policy)
    if gpus:
        return Device("gpu", policy, f"Training on {gpus[0]} with {backend}, precision {policy}.")
    return Device("cpu", policy, f"No GPU was found: training on the CPU with {backend}. This works, but it is slow; progress shows the time left.")
