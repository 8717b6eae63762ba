"""How the GPUs that train together share a batch: evenly, or not at all."""

from __future__ import annotations


def batch_in_words(batch_size: int, gpus: int) -> str:
    """For instance "32 pictures (16 on each of 2 GPUs)"."""
    each = f" ({batch_size // gpus} on each of {gpus} GPUs)" if gpus > 1 else ""
    return f"{batch_size} picture{'' if batch_size == 1 else 's'}{each}"


def uneven_batch(batch_size: int, gpus: int) -> str:
    """The sentence about a batch that cannot be shared evenly; "" for one that can."""
    if gpus < 2 or not batch_size % gpus:
        return ""
    more = batch_size + gpus - batch_size % gpus
    return f"{gpus} GPUs cannot share a batch of {batch_size} evenly. Set batch_size to {more}, for instance."
