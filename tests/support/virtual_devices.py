"""``python -m tests.support.virtual_devices ...``: ``python -m train ...`` where two processors that
TensorFlow makes of one stand for two GPUs. TensorFlow must not have started before."""

from __future__ import annotations

import sys

import tensorflow as tf

DEVICES = ("CPU:0", "CPU:1")


def split_processor() -> None:
    """Have TensorFlow make ``DEVICES``."""
    processor = tf.config.list_physical_devices("CPU")[0]
    each = [tf.config.LogicalDeviceConfiguration() for _ in DEVICES]
    tf.config.set_logical_device_configuration(processor, each)


def main() -> int:
    from train import __main__ as script
    from train import device

    split_processor()
    found = device.Device("gpu", "float32", "Training on two of the test's own.", DEVICES)
    device.set_up = lambda *arguments, **named: found
    return script.main()


if __name__ == "__main__":
    sys.exit(main())
