"""Each step's pictures, and what it means for each patch in words: from a walkthrough to the values a ``step_figure`` shows."""

from __future__ import annotations

import numpy as np

from detector.explain.heatmap import DISPLAY_FLOOR
from detector.explain.walkthrough import Walkthrough
from detector.preprocessing import Region
from ui.how_it_works.panels import heat, maps, matrix, patches, photo, picture, shades, signed, vector, zoom
from ui.verdict import WORDS

PLURALS = {"Query": "Queries", "Key": "Keys", "Value": "Values"}
CHANNELS_SHOWN, CHANNELS_ACROSS = 12, 4

MAX_SHOWN_ASPECT = 3
"""Of a longer strip only this much is shown: as a whole it would be a line without height."""


def resize(walk: Walkthrough, head: int) -> dict:
    size, (rows, columns) = len(walk.image), walk.grid
    middle, region = _middle(walk)
    height, width = middle.shape[:2]
    down, across = walk.canonical.shape[:2]
    words = [
        f"pixels {round(column * size / columns)} to {round((column + 1) * size / columns) - 1} across and {round(row * size / rows)} to "
        f"{round((row + 1) * size / rows) - 1} down of the square the model sees."
        for row, column in _places(walk)
    ]
    shown = [
        photo(f"The picture, {walk.width} × {walk.height}", "photo", height, width, within=region,
              note="" if middle is walk.pixels else "A long strip: only its middle is shown.",
              alt="The picture as it came, with the part the model sees cut into patches. What is darkened does not count."),
        photo(f"Canonical form, {across} × {down}", "canonical", down, across, within=None,
              alt="The middle part of the picture, shrunk and passed through JPEG."),
        photo(f"What the model sees, {size} × {size}", "input", size, size, alt=f"The square the model sees, cut into {rows} by {columns} patches."),
        zoom(f"The patch, {size // columns} × {size // rows}", "input", alt="The pixels of the chosen patch, magnified."),
    ]  # fmt: skip
    images = {"photo": picture(middle), "canonical": picture(walk.canonical)}
    return _figure(walk, words, shown, lines=2, images=images)


def features(walk: Walkthrough, head: int) -> dict:
    tokens, count = walk.tokens, walk.tokens.shape[1]
    strength = np.linalg.norm(tokens, axis=1)
    ranks = _ranks(strength)
    active = (tokens > 0.05 * tokens.max()).mean(axis=1)
    words = [
        f"its {count} numbers make a vector {strength[i]:.1f} long, number {ranks[i]} of {len(tokens)}; {active[i]:.0%} of them exceed a twentieth "
        f"of the map's largest, {tokens.max():.1f}."
        for i in range(len(tokens))
    ]
    busiest = np.argsort(-tokens.std(axis=0), kind="stable")[: CHANNELS_SHOWN if count >= CHANNELS_SHOWN else count - count % CHANNELS_ACROSS]
    numbers = heat(tokens, "activation", high=float(np.quantile(tokens, 0.99)))
    shown = [
        patches("How strongly each patch responds", strength, walk.grid, image="input", span=5, **heat(strength, "length of the patch's vector"),
                alt=f"Length of each patch's vector, from {strength.min():.1f} to {strength.max():.1f}."),
        maps(f"The {len(busiest)} of {count} channels that vary most", np.moveaxis(walk.features[..., busiest], -1, 0), CHANNELS_ACROSS, span=7,
             note="Channels " + ", ".join(str(channel + 1) for channel in busiest) + ".",
             **heat(tokens, "activation", high=float(np.quantile(tokens[:, busiest], 0.99))),
             alt=f"Small maps of {len(busiest)} channels, brighter where a patch has more of it."),
        vector(f"The chosen patch: its {count} numbers, 64 to a line", tokens, _fold(count, 64), **numbers, span=12,
               alt="The chosen patch's numbers as coloured cells, brighter the larger."),
    ]  # fmt: skip
    return _figure(walk, words, shown, lines=2)


def projections(walk: Walkthrough, head: int) -> dict:
    named = {"Query": walk.queries[:, head], "Key": walk.keys[:, head], "Value": walk.values[:, head]}
    lengths = {name: np.linalg.norm(values, axis=1) for name, values in named.items()}
    best = walk.scores[head].argmax(axis=1)
    words = [
        f"its query is {lengths['Query'][i]:.1f} long, its key {lengths['Key'][i]:.1f}, its value {lengths['Value'][i]:.1f}. "
        f"Its query fits the key of {_place(walk, best[i])} best."
        for i in range(len(best))
    ]
    colours = {name: signed(values, "", share=0.998) for name, values in named.items()}
    matrices = [
        matrix(f"{PLURALS[name]}: {_by(values)}", values, axes=("patch", "number"), span=4, **colours[name],
               alt=f"The {PLURALS[name].lower()} of all patches, one a line; the chosen patch's line is framed.")
        for name, values in named.items()
    ]  # fmt: skip
    rows = [
        vector(f"Its {name.lower()}", values, _fold(values.shape[1], 16), span=3, **colours[name],
               alt=f"The chosen patch's {name.lower()}: {values.shape[1]} numbers as coloured cells.")
        for name, values in named.items()
    ]  # fmt: skip
    return _figure(walk, words, [*matrices, _chooser(walk), *rows], lines=2)


