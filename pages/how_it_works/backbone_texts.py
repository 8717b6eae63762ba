"""The steps before the attention in words."""

from __future__ import annotations

from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.step import StepText, by


def resize(walk: PictureWalk) -> StepText:
    preprocessing = walk.bundle.preprocessing
    size, quality = len(walk.image), preprocessing.jpeg_quality
    canonical = rf"\text{{Lanczos}}_{{{preprocessing.short_side}}}(\text{{picture}})"
    how = "shrunk so that size and shape give nothing away."
    if quality:
        canonical = rf"\text{{JPEG}}_{{{quality}}}\big({canonical}\big)"
        how = (
            f"shrunk and saved once as JPEG of quality {quality}, so that size, shape and format give nothing"
            " away."
        )
    down, across = walk.canonical.shape[:2]
    kept = size * size / (walk.width * walk.height)
    return StepText(
        f"The model never sees the file. It sees the middle of the picture as {size} × {size} pixels, {how}",
        rf"x = \text{{crop}}_{{{size}}}\Big({canonical}\Big)",
        f"picture {walk.width} × {walk.height} → canonical form {across} × {down} → x: {size} × {size} × 3"
        " whole numbers from 0 to 255",
        "Which detail of the picture is lost on the way to the small square? Could it have given a fake"
        " away?",
        f"The square has {kept:.1%} of the picture's pixels. Grain, fine texture and the traces of a"
        " generator's last layers live in the finest detail, and most of that is gone: this model has to"
        " decide without it.",
    )


def backbone(walk: PictureWalk) -> StepText:
    rows, columns = walk.patch_grid
    stages = len(walk.bundle.architecture.stages)
    return StepText(
        "The backbone looks through small windows again and again. Early stages keep the picture's detail and"
        " see edges and textures; later ones see coarser maps of what they have learnt to look for.",
        r"F_{s+1} = \text{stage}_{s+1}(F_s)",
        f"{stages} stages on the way from x: {by(walk.image)} to a grid of {rows} × {columns}",
        "In which stage can you no longer recognise your picture?",
        "Usually where the maps get down to about 14 × 14 cells. What is left there is not what the picture"
        " looks like but what the network needs to know of each place.",
    )


def features(walk: Walkthrough) -> StepText:
    rows, columns = walk.grid
    channels = walk.tokens.shape[1]
    depths = ", read at several depths," if walk.bundle.architecture.neck else ""
    return StepText(
        f"The backbone{depths} turns the square into a grid of {rows} × {columns} patches and describes each"
        f" with {channels:,} numbers it has learnt to compute. A patch is named after its place, but its"
        " numbers have seen what lies around it, too.",
        r"\begin{gathered} F = \text{backbone}(x) \\ X = \text{the patches of } F \text{, one a row}"
        r" \end{gathered}",
        f"x: {by(walk.image)} → F: {by(walk.features)} → X: {by(walk.tokens)}",
        "Choose two patches that look alike to you. Do their numbers look alike, too?",
        "Often, but not always: the numbers say what the network can use, which is not what the eye sees, and"
        " each patch's numbers have seen its neighbours.",
    )
