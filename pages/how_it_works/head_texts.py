"""The attention head's steps in words. Its tokens are patches, or class tokens of a transformer's blocks."""

from __future__ import annotations

import numpy as np

from detector.evaluation.calibration import log_odds
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.step import StepText, by, logit_in_numbers, tiles_in_words, token_noun, token_nouns


def projections(walk: Walkthrough) -> StepText:
    n, heads, d = walk.keys.shape
    channels = walk.tokens.shape[1]
    shapes = f"X: {n} × {channels}, each W: {channels} × {d} → Q, K, V: {n} × {d}"
    if heads > 1:
        shapes += f", in each of {heads} heads"
    return StepText(
        f"Each {token_noun(walk)} asks with its query, answers with its key, and has its value to give: three"
        " views of the same numbers, through weights the model has learnt.",
        r"\begin{aligned} Q &= X W_Q + b_Q \\ K &= X W_K + b_K \\ V &= X W_V + b_V \end{aligned}",
        shapes,
        f"Why three views? What would be lost if a {token_noun(walk)} asked, answered and gave with the same"
        " numbers?",
        "With one view for asking and answering, each would fit itself best and the scores would be the same"
        " both ways. With the value tied to them, what makes one worth asking would also be all it can give.",
    )


def scores(walk: Walkthrough) -> StepText:
    n, _, d = walk.keys.shape
    gap = float(np.abs(walk.scores - walk.scores.swapaxes(1, 2)).max())
    return StepText(
        "Every query meets every key. The more the two point the same way, the higher the score. Dividing by"
        f" √{d} keeps scores from growing just because {d} products are summed.",
        rf"S = \frac{{Q K^\top}}{{\sqrt{{d_k}}}} \qquad d_k = {d}",
        f"Q: {n} × {d}, K transposed: {d} × {n} → S: {n} × {n}",
        "Is the matrix the same on both sides of its diagonal? Why should it be, or not?",
        f"No: across the diagonal scores differ by up to {gap:.2f}. Asking and answering go through different"
        " weights, so A may care for B while B does not care for A.",
    )


def softmax(walk: Walkthrough) -> StepText:
    n = len(walk.tokens)
    return StepText(
        f"Each row of scores becomes shares that sum to 1: how one {token_noun(walk)} spreads its attention"
        " over all of them.",
        rf"A_{{ij}} = \frac{{e^{{S_{{ij}}/t}}}}{{\sum_k e^{{S_{{ik}}/t}}}} \qquad t = {walk.temperature:g}",
        f"S: {n} × {n} → A: {n} × {n}, each row sums to 1; the uniform share is 1/{n} = {1 / n:.1%}",
        "Raise the temperature: when does the map become diffuse? And does the verdict mind?",
        _temperatures(walk),
    )


def _temperatures(walk: Walkthrough) -> str:
    """What the ends of the temperature's scale do to this picture."""
    cold, own, hot = (walk.at(temperature) for temperature in (0.1, 1.0, 10.0))
    moved = max(abs(each.y_score - own.y_score) for each in (cold, hot))
    verdicts = {each.verdict for each in (cold, own, hot)}
    mind = "the verdict stays the same" if len(verdicts) == 1 else "the verdict changes"
    return (
        f"Of {len(walk.tokens)} {token_nouns(walk)}, one looks at about {cold.patches_in_view:.1f} at"
        f" t = 0.1, {own.patches_in_view:.1f} at the model's own 1 and {hot.patches_in_view:.1f} at 10. On"
        f" the way P(AI-generated) moves by up to {100 * moved:.1f} points, and {mind}."
    )