def scores(walk: Walkthrough, head: int) -> dict:
    table = walk.scores[head]
    words = [
        f"its query scores from {row.min():+.2f} to {row.max():+.2f}: highest with the key of {_place(walk, row.argmax())}, "
        f"lowest with that of {_place(walk, row.argmin())}."
        for row in table
    ]
    shown = [
        matrix(f"Scores: {_by(table)}", table, axes=("patch", "patch"), **signed(table, "score", share=0.998, digits=3),
               alt=f"All scores, from {table.min():.2f} to {table.max():.2f}: who asks down the side, who answers along the top. The chosen patch's "
               "row is framed."),
        patches("The chosen patch's row, on the picture", table, walk.grid, image="input", **signed(table, "score", each=True, digits=3),
                alt="How well each patch's key fits the chosen patch's query."),
    ]  # fmt: skip
    return _figure(walk, words, shown)


def softmax(walk: Walkthrough, head: int) -> dict:
    table, n = walk.attention[head], len(walk.tokens)
    words = [
        f"gives {row.max():.1%} of its attention, {row.max() * n:.1f}× the uniform share, to {_place(walk, row.argmax())}, and shares it "
        f"among about {2**entropy:.0f} of {n} patches."
        for row, entropy in zip(table, walk.entropy[head], strict=True)
    ]
    shown = [
        matrix(f"Attention: {_by(table)}, rows sum to 1", table, axes=("patch", "patch"), **_multiples(table, n),
               alt=f"The attention matrix; its largest weight is {table.max() * n:.1f} times the uniform share. The chosen patch's row is framed."),
        patches("What the chosen patch attends to", table, walk.grid, image="input", **_multiples(table, n, each=True),
                alt="How the chosen patch spreads its attention over the picture."),
    ]  # fmt: skip
    return _figure(walk, words, shown)


def rollout(walk: Walkthrough, head: int) -> dict:
    heatmap, n = walk.heatmap, len(walk.tokens)
    share, ranks = heatmap.relative.ravel(), _ranks(heatmap.values.ravel())
    words = [
        f"receives {share[j]:.2f}× the uniform share, the mean of its column: number {ranks[j]} of {n}."
        + (f" {walk.rolled[j, j] / walk.rolled[:, j].sum():.0%} of that it gives itself." if walk.rolled[:, j].sum() > 0 else "")
        for j in range(n)
    ]
    shown = [
        matrix(f"Rollout: {_by(walk.rolled)}", walk.rolled, axes=("patch", "patch"), choose="column", **_multiples(walk.rolled, n),
               alt="The rollout matrix. With a residual its diagonal holds at least a half. The chosen patch's column is framed."),
        patches("The heatmap: what each patch receives", heatmap.values.ravel(), walk.grid, image="input", **_multiples(heatmap.values.ravel(), n),
                alt=f"The heatmap, the mean of each column; its highest patch gets {heatmap.peak:.1f} times the uniform share."),
    ]  # fmt: skip
    return _figure(walk, words, shown)


def pooling(walk: Walkthrough, head: int) -> dict:
    n, count = walk.attended.shape
    words = [f"{_brings(walk, j)} In the pooled vector its share is {walk.pooled_shares[j]:.1%}." for j in range(n)]
    numbers = signed(walk.attended, "", share=0.998)
    shown = [
        _contributions(walk),
        vector("The chosen patch after attention", walk.attended, _fold(count, 64), **numbers,
               alt=f"The chosen patch's {count} numbers after attention."),
        vector("The mean of all patches: the pooled vector", walk.pooled, _fold(count, 64), **numbers,
               alt=f"The pooled vector's {count} numbers, on the same scale."),
    ]  # fmt: skip
    return _figure(walk, words, shown)


