"""Several GPUs of one machine that share every batch, on TensorFlow.

Each computes the gradient of its part; their mean is one step of an optimizer that knows nothing of it. Under
``tf.distribute.MirroredStrategy`` Keras clips what each GPU found before it is added up, and has each GPU
compute all that ``train_on_batch`` is given. Here weights, optimizer and checkpoints are those of a run on
one GPU, so that a run may go on with another number of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras


class DataParallel(keras.Model):
    """A functional model whose training step is shared.

    devices: as TensorFlow calls them ("GPU:0"), as many as divide every batch evenly. Weights lie on the
    first one, and on the others as a copy during each step. Compile it without XLA, which computes on one
    device.
    """

    devices: Sequence[str] = ()

    def train_step(self, data: Any) -> dict[str, Any]:
        """What ``keras.Model.train_step`` does, for losses that are means over a batch."""
        import tensorflow as tf

        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        outputs, losses, gradients = [], [], []
        with gentler_batch_norm(self, steps=len(self.devices)):
            for number, device in enumerate(self.devices):
                with tf.device(device):  # its way back as well: nothing else puts that there
                    part = self._part((x, y), number)
                    output, loss, gradient = self._gradient(*part)
                outputs.append(output)
                losses.append(loss)
                gradients.append(gradient)
        self.optimizer.apply([_mean(several) for several in zip(*gradients, strict=True)])
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(_mean(losses))
        whole = keras.tree.map_structure(lambda *parts: tf.concat(parts, axis=0), *outputs)
        return self.compute_metrics(x, y, whole)

    def _part(self, batch: Any, number: int) -> Any:
        """One device's share of a batch."""
        size = keras.ops.shape(batch[0])[0] // len(self.devices)
        return keras.tree.map_structure(lambda whole: whole[number * size : (number + 1) * size], batch)

    def _gradient(self, x: Any, y: Any) -> tuple[Any, Any, list]:
        """Output, loss, and the gradient of the loss as the optimizer wants it scaled."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            output = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=output, training=True)
            scaled = self.optimizer.scale_loss(loss)
        unused = tf.UnconnectedGradients.ZERO
        return output, loss, tape.gradient(scaled, self.trainable_weights, unconnected_gradients=unused)


def training_model(inputs: Any, outputs: Any, devices: Sequence[str]) -> keras.Model:
    """A model of those tensors, ``DataParallel`` where there are several devices."""
    if len(devices) < 2:
        return keras.Model(inputs, outputs)
    model = DataParallel(inputs, outputs)
    model.devices = tuple(devices)
    return model


@contextmanager
def gentler_batch_norm(model: keras.Model, steps: int) -> Iterator[None]:
    """Within, running statistics move in ``steps`` updates about as far as otherwise in one."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum **= 1 / steps
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum


def _mean(several: Sequence[Any]) -> Any:
    return sum(several) / len(several)
