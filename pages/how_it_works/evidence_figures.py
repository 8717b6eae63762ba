"""The pictures of the last steps: what each token brings to the logit."""

from __future__ import annotations

import numpy as np

from detector.explain.walkthrough import Walkthrough
from detector.verdicts import Side
from pages.how_it_works.figure_parts import fold, of_tokens, tokens
from pages.how_it_works.panels import signed, vector
from pages.how_it_works.step import token_noun, token_nouns


def pooling(walk: Walkthrough, number: int) -> dict:
    n, count = walk.attended.shape
    words = []
    for j in range(n):
        share = walk.pooled_shares[j]
        words.append(f"{_brings(walk, j)} In the pooled vector its share is {share:.1%}.")
    numbers = signed(walk.attended, "", share=0.998)
    shown = [
        _contributions(walk),
        vector(
            f"The chosen {token_noun(walk)} after attention",
            walk.attended,
            fold(count, 64),
            **numbers,
            alt=f"The chosen {token_noun(walk)}'s {count} numbers after attention.",
        ),
        vector(
            f"The mean of all {token_nouns(walk)}: the pooled vector",
            walk.pooled,
            fold(count, 64),
            **numbers,
            alt=f"The pooled vector's {count} numbers, on the same scale.",
        ),
    ]
    return of_tokens(walk, words, shown, lines=2)


def probability(walk: Walkthrough, number: int) -> dict:
    logit = f"The logit is {walk.logit:+.3f}, the biases' part of it {walk.constant:+.3f}."
    words = [f"{_brings(walk, j)} {logit}" for j in range(len(walk.tokens))]
    if not walk.weights.residual:
        return of_tokens(walk, words, [_contributions(walk)])
    scale = _evidence(np.stack([walk.kept, walk.passed_on]))
    shown = []
    for name, each in (("By themselves", walk.kept), ("Through attention", walk.passed_on)):
        title = f"{name}: {each.sum():+.3f}"
        span = f"from {each.min():+.3f} to {each.max():+.3f} logit units a {token_noun(walk)}"
        alt = f"{title}: {span}, {each.sum():+.3f} in all."
        shown.append(tokens(walk, title, each, opacity=0.8, **scale, alt=alt))
    return of_tokens(walk, words, shown, lines=2)


def _contributions(walk: Walkthrough) -> dict:
    each = walk.contributions
    towards_ai = int((each > 0).sum())
    return tokens(
        walk,
        f"What each {token_noun(walk)} brings to the logit",
        each,
        opacity=0.8,
        down=2,
        **_evidence(each),
        alt=(
            f"Signed contributions, from {each.min():+.3f} to {each.max():+.3f};"
            f" {towards_ai} of {len(each)} point towards AI-generated."
        ),
    )


def _evidence(values: np.ndarray) -> dict:
    """The scale for logit units."""
    return signed(values, "logit units; blue towards real, red towards AI", written="{:+.3f}", digits=4)


def _brings(walk: Walkthrough, j: int) -> str:
    each = walk.contributions[j]
    side = Side.AI if each > 0 else Side.REAL
    how = "all through attention"
    if walk.weights.residual:
        how = f"{walk.kept[j]:+.3f} by itself and {walk.passed_on[j]:+.3f} through attention"
    return f"brings {each:+.3f} to the logit, towards {side.in_sentence}: {how}."
