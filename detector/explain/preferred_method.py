"""Which explanation method to show where nobody chose one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from detector.explain import METHODS, attention_rollout

if TYPE_CHECKING:
    from detector.bundle import Bundle


def default(bundle: Bundle) -> str:
    """The method that proved the most faithful to this model, if that was measured, else the first that can
    explain it: attention rollout, where there is attention."""
    measured = bundle.explanations
    if measured and measured.default in METHODS:
        return measured.default
    possible = [name for name, method in METHODS.items() if not method.available(bundle.architecture)]
    return next(iter(possible), attention_rollout.NAME)


def quick(bundle: Bundle) -> str | None:
    """The method that proved the most faithful to this model among those that take no longer than a
    glance; None if nothing was measured, unless the model has no attention to show instead."""
    measured = bundle.explanations
    if not measured and bundle.architecture.has_attention:
        return None
    ranked = [default(bundle)]
    ranked += [name for name, _ in measured.ranked] if measured else []
    patches = prod(bundle.architecture.grid)
    for name in ranked:
        method = METHODS.get(name)
        if method and method.quick(patches) and not method.available(bundle.architecture):
            return name
    return None
