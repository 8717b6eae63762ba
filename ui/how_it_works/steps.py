"""The eight steps in words: what happens, the formula with the shapes of what goes in and out, and a question for the room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.explain.walkthrough import Walkthrough


@dataclass(frozen=True)
class Words:
    """sentence: what happens, plainly. formula: LaTeX. shapes: of what goes in and comes out, with real numbers. question: to ask a class."""

    sentence: str
    formula: str
    shapes: str
    question: str


@dataclass(frozen=True)
class Step:
    """name: in the page's address. title: on the page. words: of a walkthrough. tempered: whether the softmax's temperature changes what it
    shows. per_head: whether it shows one head at a time."""

    name: str
    title: str
    words: Callable[[Walkthrough], Words]
    tempered: bool = False
    per_head: bool = False


def _resize(walk: Walkthrough) -> Words:
    how, size = walk.bundle.preprocessing, len(walk.image)
    down, across = walk.canonical.shape[:2]
    shrunk = rf"\text{{Lanczos}}_{{{how.short_side}}}(\text{{picture}})"
    if how.jpeg_quality:
        shrunk = rf"\text{{JPEG}}_{{{how.jpeg_quality}}}\big({shrunk}\big)"
    return Words(
        f"The model never sees the file. It sees the middle of the picture as {size} × {size} pixels, "
        + (f"shrunk and saved once as JPEG of quality {how.jpeg_quality}, so that size, shape and format give nothing away."
           if how.jpeg_quality else "shrunk so that size and shape give nothing away."),
        rf"x = \text{{crop}}_{{{size}}}\Big({shrunk}\Big)",
        f"picture {walk.width} × {walk.height} → canonical form {across} × {down} → x: {size} × {size} × 3 whole numbers from 0 to 255",
        "Which detail of the picture is lost on the way to the small square? Could it have given a fake away?",
    )  # fmt: skip


def _features(walk: Walkthrough) -> Words:
    (rows, columns), count, size = walk.grid, walk.tokens.shape[1], len(walk.image)
    depths = ", read at several depths," if walk.bundle.architecture.neck else ""
    return Words(
        f"The backbone{depths} turns the square into a grid of {rows} × {columns} patches and describes each with {count:,} numbers it has learnt to "
        "compute. A patch is named after its place, but its numbers have seen what lies around it, too.",
        r"\begin{gathered} F = \text{backbone}(x) \\ X = \text{the patches of } F \text{, one a row} \end{gathered}",
        f"x: {size} × {size} × 3 → F: {rows} × {columns} × {count} → X: {_shape(walk.tokens)}",
        "Choose two patches that look alike to you. Do their numbers look alike, too?",
    )


def _projections(walk: Walkthrough) -> Words:
    n, heads, d = walk.keys.shape
    return Words(
        "Each patch asks with its query, answers with its key, and has its value to give: three views of the same numbers, through weights the "
        "model has learnt.",
        r"\begin{aligned} Q &= X W_Q + b_Q \\ K &= X W_K + b_K \\ V &= X W_V + b_V \end{aligned}",
        f"X: {_shape(walk.tokens)}, each W: {walk.tokens.shape[1]} × {d} → Q, K, V: {n} × {d}" + (f", in each of {heads} heads" if heads > 1 else ""),
        "Why three views? What would be lost if a patch asked, answered and gave with the same numbers?",
    )


def _scores(walk: Walkthrough) -> Words:
    n, _, d = walk.keys.shape
    return Words(
        f"Every query meets every key. The more the two point the same way, the higher the score. Dividing by √{d} keeps scores from growing just "
        f"because {d} products are summed.",
        rf"S = \frac{{Q K^\top}}{{\sqrt{{d_k}}}} \qquad d_k = {d}",
        f"Q: {n} × {d}, K transposed: {d} × {n} → S: {n} × {n}",
        "Is the matrix the same on both sides of its diagonal? Why should it be, or not?",
    )


def _softmax(walk: Walkthrough) -> Words:
    n = len(walk.tokens)
    return Words(
        "Each row of scores becomes shares that sum to 1: how one patch spreads its attention over all of them.",
        rf"A_{{ij}} = \frac{{e^{{S_{{ij}}/t}}}}{{\sum_k e^{{S_{{ik}}/t}}}} \qquad t = {walk.temperature:g}",
        f"S: {n} × {n} → A: {n} × {n}, each row sums to 1; the uniform share is 1/{n} = {1 / n:.1%}",
        "Raise the temperature: when does the map become diffuse? And does the verdict mind?",
    )


def _rollout(walk: Walkthrough) -> Words:
    n, (rows, columns), several = len(walk.tokens), walk.grid, len(walk.scores) > 1
    mean = r"\bar A" if several else "A"
    if walk.weights.residual:
        first = "Half of each patch stays where it is, because the network adds its input back; the other half is spread as attention says."
        formula = rf"R = \tfrac12 {mean} + \tfrac12 I"
    else:
        first = "The network does not add its input back, so the rollout is the attention itself."
        formula = rf"R = {mean}"
    return Words(
        f"{first} The mean of a column is what its patch receives: the heatmap.",
        rf"{formula} \qquad h_j = \frac1n \sum_{{i=1}}^{{n}} R_{{ij}}",
        f"{f'mean of {len(walk.scores)} heads, ' if several else ''}A: {n} × {n} → R: {n} × {n} → h: {rows} × {columns}",
        "If every patch looked at one patch alone, how many times the uniform share would that one receive?"
        + (f" (Not {n} times.)" if walk.weights.residual else ""),
    )


def _pooling(walk: Walkthrough) -> Words:
    own = "x_i + " if walk.weights.residual else ""
    mixed = r"\textstyle\sum_j A_{ij}\, v_j W_O" if len(walk.scores) == 1 else r"\textstyle\sum_m \sum_j A^m_{ij}\, v^m_j W^m_O"
    return Words(
        "All patches are averaged into one vector. A mean is a sum, so what each patch brings can be told apart, with its sign: that is evidence, "
        "where the heatmap is attention.",
        rf"z = \frac1n \sum_{{i=1}}^{{n}} \Big[ {own}{mixed} + b_O \Big]",
        f"{_shape(walk.attended)} → z: {len(walk.pooled)} numbers",
        "Compare with the rollout: does the patch that receives the most attention also move the logit the most?",
    )


def _probability(walk: Walkthrough) -> Words:
    units, on = len(walk.hidden), int(np.count_nonzero(walk.hidden))
    return Words(
        f"{units} hidden units look at the pooled vector, and {on} of them switch on. Their weighted sum is the logit; a calibrated S-curve makes it "
        "a probability, and two thresholds make that a verdict.",
        r"\begin{gathered} \ell = w^\top \text{ReLU}(W_1^\top z + b_1) + b_2 \\ p = \frac{1}{1 + e^{-\ell / T}} \end{gathered}",
        f"z: {len(walk.pooled)} → {units} hidden units → ℓ = {walk.logit:+.3f} → with T = {walk.bundle.temperature:.2f}: p = {walk.y_score:.3f}",
        "How far would the logit have to move for another verdict? Which patches could do that?",
    )


def _shape(array: np.ndarray) -> str:
    return " × ".join(map(str, array.shape))


STEPS = (
    Step("resize", "Resize", _resize),
    Step("features", "Feature map", _features),
    Step("qkv", "Q, K, V", _projections, per_head=True),
    Step("scores", "Scores", _scores, per_head=True),
    Step("softmax", "Softmax", _softmax, tempered=True, per_head=True),
    Step("rollout", "Rollout", _rollout, tempered=True),
    Step("pooling", "Pooling", _pooling, tempered=True),
    Step("probability", "Probability", _probability, tempered=True),
)
