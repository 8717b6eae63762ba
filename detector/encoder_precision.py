"""What a frozen encoder's matrices are multiplied in, which is this machine's choice: an encoder that is
never trained may run in fewer digits than float32."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path

ENCODER_DTYPE = "TELLTALE_ENCODER_DTYPE"
"""The environment variable that names the dtype policy of encoders."""


class Precision(StrEnum):
    """What an encoder's matrices are multiplied in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    """The weights as they are stored, the activations in groups of neighbours with a scale each; compiled
    networks alone can."""


def fastest_precision() -> Precision:
    """What this machine's processor computes the encoder fastest in: bfloat16 where it has matrix
    instructions for it (a third of float32's time), int8 where it has dot products of these (half of it),
    else float32. Processors that have bfloat16 without the matrix instructions take longer in it than in
    float32. ``TELLTALE_ENCODER_DTYPE`` names another dtype policy."""
    if chosen := os.environ.get(ENCODER_DTYPE):
        return Precision.BFLOAT16 if chosen == "mixed_bfloat16" else Precision.FLOAT32
    try:
        processor = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return Precision.FLOAT32
    if re.search(r"\bamx_bf16\b", processor):
        return Precision.BFLOAT16
    return Precision.INT8 if re.search(r"\b(avx512_vnni|avx_vnni)\b", processor) else Precision.FLOAT32


def precision_in_keras() -> str:
    """That of ``fast_dtype``, by the name that ``Precision`` gives it, where that has one."""
    return fast_dtype().removeprefix("mixed_")


def fast_dtype() -> str:
    """The dtype policy for Keras that comes nearest to ``fastest_precision``."""
    if chosen := os.environ.get(ENCODER_DTYPE):
        return chosen
    return "mixed_bfloat16" if fastest_precision() == Precision.BFLOAT16 else "float32"