def rollout(walk: Walkthrough) -> StepText:
    n, heads = len(walk.tokens), len(walk.scores)
    rows, columns = walk.patch_grid
    mean, shapes = "A", f"A: {n} × {n}"
    if heads > 1:
        mean, shapes = r"\bar A", f"mean of {heads} heads, A: {n} × {n}"
    first = "The network does not add its input back, so the rollout is the attention itself."
    formula, largest = rf"R = {mean}", float(n)
    question = (
        f"If every {token_noun(walk)} looked at one alone, how many times the uniform share would that one"
        " receive?"
    )
    if walk.weights.residual:
        first = (
            f"Half of each {token_noun(walk)} stays where it is, because the network adds its input back; the"
            " other half is spread as attention says."
        )
        formula, largest = rf"R = \tfrac12 {mean} + \tfrac12 I", 0.5 * (n + 1)
        question += f" (Not {n} times.)"
    what = "the heatmap."
    if walk.blocks is not None:
        what = "how much its block counts. Carried on through the blocks to the patches it is the heatmap."
    return StepText(
        f"{first} The mean of a column is what its {token_noun(walk)} receives: {what}",
        rf"{formula} \qquad h_j = \frac1n \sum_{{i=1}}^{{n}} R_{{ij}}",
        f"{shapes} → R: {n} × {n} → h → heatmap: {rows} × {columns}",
        question,
        _largest_share(n, largest, walk.weights.residual),
    )


def _largest_share(n: int, largest: float, residual: bool) -> str:
    if not residual:
        return f"{n} times: all of everybody's attention."
    return (
        f"{largest:g} times: half of everybody's share, n/2 = {n / 2:g}, and the half that it keeps of"
        " itself, 1/2. The others keep half of themselves whatever they look at."
    )


def pooling(walk: Walkthrough) -> StepText:
    own = "x_i + " if walk.weights.residual else ""
    mixed = (
        r"\textstyle\sum_j A_{ij}\, v_j W_O"
        if len(walk.scores) == 1
        else r"\textstyle\sum_m \sum_j A^m_{ij}\, v^m_j W^m_O"
    )
    most, strongest = int(walk.received.argmax()), int(np.abs(walk.contributions).argmax())
    same = "Here they are the same one" if most == strongest else "Here they are two different ones"
    return StepText(
        f"All {token_nouns(walk)} are averaged into one vector. A mean is a sum, so what each brings can be"
        " told apart, with its sign: that is evidence, where the heatmap is attention.",
        rf"z = \frac1n \sum_{{i=1}}^{{n}} \Big[ {own}{mixed} + b_O \Big]",
        f"{by(walk.attended)} → z: {len(walk.pooled)} numbers",
        f"Compare with the rollout: does the {token_noun(walk)} that receives the most attention also move"
        " the logit the most?",
        f"{same}. It need not be so: attention says how much is taken, not what, and what is taken may speak"
        " for either side or for none.",
    )


def probability(walk: Walkthrough) -> StepText:
    units = len(walk.hidden)
    on = int(np.count_nonzero(walk.hidden))
    return StepText(
        f"{units} hidden units look at the pooled vector, and {on} of them switch on. Their weighted sum is"
        " the logit; a calibrated S-curve makes it a probability, and two thresholds make that a verdict."
        f"{tiles_in_words(walk)}",
        r"\begin{gathered} \ell = w^\top \text{ReLU}(W_1^\top z + b_1) + b_2 \\ p = \frac{1}{1 + e^{-\ell /"
        r" T}} \end{gathered}",
        f"z: {len(walk.pooled)} → {units} hidden units → {logit_in_numbers(walk)} → with T ="
        f" {walk.bundle.temperature:.2f}: p = {walk.y_score:.3f}",
        f"How far would the logit have to move for another verdict? Which {token_nouns(walk)} could do that?",
        _distance(walk),
    )


def _distance(walk: Walkthrough) -> str:
    """How far it is to the next verdict, and whether one token's contribution spans that."""
    bundle = walk.bundle
    low, high = bundle.unsure
    ends = {bound for bound in (low, high, walk.threshold) if 0 < bound < 1}
    edges = [bundle.temperature * float(log_odds(bound)) for bound in ends]
    nearest = min((edge - walk.final_logit for edge in edges), key=abs)
    alone = int(np.sum(-np.sign(nearest) * walk.contributions >= abs(nearest)))
    who = f"{alone} of the {token_nouns(walk)} bring that much by themselves"
    if alone <= 1:
        one = f"one {token_noun(walk)} brings" if alone else f"no single {token_noun(walk)} brings"
        who = f"{one} that much alone"
    return f"By {nearest:+.2f}, to {walk.final_logit + nearest:+.2f}. Taken away, {who}."
