"""Occlusion, patch by patch: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV
2014, section 4.2."""

from __future__ import annotations

import numpy as np

from detector.explain.heatmap import LOGIT, Heatmap
from detector.explain.method import Job, Method
from detector.explain.patches import Patches
from detector.verdicts import Side

NAME = "occlusion"


def _run(job: Job, image: np.ndarray, towards: Side | None) -> Heatmap:
    """v_j = logit(image) - logit(image with patch j blurred away), in logits; positive where the patch
    speaks for AI-generated."""
    patches = Patches(image, job.engine.bundle.architecture.grid)
    keep = np.ones((patches.n + 1, patches.n), bool)
    keep[np.arange(patches.n) + 1, np.arange(patches.n)] = False
    logits = job.logits(patches.keeping(row) for row in keep)
    drops = (logits[0] - logits[1:]).astype(np.float32)
    return Heatmap(drops.reshape(patches.grid), NAME, signed=True, unit=LOGIT)


METHOD = Method(
    name=NAME,
    title="Occlusion",
    sentence=(
        "What happens without each patch: it is blurred away, and its value is how far the logit falls. Red"
        " patches speak for AI-generated, blue ones for real. Slow, but it asks the network itself."
    ),
    caption="How far the logit falls without each patch",
    signed=True,
    pictures=lambda n: n + 1,
    available=lambda architecture: None,
    run=_run,
)
