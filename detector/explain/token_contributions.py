"""Token contributions: the logit split exactly into one signed share per token.

One attention layer, an average over tokens and a ReLU head form a function that is linear in the tokens once the attention scores and
the active units are given. So there is nothing to approximate: with the tokens x_j, the attention A^h of each head h, the values
v_j^h = W_v^h x_j + b_v^h, and g the logit's gradient at the pooled vector, token j contributes

    c_j = g . (1/n) [x_j + sum_h (sum_i A^h_ij) W_o^h v_j^h]        (without x_j where the network has no residual)

and sum_j c_j + constant = logit. The constant is what the biases give: g . b_o and the head's own.

That is an identity, not a claim about causes: what a token would have added elsewhere, and how it shaped the attention of others, is
not in it. Kobayashi et al. (EMNLP 2020) weigh attention by the norm of the same vectors; here the head says what each is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.architectures.attention_head import HEAD_LAYERS
from detector.explain.heatmap import LOGIT, Heatmap
from detector.explain.method import Job, Method, Unavailable

NAME = "token contributions"
TOLERANCE = 1e-3
"""How far shares and constant may miss the network's logit (relative to it, if that is over 1) before the map is withheld. Rounding is 1e-5."""
_OTHER_HEAD = "Its head is not one attention layer, an average over tokens and a ReLU layer, so its logit does not split into token shares."


@dataclass(frozen=True)
class Head:
    """The weights that take part. C channels, m heads of d values each, k hidden units; (kernel, bias) pairs, float.

    value: (C, m, d), (m, d). output: (m, d, C), (C,). hidden: (C, k), (k,). logit: (k, 1), (1,). residual: are the tokens added?
    """

    value: tuple[np.ndarray, np.ndarray]
    output: tuple[np.ndarray, np.ndarray]
    hidden: tuple[np.ndarray, np.ndarray]
    logit: tuple[np.ndarray, np.ndarray]
    residual: bool


def contributions(tokens: np.ndarray, attention: np.ndarray, head: Head) -> tuple[np.ndarray, float]:
    """c float64 (n,) and the constant. tokens: x, (n, C). attention: A, (m, n, n), rows sum to 1."""
    tokens, attention = tokens.astype(np.float64), attention.astype(np.float64)
    values = np.einsum("jc,cmd->jmd", tokens, head.value[0]) + head.value[1]
    received = attention.sum(axis=1).T  # (n, m): how much attention token j receives in each head
    moved = np.einsum("jm,jmd,mdc->jc", received, values, head.output[0], optimize=True)
    written = (tokens + moved if head.residual else moved) / len(tokens)  # what each token writes into the pooled vector
    pooled = written.sum(axis=0) + head.output[1]
    active = pooled @ head.hidden[0] + head.hidden[1] > 0
    units = active * head.logit[0][:, 0]
    gradient = head.hidden[0] @ units
    return written @ gradient, float(gradient @ head.output[1] + units @ head.hidden[1] + head.logit[1][0])


def _tokens(network, bundle) -> Callable:
    import keras

    outputs = {**network.output, "tokens": network.get_layer("tokens").output}
    head = keras.Model(network.get_layer(bundle.architecture.feature_layer).output, outputs)
    return lambda features: head(features, training=False)


def _head(network, residual: bool) -> Head:
    attention = network.get_layer("attention")
    layers = (attention.value_dense, attention.output_dense, network.get_layer("hidden"), network.get_layer("logit"))
    pairs = [tuple(np.asarray(array, np.float64) for array in layer.get_weights()) for layer in layers]
    if any(len(pair) != 2 for pair in pairs):
        raise Unavailable(_OTHER_HEAD)
    return Head(*pairs, residual=residual)


def _available(architecture) -> str | None:
    return None if tuple(architecture.head) == HEAD_LAYERS else _OTHER_HEAD


def _run(job: Job, image: np.ndarray, towards: str | None) -> Heatmap:
    engine = job.engine
    outputs = job.inside(_tokens, image)
    if len(outputs["attention"]) != 1:
        raise Unavailable(_OTHER_HEAD)
    with engine.lock:
        head = _head(engine.network, bool(engine.bundle.arguments.get("residual", True)))
    shares, constant = contributions(outputs["tokens"], outputs["attention"][0], head)
    logit = float(outputs["logit"][0])
    if not abs(shares.sum() + constant - logit) <= TOLERANCE * max(1.0, abs(logit)):
        raise Unavailable(_OTHER_HEAD)
    values = shares.astype(np.float32).reshape(engine.bundle.architecture.grid)
    return Heatmap(values, NAME, signed=True, unit=LOGIT, constant=constant)


METHOD = Method(
    NAME,
    "Token contributions",
    "What each patch adds to the logit, exactly: red patches pull it towards AI-generated, blue ones towards real, and together with a "
    "constant they sum to it.",
    signed=True,
    pictures=lambda n: 1,
    available=_available,
    run=_run,
)
