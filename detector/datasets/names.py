"""Which names of folders and labels say "AI-generated", "real" or the name of a split."""

from __future__ import annotations

import re

# Names are compared without case, spaces and punctuation: "AI_Generated", "ai-generated" and "AI generated" are one name.
GENERATOR_NAMES = frozenset({
    "midjourney", "sd", "sd14", "sd15", "sd21", "sd3", "sdxl", "sdv4", "sdv5", "stablediffusion", "stablediffusionv14",
    "stablediffusionv15", "stablediffusionxl", "dalle", "dalle2", "dalle3", "flux", "imagen", "firefly", "gpt4o", "adm",
    "glide", "vqdm", "wukong", "biggan", "progan", "stylegan", "stylegan2", "stylegan3", "gan", "diffusion",
})  # fmt: skip
AI_NAMES = GENERATOR_NAMES | frozenset({
    "ai", "aigenerated", "aigen", "aiart", "aiartdata", "aiimage", "aiimages", "generated", "generatedimages",
    "generatedart", "fake", "fakes", "fakeimages", "fakeart", "1fake", "synthetic", "synthesized", "artificial",
    "deepfake", "deepfakes",
})  # fmt: skip
REAL_NAMES = frozenset({
    "real", "realart", "realartdata", "realimage", "realimages", "reals", "0real", "human", "humanmade", "humanart",
    "nature", "natural", "authentic", "genuine", "photo", "photos", "photograph", "photographs", "photography",
    "camera", "original",
})  # fmt: skip
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "unseen": "unseen",
}  # fmt: skip


def normal(name: str) -> str:
    """As names are compared."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def class_of(name: str) -> int | None:
    """1 for a name that says AI-generated, 0 for one that says real, None for any other."""
    name = normal(name)
    return 1 if name in AI_NAMES else 0 if name in REAL_NAMES else None
