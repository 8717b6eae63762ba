"""The steps of a vision transformer's blocks in words."""

from __future__ import annotations

import numpy as np

from detector.explain.block_walk import BlockWalk
from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.step import StepText, by, logit_in_numbers, tiles_in_words


def patches(walk: PictureWalk) -> StepText:
    blocks = blocks_of(walk)
    (rows, columns), channels = blocks.grid, blocks.tokens.shape[1]
    side = len(walk.image) // rows
    first, ahead = "", ""
    if blocks.blocks.class_token:
        first = " One more joins them, the class token: it has no place in the picture and collects."
        ahead = "1 + "
    return StepText(
        f"The square is cut into {rows} × {columns} patches, and each becomes {channels} numbers, its place"
        f" among them.{first}",
        r"x_j = W \, \text{pixels}_j + \text{place}_j",
        f"{side} × {side} × 3 pixels a patch → {ahead}{rows * columns} tokens × {channels}",
        "Click a patch of sky, or of a wall. Which others are like it, before any attention?",
        "Mostly those of like colour, and its neighbours: all that a token knows yet is its own pixels and"
        " its place.",
    )


def blocks(walk: PictureWalk) -> StepText:
    inner = blocks_of(walk)
    heads, n = inner.heads.shape[1:]
    count = inner.attention.shape[1]
    return StepText(
        f"In each of {len(inner)} blocks, every token asks all others in {heads} heads at once and adds what"
        " it gets to what it holds. Go through the blocks: who looks where?",
        r"X \leftarrow X + \text{attention}(X), \quad X \leftarrow X + \text{MLP}(X)",
        f"{heads} heads × {count} × {count} shares a block, each row sums to 1; over {n} patches of the"
        " picture",
        "Do early and late blocks look in the same way? Do the heads of one block?",
        _distances(inner),
    )


def _distances(inner: BlockWalk) -> str:
    """How far patches look, in the first and the last block."""
    first, last = (looked_away(inner, block) for block in (0, len(inner) - 1))
    far = "further" if last > first else "nearer"
    return (
        f"On this picture a patch looks {first:.1f} patches away on average in the first block and {last:.1f}"
        f" in the last: {far}. The heads of one block differ, which is why there are several."
    )


def looked_away(inner: BlockWalk, block: int) -> float:
    """Mean distance, in patches, between a patch and what it attends to in that block."""
    places = np.indices(inner.grid).reshape(2, -1)
    away = np.linalg.norm(places[:, :, None] - places[:, None], axis=0)
    shares = inner.between(block)
    return float((shares * away).sum() / shares.sum())


def growth(walk: PictureWalk) -> StepText:
    inner = blocks_of(walk)
    reader = reader_of(inner)
    kept = ""
    if inner.blocks.class_token:
        kept = f" After the last block it holds {inner.kept[-1]:.0%} of itself and the rest of the patches."
    return StepText(
        f"Attention rollout follows what {reader} holds of each patch, block by block: half stays, half is"
        f" what attention brings, and that had been mixed before.{kept}",
        r"R_l = \left(\tfrac12 A_l + \tfrac12 I\right) R_{l-1}, \qquad R_0 = I",
        f"{len(inner)} blocks of {by(inner.attention[0])} → {len(inner)} maps of"
        f" {inner.grid[0]} × {inner.grid[1]}",
        "Does the map get sharper from block to block, or more even? What does that say?",
        _sharpness(inner),
    )


def _sharpness(inner: BlockWalk) -> str:
    peaks = inner.shares.max(axis=1) * inner.shares.shape[1]
    trend = "sharper" if peaks[-1] > peaks[0] else "more even"
    return (
        f"Its peak goes from {peaks[0]:.1f} to {peaks[-1]:.1f} times the uniform share: {trend}. Averaging"
        " over heads and blocks evens out, and rollout leaves out what the values say: a map under twice the"
        " uniform share singles nothing out."
    )


def class_tokens(walk: Walkthrough) -> StepText:
    inner = blocks_of(walk)
    names = ", ".join(str(number + 1) for number in inner.read)
    read = inner.class_tokens
    assert read is not None, "this step is shown only where they are read"
    return StepText(
        f"What the class token holds after blocks {names} is all that the rest of the network gets. Each is"
        " normalised and brought to fewer numbers, by weights of its own: these were trained, the blocks"
        " below were not.",
        r"X_k = W_k \, \text{norm}(c_k) + b_k",
        f"{by(read)} → X: {by(walk.tokens)}",
        "Why read the middle of the network and not its end?",
        "The end was trained to say what a picture shows. How it was made shows in what surfaces look like,"
        " and that is best told in the middle (measured: Koutlis & Papadopoulos, ECCV 2024).",
    )


def logit(walk: PictureWalk) -> StepText:
    reader = reader_of(blocks_of(walk))
    return StepText(
        f"From {reader} one number is computed, the logit; a calibrated S-curve makes it a probability, and"
        f" two thresholds make that a verdict.{tiles_in_words(walk)}",
        r"p = \frac{1}{1 + e^{-\ell / T}}",
        f"{logit_in_numbers(walk)} → with T = {walk.bundle.temperature:.2f}: p = {walk.y_score:.3f}",
        "Does the map show why the verdict came out like this?",
        "No. It shows where the network looked; what it made of that, for which side, is not in it.",
    )


def blocks_of(walk: PictureWalk) -> BlockWalk:
    """What the blocks did; for steps that are shown only where there are blocks."""
    assert walk.blocks is not None, "these steps are shown only where there are blocks"
    return walk.blocks


def reader_of(inner: BlockWalk) -> str:
    """What the network's head reads of the blocks, in words."""
    return "the class token" if inner.blocks.class_token else "the mean of all patches"
