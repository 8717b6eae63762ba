"""A super-resolution network in ncnn's form, for instance SPAN (Wan et al., CVPRW 2024): what it makes of a
photo that was made smaller is the photo at its size, with the traces of its last layers.

It runs on the processor, in ncnn (``pip install ncnn``). ncnn reads its files without much care: take them
from where they are published.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

INSTALL = "ncnn is not installed: pip install ncnn"
SIDE = 16


class Upscaler:
    """float32 (1, H, W, 3) in [0, 1] -> the same shape, about the same pixels; H and W multiples of 8."""

    def __init__(self, file: Path):
        """file: the network's graph, ``NAME.param``; its numbers lie beside it, ``NAME.bin``. Raises OSError,
        and ValueError for files that ncnn cannot read, a network that is none of these, and without ncnn."""
        try:
            import ncnn
        except ImportError as error:
            raise ValueError(INSTALL) from error
        for path in (file, file.with_suffix(".bin")):
            path.open("rb").close()
        self.name = file.stem
        self._matrix, self._network = ncnn.Mat, ncnn.Net()
        self._network.opt.use_vulkan_compute = False
        read = self._network.load_param(str(file)), self._network.load_model(str(file.with_suffix(".bin")))
        if any(read):
            raise ValueError(f"ncnn cannot read {file.name} with {self.name}.bin.")
        larger = self._enlarged(np.zeros((SIDE, SIDE, 3), np.float32))
        self.scale = larger.shape[0] // SIDE
        if larger.shape != (self.scale * SIDE, self.scale * SIDE, 3) or self.scale not in (2, 4, 8):
            raise ValueError(f"{file.name} does not make pictures 2, 4 or 8 times larger.")

    def __call__(self, pixels: np.ndarray, training: bool = False) -> np.ndarray:
        height, width = (side // self.scale for side in pixels.shape[1:3])
        photo = Image.fromarray(np.rint(255 * pixels[0]).astype(np.uint8))
        small = np.asarray(photo.resize((width, height), Image.Resampling.BICUBIC))
        return self._enlarged(small.astype(np.float32) / 255)[None]

    def _enlarged(self, small: np.ndarray) -> np.ndarray:
        """float32 (h, w, 3) -> float32 (H, W, 3)."""
        (read, *_), (answered, *_) = self._network.input_names(), self._network.output_names()
        planes = np.ascontiguousarray(
            small.transpose(2, 0, 1)
        )  # held here: ncnn does not keep what it is given
        with self._network.create_extractor() as run:
            run.input(read, self._matrix(planes))
            failed, answer = run.extract(answered)
            if failed:
                raise ValueError(f"{self.name}.param takes something else than pictures.")
            return np.array(answer).transpose(1, 2, 0)
