"""What the rest of Telltale needs to know about an architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Architecture:
    """One entry of the registry.

    build(backbone_weights, **arguments) -> keras.Model whose input is float32 (B, size, size, 3) in [0, 255], RGB, and
        whose output is a dict: ``logit`` float32 (B, 1), and ``attention`` float32 (B, layers, heads, n, n), rows
        summing to 1, first layer first, where there is attention. Scaling the pixels is the network's own business.
        backbone_weights is "imagenet" (downloaded by Keras), the path of a weights file, or None for random ones.
    arguments: the arguments of ``build`` with their defaults.
    preprocessing: how a photo becomes the input.
    head: names of the layers above the feature map.
    neck: names of the layers between the pretrained backbone and the feature map, the feature map's included, where there are any; like
        the head they start untrained. Every layer in neither belongs to the backbone.
    feature_layer: name of the map (B, gh, gw, C) whose cells are the tokens.
    grid: (gh, gw), the attention's tokens in row-major order.
    """

    name: str
    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    head: tuple[str, ...]
    feature_layer: str
    grid: tuple[int, int]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    neck: tuple[str, ...] = ()

    def complete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """``arguments`` on top of the defaults; raises ValueError for a name ``build`` does not have."""
        unknown = sorted(set(arguments) - set(self.arguments))
        if unknown:
            raise ValueError(f"Architecture {self.name} has no argument {', '.join(unknown)}; it takes {', '.join(self.arguments)}.")
        return {**self.arguments, **arguments}
