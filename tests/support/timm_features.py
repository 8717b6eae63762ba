"""``python -m tests.support.timm_features MODEL OUT.npz``: what the timm that is installed makes of the
random images, with the random arrays. A process of its own: PyTorch and TensorFlow can crash in one."""

from __future__ import annotations

import json
import sys

import numpy as np

from tests.support.timm_checkpoints import random_arrays, random_images


def main(model: str, out: str) -> None:
    """features: (channels,), what the classifier reads. arrays: names and shapes. settings: timm's own of
    the model, as JSON."""
    import timm
    import torch

    network = timm.create_model(model, pretrained=False).eval()
    settings = network.pretrained_cfg
    shapes = {name: tuple(array.shape) for name, array in network.state_dict().items()}
    arrays = {name: torch.from_numpy(array) for name, array in random_arrays(shapes).items()}
    network.load_state_dict(arrays)
    pixels = (random_images() / 255 - np.array(settings["mean"])) / np.array(settings["std"])
    with torch.no_grad():
        maps = network.forward_features(torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32)))
        features = network.forward_head(maps, pre_logits=True)[0].numpy()
    chosen = {key: settings[key] for key in ("hf_hub_id", "tag", "license")}
    np.savez(out, features=features, shapes=json.dumps(shapes), settings=json.dumps(chosen))


if __name__ == "__main__":
    main(*sys.argv[1:])
