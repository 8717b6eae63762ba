"""The pictures of the steps of a vision transformer's blocks."""

from __future__ import annotations

import numpy as np

from detector.explain.block_walk import BlockWalk
from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.block_texts import blocks_of, reader_of
from pages.how_it_works.figure_parts import fold, multiples, of_patches, of_tokens, off_diagonal, patch_place
from pages.how_it_works.panels import heat, maps, overlay, photo, signed, vector
from pages.how_it_works.panels import patches as on_patches

MOST_ACROSS = 12
"""Small maps in a line; more would be too small to see anything in."""


def patches(walk: PictureWalk, number: int) -> dict:
    inner, size = blocks_of(walk), len(walk.image)
    alike = _alikeness(inner.tokens)
    lengths = np.linalg.norm(inner.tokens, axis=1)
    words = []
    for patch, length in enumerate(lengths):
        others = alike[patch].copy()
        others[patch] = -1
        words.append(
            f"its {inner.tokens.shape[1]} numbers make a vector {length:.1f} long; most like it is"
            f" {patch_place(walk, others.argmax())}."
        )
    shown = [
        photo("The square, cut into patches", "input", size, size, alt="The square the model sees."),
        on_patches(
            "How much each patch is like the chosen one",
            alike,
            inner.grid,
            image="input",
            opacity=0.75,
            **signed(alike, "cosine of the two vectors", written="{:+.1f}"),
            alt="The cosine between each patch's numbers and the chosen patch's.",
        ),
    ]
    return of_patches(walk, words, shown)


def blocks(walk: PictureWalk, number: int) -> dict:
    inner = blocks_of(walk)
    table, reader = inner.between(number), inner.attended[number]
    n, heads = len(reader), inner.heads[number]
    taken = reader / reader.sum()
    words = []
    for row, share in zip(table, taken, strict=True):
        most = row.argmax()
        words.append(
            f"in block {number + 1} attends most to {patch_place(walk, most)}, {row[most]:.1%};"
            f" {reader_of(inner)} takes {share * n:.1f}× the uniform share from it."
        )
    high = max(float(np.quantile(heads, 0.99)), 4 / n)
    shown = [
        on_patches(
            "What the chosen patch attends to",
            table,
            inner.grid,
            image="input",
            **multiples(table, n, each=True),
            alt="How the chosen patch spreads its attention over the picture, mean of the heads.",
        ),
        _attended(inner, f"What {reader_of(inner)} attends to", reader),
        maps(
            f"The same in each of {len(heads)} heads",
            heads.reshape(-1, *inner.grid),
            _across(len(heads)),
            span=12,
            **heat(heads, "multiples of the uniform share", high=high, factor=float(n), ends="×"),
            alt=f"{len(heads)} small maps: what {reader_of(inner)} attends to in each head.",
        ),
    ]
    return of_patches(walk, words, shown, lines=2)


def growth(walk: PictureWalk, number: int) -> dict:
    inner = blocks_of(walk)
    shares, gathered = inner.shares, inner.gathered(number)
    n = shares.shape[1]
    words = []
    for patch in range(n):
        first, now = shares[0, patch] * n, shares[number, patch] * n
        words.append(
            f"{reader_of(inner)} holds {now:.2f}× the uniform share of it after block {number + 1},"
            f" {first:.2f}× after the first. Of itself it keeps {gathered[patch, patch]:.0%}."
        )
    beside = np.maximum(off_diagonal(gathered).reshape(n, n - 1).max(axis=1), 4 / n)
    unit = "multiples of the uniform share"
    high = max(float(shares.max()), 4 / n)
    scale = heat(shares, unit, high=high, factor=float(n), ends="×")
    reader = reader_of(inner).capitalize()
    shown = [
        on_patches(
            f"{reader} after block {number + 1}",
            shares[number],
            inner.grid,
            image="input",
            **scale,
            alt=f"What it holds; at most {shares[number].max() * n:.1f} times the uniform share.",
        ),
        on_patches(
            f"The chosen patch after block {number + 1}",
            gathered,
            inner.grid,
            image="input",
            **heat(gathered, unit, highs=beside, factor=float(n), ends="×"),
            alt="What the chosen patch holds of each patch; its own share may lie beyond the scale.",
        ),
        maps(
            f"{reader} after each block, 1 to {len(inner)}",
            shares.reshape(-1, *inner.grid),
            _across(len(inner)),
            span=12,
            **scale,
            alt=f"{len(inner)} small maps, one after each block.",
        ),
    ]
    return of_patches(walk, words, shown, lines=2)


def class_tokens(walk: Walkthrough, number: int) -> dict:
    inner = blocks_of(walk)
    read = inner.class_tokens
    assert read is not None, "this step is shown only where they are read"
    names = [f"block {block + 1}" for block in inner.read]
    alike = _alikeness(read)
    words = []
    for row, name in zip(alike, names, strict=True):
        others = ", ".join(
            f"{cosine:.2f} with {other}" for cosine, other in zip(row, names, strict=True) if other != name
        )
        words.append(f"the class token after {name}; cosine {others}.")
    held = inner.shares[list(inner.read)]
    shown = [
        overlay(
            "What it holds of the picture",
            held,
            inner.grid,
            span=4,
            **multiples(held, held.shape[1], each=True),
            alt="The patches that the chosen class token has gathered, by rollout.",
        ),
        vector(
            f"Its {read.shape[1]} numbers",
            read,
            fold(read.shape[1], 32),
            span=4,
            **signed(read, "", share=0.99),
            alt="The chosen class token's numbers as coloured cells.",
        ),
        vector(
            f"What the head gets of it: {walk.tokens.shape[1]}",
            walk.tokens,
            fold(walk.tokens.shape[1], 16),
            span=4,
            **signed(walk.tokens, "", share=0.998),
            alt="The same after normalising and projecting.",
        ),
    ]
    return of_tokens(walk, words, shown)


def logit(walk: PictureWalk, number: int) -> dict:
    inner, heatmap = blocks_of(walk), walk.heatmap
    assert heatmap is not None, "there are blocks"
    shares = heatmap.values.ravel()
    n = len(shares)
    words = [f"{reader_of(inner)} holds {share * n:.2f}× the uniform share of it." for share in shares]
    shown = [
        on_patches(
            "The heatmap: what reaches the head",
            shares,
            inner.grid,
            image="input",
            span=12,
            **multiples(shares, n),
            alt=f"The heatmap; its highest patch gets {heatmap.peak:.1f} times the uniform share.",
        )
    ]
    return of_patches(walk, words, shown)


def _attended(inner: BlockWalk, title: str, values: np.ndarray) -> dict:
    n = len(values)
    scale = multiples(values, n)
    alt = f"{title}: at most {values.max() * n:.1f} times the uniform share."
    return on_patches(title, values, inner.grid, image="input", **scale, alt=alt)


def _alikeness(tokens: np.ndarray) -> np.ndarray:
    """(n, C) -> the cosines between them, (n, n)."""
    directions = tokens / np.maximum(np.linalg.norm(tokens, axis=1, keepdims=True), 1e-12)
    return directions @ directions.T


def _across(count: int) -> int:
    """How many of so many small maps stand in a line: all, if a line has room for them."""
    return next(across for across in range(min(count, MOST_ACROSS), 0, -1) if count % across == 0)
