"""Explanation methods: one per file, all returning a :class:`Heatmap`."""

from detector.explain.attention_rollout import received, rollout
from detector.explain.heatmap import Heatmap

__all__ = ["Heatmap", "received", "rollout"]
