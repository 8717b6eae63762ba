"""Taking patches out of a picture: the one way in which occlusion and the faithfulness curves remove them."""

from __future__ import annotations

import cv2
import numpy as np


class Patches:
    """A model input, uint8 (size, size, 3), cut into the cells of a grid (gh, gw), row-major, each of which
    can be blurred away.

    A removed patch shows the same place of a blurred copy of the picture (Petsiuk et al., BMVC 2018, who blur
    for insertion): black or grey squares would be shapes of their own. The blur is Gaussian, its standard
    deviation half a patch: colour stays, what is in a patch goes.
    """

    def __init__(self, image: np.ndarray, grid: tuple[int, int]):
        down, across = grid
        height, width = image.shape[:2]
        self.image = image
        self.grid = grid
        self.n = down * across
        self.blurred = cv2.GaussianBlur(
            image,
            (0, 0),
            sigmaX=width / across / 2,
            sigmaY=height / down / 2,
            borderType=cv2.BORDER_REFLECT_101,
        )
        rows = np.arange(height) * down // height
        columns = np.arange(width) * across // width
        self._cell = rows[:, None] * across + columns  # (H, W): the cell each pixel lies in

    def keeping(self, keep: np.ndarray) -> np.ndarray:
        """uint8 (size, size, 3): the picture with the cells where ``keep``, bool (n,), is False blurred
        away."""
        return np.where(keep[self._cell][..., None], self.image, self.blurred)