def probability(walk: Walkthrough, head: int) -> dict:
    words = [f"{_brings(walk, j)} The logit is {walk.logit:+.3f}, the biases' part of it {walk.constant:+.3f}." for j in range(len(walk.tokens))]
    if not walk.weights.residual:
        return _figure(walk, words, [_contributions(walk)])
    both = np.stack([walk.kept, walk.passed_on])
    shown = [
        patches(title, each, walk.grid, image="input", opacity=0.8, **_evidence(both),
                alt=f"{title}: from {each.min():+.3f} to {each.max():+.3f} logit units a patch, {each.sum():+.3f} in all.")
        for title, each in zip((f"By themselves: {walk.kept.sum():+.3f}", f"Through attention: {walk.passed_on.sum():+.3f}"), both, strict=True)
    ]  # fmt: skip
    return _figure(walk, words, shown, lines=2)


def _figure(walk: Walkthrough, words: list[str], shown: list[dict], lines: int = 1, images: dict[str, str] | None = None) -> dict:
    """words: one for each patch. lines: how many lines of pictures share the screen. images: beside the model input, which every figure has.

    The patch that receives most at the model's own temperature is the chosen one until somebody chooses.
    """
    start = int(walk.at(1.0).heatmap.values.argmax())
    images = {"input": picture(walk.image)} | (images or {})
    return {"grid": list(walk.grid), "start": start, "words": words, "images": images, "shades": shades(), "panels": shown, "lines": lines}


def _middle(walk: Walkthrough) -> tuple[np.ndarray, Region]:
    """The photo's pixels, of a long strip the middle, and the part of them that the model saw."""
    height, width = walk.pixels.shape[:2]
    across, down = min(width, MAX_SHOWN_ASPECT * height), min(height, MAX_SHOWN_ASPECT * width)
    if (across, down) == (width, height):
        return walk.pixels, walk.region
    left, top = (width - across) // 2, (height - down) // 2
    return walk.pixels[top : top + down, left : left + across], walk.region.within(across / width, down / height)


def _chooser(walk: Walkthrough) -> dict:
    size = len(walk.image)
    return photo("The chosen patch", "input", size, size, span=3, alt="The square the model sees, cut into patches.")


def _contributions(walk: Walkthrough) -> dict:
    each = walk.contributions
    return patches(
        "What each patch brings to the logit", each, walk.grid, image="input", opacity=0.8, down=2,
        **_evidence(each),
        alt=f"Signed contributions, from {each.min():+.3f} to {each.max():+.3f}; {(each > 0).sum()} of {len(each)} point towards AI-generated.",
    )  # fmt: skip


def _evidence(values: np.ndarray) -> dict:
    """The scale for logit units."""
    return signed(values, "logit units; blue towards real, red towards AI", written="{:+.3f}", digits=4)


def _brings(walk: Walkthrough, j: int) -> str:
    each = walk.contributions[j]
    direction = WORDS["ai"] if each > 0 else WORDS["real"]
    own = f"{walk.kept[j]:+.3f} by itself and {walk.passed_on[j]:+.3f} through attention" if walk.weights.residual else "all through attention"
    return f"brings {each:+.3f} to the logit, towards {direction}: {own}."


def _multiples(values: np.ndarray, n: int, each: bool = False) -> dict:
    """The scale for shares of attention: multiples of the uniform share 1/n, never stretched beyond what the display floor allows.

    each: every patch's row has a scale of its own, as in the heatmap viewer. Of a matrix, the diagonal and the largest hundredth may
    lie beyond the scale: one weight of 30 times the uniform share would leave all others black.
    """
    floor, how = DISPLAY_FLOOR / n, {"factor": float(n), "ends": "×", "written": "{:.1f}"}
    if each:
        return heat(values, "multiples of the uniform share", highs=np.maximum(values.max(axis=1), floor), **how)
    high = values.max() if values.ndim == 1 else np.quantile(values[~np.eye(n, dtype=bool)], 0.99)
    return heat(values, "multiples of the uniform share", high=max(float(high), floor), **how)


def _fold(count: int, line: int) -> int:
    """The largest divisor of ``count`` up to ``line``."""
    return next(size for size in range(min(line, count), 0, -1) if count % size == 0)


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the largest."""
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable") + 1


def _places(walk: Walkthrough) -> list[tuple[int, int]]:
    rows, columns = walk.grid
    return [(row, column) for row in range(rows) for column in range(columns)]


def _place(walk: Walkthrough, token: int) -> str:
    row, column = divmod(int(token), walk.grid[1])
    return f"row {row + 1}, column {column + 1}"


def _by(values: np.ndarray) -> str:
    return " × ".join(map(str, values.shape))


FIGURES = {
    "resize": resize, "features": features, "qkv": projections, "scores": scores,
    "softmax": softmax, "rollout": rollout, "pooling": pooling, "probability": probability,
}  # fmt: skip
"""By the name of the step."""

