"""Token contributions: the logit split exactly into one signed share per token.

One attention layer, an average over tokens and a ReLU head form a function that is linear in the tokens once
the attention scores and the active units are given. So there is nothing to approximate: with the tokens x_j,
the attention A^h of each head h, the values v_j^h = W_v^h x_j + b_v^h, and g the logit's gradient at the
pooled vector, token j contributes

    c_j = g . (1/n) [x_j + sum_h (sum_i A^h_ij) W_o^h v_j^h]        (without x_j where the network has no
    residual)

and sum_j c_j + constant = logit. The constant is what the biases give: g . b_o and the head's own.

That is an identity, not a claim about causes: what a token would have added elsewhere, and how it shaped the
attention of others, is not in it. Kobayashi et al. (EMNLP 2020) weigh attention by the norm of the same
vectors; here the head says what each is worth.
"""

from __future__ import annotations

import numpy as np

from detector.architectures.attention_head import HEAD_LAYERS
from detector.explain.head_weights import HeadWeights, from_arrays
from detector.explain.heatmap import LOGIT, Heatmap
from detector.explain.method import Job, Method, Unavailable
from detector.verdicts import Side

NAME = "token contributions"
TOLERANCE = 1e-3
"""How far shares and constant may miss the network's logit (relative to it, if that is over 1) before the
map is withheld. Rounding is 1e-5."""
_OTHER_HEAD = (
    "Its head is not one attention layer over the patches, an average over them and a ReLU layer, so its"
    " logit does not split into their shares."
)


def contributions(tokens: np.ndarray, attention: np.ndarray, head: HeadWeights) -> tuple[np.ndarray, float]:
    """c float64 (n,) and the constant. tokens: x, (n, C). attention: A, (m, n, n), rows sum to 1."""
    tokens, attention = tokens.astype(np.float64), attention.astype(np.float64)
    values = np.einsum("jc,cmd->jmd", tokens, head.value[0]) + head.value[1]
    received = attention.sum(axis=1).T  # (n, m): how much attention token j receives in each head
    moved = np.einsum("jm,jmd,mdc->jc", received, values, head.output[0], optimize=True)
    if head.residual:
        moved = tokens + moved
    written = moved / len(tokens)  # what each token writes into the pooled vector
    pooled = written.sum(axis=0) + head.output[1]
    active = pooled @ head.hidden[0] + head.hidden[1] > 0
    units = active * head.logit[0][:, 0]
    gradient = head.hidden[0] @ units
    constant = gradient @ head.output[1] + units @ head.hidden[1]
    constant += head.logit[1][0]
    return written @ gradient, float(constant)


def _available(architecture) -> str | None:
    sums_patches = tuple(architecture.head) == HEAD_LAYERS and architecture.tokens_have_places
    return None if sums_patches else _OTHER_HEAD


def _run(job: Job, image: np.ndarray, towards: Side | None) -> Heatmap:
    bundle = job.engine.bundle
    outputs = job.outputs(image)
    head = from_arrays(job.engine.head_weights(), bundle.residual)
    if head is None or len(outputs["attention"]) != 1:
        raise Unavailable(_OTHER_HEAD)
    features = outputs["features"]
    tokens = features.reshape(-1, features.shape[-1])
    shares, constant = contributions(tokens, outputs["attention"][0], head)
    logit = float(outputs["logit"][0])
    miss = abs(shares.sum() + constant - logit)
    if not miss <= TOLERANCE * max(1.0, abs(logit)):  # a NaN is withheld, too
        raise Unavailable(_OTHER_HEAD)
    values = shares.astype(np.float32).reshape(bundle.architecture.grid)
    return Heatmap(values, NAME, signed=True, unit=LOGIT, constant=constant + job.beside)


METHOD = Method(
    name=NAME,
    title="Token contributions",
    sentence=(
        "What each patch adds to the logit, exactly: red patches pull it towards AI-generated, blue ones"
        " towards real, and together with a constant they sum to it."
    ),
    caption="What each patch adds to the logit",
    signed=True,
    pictures=lambda n: 1,
    available=_available,
    run=_run,
)
