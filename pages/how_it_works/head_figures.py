"""The pictures of the attention head's steps."""

from __future__ import annotations

import numpy as np

from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.figure_parts import chooser, fold, multiples, of_tokens, place, ranks, tokens
from pages.how_it_works.panels import matrix, overlay, signed, vector
from pages.how_it_works.step import by, token_noun, token_nouns

PLURALS = {"Query": "Queries", "Key": "Keys", "Value": "Values"}

ASK_AND_ANSWER = ("who asks (query)", "who answers (key)")
"""The sides of a matrix from token to token: down, and across."""


def projections(walk: Walkthrough, number: int) -> dict:
    named = {
        "Query": walk.queries[:, number],
        "Key": walk.keys[:, number],
        "Value": walk.values[:, number],
    }
    lengths = [np.linalg.norm(vectors, axis=1) for vectors in named.values()]
    best = walk.scores[number].argmax(axis=1)
    words = []
    for query, key, value, fitting in zip(*lengths, best, strict=True):
        words.append(
            f"its query is {query:.1f} long, its key {key:.1f}, its value {value:.1f}. Its query fits the key"
            f" of {place(walk, fitting)} best."
        )
    noun, nouns = token_noun(walk), token_nouns(walk)
    colours = {name: signed(values, "", share=0.998) for name, values in named.items()}
    matrices = [
        matrix(
            f"{PLURALS[name]}: {by(values)}",
            values,
            axes=("token", "number"),
            span=4,
            **colours[name],
            alt=f"The {PLURALS[name].lower()} of all {nouns}, one a line; the chosen one's is framed.",
        )
        for name, values in named.items()
    ]
    rows = [
        vector(
            f"Its {name.lower()}",
            values,
            fold(values.shape[1], 16),
            span=4 if walk.blocks else 3,
            **colours[name],
            alt=f"The chosen {noun}'s {name.lower()}: {values.shape[1]} numbers as coloured cells.",
        )
        for name, values in named.items()
    ]
    places = [] if walk.blocks else [chooser(walk)]
    return of_tokens(walk, words, [*matrices, *places, *rows], lines=2)


def scores(walk: Walkthrough, number: int) -> dict:
    table = walk.scores[number]
    words = []
    for row in table:
        highest = place(walk, row.argmax())
        lowest = place(walk, row.argmin())
        words.append(
            f"its query scores from {row.min():+.2f} to {row.max():+.2f}: highest with the key of {highest},"
            f" lowest with that of {lowest}."
        )
    shown = [
        matrix(
            f"Scores: {by(table)}",
            table,
            axes=("token", "token"),
            sides=ASK_AND_ANSWER,
            **signed(table, "score", share=0.998, digits=3),
            alt=(
                f"All scores, from {table.min():.2f} to {table.max():.2f}: who asks down the side, who"
                f" answers along the top. The chosen {token_noun(walk)}'s row is framed."
            ),
        ),
        tokens(
            walk,
            f"The row of the chosen {token_noun(walk)}",
            table,
            **signed(table, "score", each=True, digits=3),
            alt=f"How well each {token_noun(walk)}'s key fits the query of the chosen one.",
        ),
    ]
    return of_tokens(walk, words, shown)


def softmax(walk: Walkthrough, number: int) -> dict:
    table, n = walk.attention[number], len(walk.tokens)
    words = []
    for row, entropy in zip(table, walk.entropy[number], strict=True):
        most, where = row.max(), place(walk, row.argmax())
        words.append(
            f"gives {most:.1%} of its attention, {most * n:.1f}× the uniform share, to {where}, and shares it"
            f" among about {2**entropy:.0f} of {n} {token_nouns(walk)}."
        )
    shown = [
        matrix(
            f"Attention: {by(table)}, rows sum to 1",
            table,
            axes=("token", "token"),
            sides=ASK_AND_ANSWER,
            **multiples(table, n),
            alt=(
                f"The attention matrix; its largest weight is {table.max() * n:.1f} times the uniform share."
                f" The chosen {token_noun(walk)}'s row is framed."
            ),
        ),
        tokens(
            walk,
            f"What the chosen {token_noun(walk)} attends to",
            table,
            **multiples(table, n, each=True),
            alt=f"How the chosen {token_noun(walk)} spreads its attention.",
        ),
    ]
    return of_tokens(walk, words, shown)


def rollout(walk: Walkthrough, number: int) -> dict:
    heatmap, received, n = walk.heatmap, walk.received, len(walk.tokens)
    from_all, from_itself = walk.rolled.sum(axis=0), walk.rolled.diagonal()
    words = []
    for j, rank in enumerate(ranks(received)):
        share = received[j] * n
        sentence = f"receives {share:.2f}× the uniform share, the mean of its column: number {rank} of {n}."
        if from_all[j] > 0:
            sentence += f" {from_itself[j] / from_all[j]:.0%} of that it gives itself."
        words.append(sentence)
    table = matrix(
        f"Rollout: {by(walk.rolled)}",
        walk.rolled,
        axes=("token", "token"),
        sides=ASK_AND_ANSWER,
        choose="column",
        span=6 if walk.blocks is None else 4,
        **multiples(walk.rolled, n),
        alt=(
            "The rollout matrix. With a residual its diagonal holds at least a half. The chosen"
            f" {token_noun(walk)}'s column is framed."
        ),
    )
    peak = f"its highest patch gets {heatmap.peak:.1f} times the uniform share."
    if walk.blocks is None:
        title = "The heatmap: what each patch receives"
        scale = multiples(received, n)
        alt = f"The heatmap, the mean of each column; {peak}"
        return of_tokens(walk, words, [table, tokens(walk, title, received, **scale, alt=alt)])
    held = walk.blocks.shares[list(walk.blocks.read)]
    values, count = heatmap.values.ravel(), heatmap.values.size
    shown = [
        table,
        overlay(
            "What the chosen class token holds",
            held,
            heatmap.grid,
            span=4,
            **multiples(held, count, each=True),
            alt="What the chosen class token has gathered of each patch, by rollout through the blocks.",
        ),
        overlay(
            "The heatmap: all of them, by what they receive",
            values,
            heatmap.grid,
            span=4,
            **multiples(values, count),
            alt=f"The heatmap; {peak}",
        ),
    ]
    return of_tokens(walk, words, shown)
