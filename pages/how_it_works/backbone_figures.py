"""The pictures of the steps before the attention."""

from __future__ import annotations

import numpy as np

from detector.explain.picture_walk import PictureWalk
from detector.explain.stage_maps import StageMaps
from detector.explain.walkthrough import Walkthrough
from detector.preprocessing import Region
from pages.how_it_works.figure_parts import fold, of_patches, pixels, ranks
from pages.how_it_works.panels import heat, maps, patches, photo, picture, signed, vector, zoom

CHANNELS_SHOWN, CHANNELS_ACROSS = 12, 4

MAX_SHOWN_ASPECT = 3
"""Of a longer strip only this much is shown: as a whole it would be a line without height."""


def resize(walk: PictureWalk, number: int) -> dict:
    size, (rows, columns) = len(walk.image), walk.patch_grid
    middle, region = _middle(walk)
    height, width = middle.shape[:2]
    down, across = walk.canonical.shape[:2]
    words = []
    for row, column in np.ndindex(rows, columns):
        across_patch, down_patch = pixels(column, columns, size), pixels(row, rows, size)
        words.append(f"pixels {across_patch} across and {down_patch} down of the square the model sees.")
    shown = [
        photo(
            f"The picture, {walk.width} × {walk.height}",
            "photo",
            height,
            width,
            within=region,
            note="" if middle is walk.pixels else "A long strip: only its middle is shown.",
            alt=(
                "The picture as it came, with the part the model sees cut into patches. What is darkened does"
                " not count."
            ),
        ),
        photo(
            f"Canonical form, {across} × {down}",
            "canonical",
            down,
            across,
            within=None,
            alt="The middle part of the picture, shrunk and passed through JPEG.",
        ),
        photo(
            f"What the model sees, {size} × {size}",
            "input",
            size,
            size,
            alt=f"The square the model sees, cut into {rows} by {columns} patches.",
        ),
        zoom(
            f"The patch, {size // columns} × {size // rows}",
            "input",
            alt="The pixels of the chosen patch, magnified.",
        ),
    ]
    images = {"photo": picture(middle), "canonical": picture(walk.canonical)}
    return of_patches(walk, words, shown, lines=2, images=images)


def backbone(walk: PictureWalk, stages: list[StageMaps]) -> dict:
    """stages: from fine to coarse."""
    rows, columns = walk.patch_grid
    shown = [_stage(number, stage) for number, stage in enumerate(stages, start=1)]
    cells = []
    for stage in stages:
        height, width = stage.maps.shape[1:]
        cells.append(f"{height / rows:g} × {width / columns:g}")
    covered = " → ".join(cells)
    sentence = f"lies over {covered} cells of these stages; what its numbers have seen reaches further."
    words = []
    for row, column in np.ndindex(rows, columns):
        words.append(f"row {row + 1}, column {column + 1} of the last grid {sentence}")
    return of_patches(walk, words, shown, lines=(len(shown) + 1) // 2)


def _stage(number: int, stage: StageMaps) -> dict:
    height, width = stage.maps.shape[1:]
    count = len(stage.chosen)
    chosen = ", ".join(str(channel + 1) for channel in stage.chosen)
    if stage.maps.min() < 0:
        scale = signed(stage.maps, "activation", share=0.99)
    else:
        scale = heat(stage.maps, "activation", high=float(np.quantile(stage.maps, 0.99)))
    return maps(
        f"Stage {number}: {height} × {width} × {stage.channels}",
        stage.maps,
        count,
        span=6,
        note=f"Channels {chosen}: those that vary most.",
        **scale,
        alt=f"Maps of {count} channels of stage {number}, {height} by {width} cells each.",
    )


def features(walk: Walkthrough, number: int) -> dict:
    tokens, count = walk.tokens, walk.tokens.shape[1]
    strength = np.linalg.norm(tokens, axis=1)
    places = ranks(strength)
    largest = tokens.max()
    active = (tokens > 0.05 * largest).mean(axis=1)
    words = []
    for length, rank, share in zip(strength, places, active, strict=True):
        words.append(
            f"its {count} numbers make a vector {length:.1f} long, number {rank} of {len(tokens)};"
            f" {share:.0%} of them exceed a twentieth of the map's largest, {largest:.1f}."
        )
    by_variation = np.argsort(-tokens.std(axis=0), kind="stable")
    full_lines = count - count % CHANNELS_ACROSS
    busiest = by_variation[: min(CHANNELS_SHOWN, full_lines)]
    numbers = heat(tokens, "activation", high=float(np.quantile(tokens, 0.99)))
    shown = [
        patches(
            "How strongly each patch responds",
            strength,
            walk.grid,
            image="input",
            span=5,
            **heat(strength, "length of the patch's vector"),
            alt=f"Length of each patch's vector, from {strength.min():.1f} to {strength.max():.1f}.",
        ),
        maps(
            f"The {len(busiest)} of {count} channels that vary most",
            np.moveaxis(walk.features[..., busiest], -1, 0),
            CHANNELS_ACROSS,
            span=7,
            note="Channels " + ", ".join(str(channel + 1) for channel in busiest) + ".",
            **heat(tokens, "activation", high=float(np.quantile(tokens[:, busiest], 0.99))),
            alt=f"Small maps of {len(busiest)} channels, brighter where a patch has more of it.",
        ),
        vector(
            f"The chosen patch: its {count} numbers, 64 to a line",
            tokens,
            fold(count, 64),
            **numbers,
            span=12,
            alt="The chosen patch's numbers as coloured cells, brighter the larger.",
        ),
    ]
    return of_patches(walk, words, shown, lines=2)


def _middle(walk: PictureWalk) -> tuple[np.ndarray, Region]:
    """The photo's pixels, of a long strip the middle, and the part of them that the model saw."""
    height, width = walk.pixels.shape[:2]
    across = min(width, MAX_SHOWN_ASPECT * height)
    down = min(height, MAX_SHOWN_ASPECT * width)
    if (across, down) == (width, height):
        return walk.pixels, walk.region
    left, top = (width - across) // 2, (height - down) // 2
    bottom, right = top + down, left + across
    middle = walk.pixels[top:bottom, left:right]
    return middle, walk.region.within(across / width, down / height)
