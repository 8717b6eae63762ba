"""Explanation methods, one per file behind one verb, ``Classifier.explain``, all returning a
:class:`Heatmap`.

``METHODS`` lists them by name, the quick ones first. How far a map can be believed:
``detector.explain.faithfulness`` and ``.sanity``.
"""

from detector.explain import attention_rollout, grad_cam, occlusion, token_contributions
from detector.explain.attention_rollout import received, rollout
from detector.explain.heatmap import Cost, Heatmap
from detector.explain.method import Cancelled, Job, Method, Unavailable

__all__ = [
    "METHODS",
    "Cancelled",
    "Cost",
    "Heatmap",
    "Job",
    "Method",
    "Unavailable",
    "received",
    "rollout",
    "title_of",
]

METHODS: dict[str, Method] = {
    module.METHOD.name: module.METHOD
    for module in (attention_rollout, token_contributions, grad_cam, occlusion)
}


def title_of(name: str) -> str:
    """Of the method of that name, for people; the name itself where there is none, as a card may say."""
    return METHODS[name].title if name in METHODS else name
