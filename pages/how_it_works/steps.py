"""Which steps a picture takes: what can be shown of a network, its architecture's entry says."""

from __future__ import annotations

from detector.architectures import Architecture
from detector.explain.walkthrough import has_head
from pages.how_it_works import backbone_texts, block_texts, head_texts, tile_texts
from pages.how_it_works.step import Step

RESIZE = Step("resize", "Resize", backbone_texts.resize)
BACKBONE = Step("backbone", "Backbone", backbone_texts.backbone)
FEATURES = Step("features", "Feature map", backbone_texts.features)

BLOCKS = (
    Step("patches", "Patches", block_texts.patches),
    Step("blocks", "Blocks", block_texts.blocks, per_block=True),
    Step("growth", "Rollout by block", block_texts.growth, per_block=True),
)
CLASS_TOKENS = Step("class_tokens", "Class tokens", block_texts.class_tokens)

HEAD = (
    Step("qkv", "Q, K, V", head_texts.projections, per_head=True),
    Step("scores", "Scores", head_texts.scores, per_head=True),
    Step("softmax", "Softmax", head_texts.softmax, tempered=True, per_head=True),
    Step("rollout", "Rollout", head_texts.rollout, tempered=True),
    Step("pooling", "Pooling", head_texts.pooling, tempered=True),
)
TILES = Step("tiles", "Tiles", tile_texts.tiles)
PROBABILITY = Step("probability", "Probability", head_texts.probability, tempered=True)
LOGIT = Step("logit", "Probability", block_texts.logit)
"""Of a network whose head is no attention head: its end, as it answered."""


def steps_of(architecture: Architecture, tiles: bool = False) -> tuple[Step, ...]:
    """The steps of networks of that architecture, in their order. tiles: whether they look at tiles, too."""
    beside = (TILES,) if tiles else ()
    end = (*HEAD, *beside, PROBABILITY) if has_head(architecture) else (*beside, LOGIT)
    if architecture.blocks is None:
        opened = (BACKBONE,) if architecture.stages else ()
        return (RESIZE, *opened, FEATURES, *end)
    read = (CLASS_TOKENS,) if architecture.encoder and has_head(architecture) else ()
    return (RESIZE, *BLOCKS, *read, *end)
