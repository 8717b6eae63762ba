"""Random changes to one training image, in NumPy, OpenCV and Pillow, so that every Keras backend trains on
the same pixels."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from detector.perturbations import jpeg_round_trip
from train.recipes import Augmentation


def augment(canonical: np.ndarray, size: int, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """A random square from a canonical picture.

    canonical: uint8 (h, w, 3) from ``Preprocessing.canonical``, h and w at least ``size``. Returns uint8
    (size, size, 3). The same ``rng`` state gives the same pixels. Geometry comes first, in one resampling;
    then colour, then what happens to pictures on their way: downscaling, blur, sharpening, JPEG.
    """
    square = _geometry(canonical, size, settings, rng)
    if settings.brightness or settings.saturation:
        square = _colour(square, settings, rng)
    if settings.contrast:
        square = _contrast(square, 1 + rng.uniform(-settings.contrast, settings.contrast))
    if rng.random() < settings.grey_probability:
        square = cv2.cvtColor(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < settings.downscale_probability:
        small = max(8, round(size * rng.uniform(settings.downscale, 1.0)))
        square = cv2.resize(square, (small, small), interpolation=cv2.INTER_AREA)
        square = cv2.resize(square, (size, size), interpolation=cv2.INTER_CUBIC)
    if rng.random() < settings.blur_probability:
        square = cv2.GaussianBlur(square, (0, 0), max(rng.uniform(0.0, settings.blur_sigma), 0.1))
    if rng.random() < settings.sharpen_probability:
        amount = rng.uniform(0.0, settings.sharpen)
        square = cv2.addWeighted(square, 1 + amount, cv2.GaussianBlur(square, (0, 0), 1.0), -amount, 0)
    if rng.random() < settings.jpeg_probability:
        quality = int(rng.integers(settings.jpeg_quality[0], settings.jpeg_quality[1] + 1))
        square = np.array(jpeg_round_trip(Image.fromarray(square), quality))
    return np.ascontiguousarray(square)


def cutmix(
    images: np.ndarray, labels: np.ndarray, probability: float, rng: np.random.Generator
) -> np.ndarray:
    """Paste rectangles between images of one class, so that no subject or composition speaks for a class and
    every part of a picture must.

    images: uint8 (B, size, size, 3); labels: (B, 1). Each image gets, with ``probability``, a rectangle from
    another image of the batch with the same label, at the same place, covering a uniformly drawn share of the
    square before the edges cut it off. After CutMix (Yun et al., ICCV 2019), which mixes classes and labels;
    here both parts share the label, so it stays whole. Returns a new array.
    """
    mixed, size = images.copy(), images.shape[1]
    for place, label in enumerate(labels[:, 0]):
        partners = np.flatnonzero(labels[:, 0] == label)
        partner, share = rng.choice(partners), rng.random()
        left, top = rng.integers(size, size=2)
        if rng.random() < probability and partner != place:
            half = round(size * np.sqrt(share) / 2)
            rows = slice(max(0, top - half), top + half)
            columns = slice(max(0, left - half), left + half)
            mixed[place, rows, columns] = images[partner, rows, columns]
    return mixed


def _geometry(
    canonical: np.ndarray, size: int, settings: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Position, shift, zoom, rotation and flip. Without zoom and rotation it is a plain crop: no pixel is
    resampled."""
    height, width = canonical.shape[:2]
    if settings.crop_anywhere:
        left = rng.integers(width - size + 1)
        top = rng.integers(height - size + 1)
    else:
        left, top = (width - size) // 2, (height - size) // 2
    left = left + rng.uniform(-settings.width_shift, settings.width_shift) * size
    top = top + rng.uniform(-settings.height_shift, settings.height_shift) * size
    scale, degrees = 1.0, 0.0
    if (settings.zoom or settings.rotation_degrees) and rng.random() < settings.geometry_probability:
        scale = rng.uniform(1 - settings.zoom, 1 + settings.zoom)
        degrees = rng.uniform(-settings.rotation_degrees, settings.rotation_degrees)
    flip = settings.flip and rng.random() < 0.5

    if scale == 1.0 and degrees == 0.0:
        square = _cropped(canonical, round(left), round(top), size)
    else:
        square = _warped(canonical, left, top, size, scale, degrees)
    return square[:, ::-1] if flip else square


def _cropped(canonical: np.ndarray, left: int, top: int, size: int) -> np.ndarray:
    """The square at (left, top); what lies past the edge is mirrored."""
    height, width = canonical.shape[:2]
    if 0 <= left <= width - size and 0 <= top <= height - size:
        return canonical[top : top + size, left : left + size]
    matrix = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
    return cv2.warpAffine(
        canonical, matrix, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101
    )


def _warped(
    canonical: np.ndarray, left: float, top: float, size: int, scale: float, degrees: float
) -> np.ndarray:
    """The square at (left, top), turned and zoomed about its middle."""
    # OpenCV counts from the centre of the first pixel, so the middle of n pixels is at (n - 1) / 2.
    middle = (left + (size - 1) / 2, top + (size - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, scale) - [[0, 0, left], [0, 0, top]]
    return cv2.warpAffine(
        canonical, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def _colour(square: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Brightness and saturation as one linear map per pixel: x -> b * (s x + (1 - s) grey)."""
    brightness = 1 + rng.uniform(-settings.brightness, settings.brightness)
    saturation = 1 + rng.uniform(-settings.saturation, settings.saturation)
    to_grey = np.tile([0.299, 0.587, 0.114], (3, 1))
    matrix = brightness * (saturation * np.eye(3) + (1 - saturation) * to_grey)
    return cv2.transform(square, matrix.astype(np.float32))


def _contrast(square: np.ndarray, factor: float) -> np.ndarray:
    """Every value's distance from the picture's mean grey, times ``factor``."""
    grey = float(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).mean())
    return cv2.convertScaleAbs(np.maximum(factor * (square - grey) + grey, 0))
