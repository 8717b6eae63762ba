"""The attention head that architectures share, in NumPy: its answers, and the logit's gradient, without a
framework."""

from __future__ import annotations

import numpy as np

from detector.explain.head_walk import tempered_softmax
from detector.explain.head_weights import HeadWeights, Layer


def forward(features: np.ndarray, head: HeadWeights) -> tuple[np.ndarray, np.ndarray]:
    """float (N, gh, gw, C), feature maps -> logits float32 (N,) and attention float32 (N, m, n, n) of the n =
    gh * gw tokens x, as ``attach_attention_head`` does it: A = softmax(Q K^T / sqrt(d)), A V W_o + b_o, and x
    added where there is a residual, their mean, the hidden units, their votes."""
    tokens = features.reshape(len(features), -1, features.shape[-1]).astype(np.float64)
    queries, keys = _projected(tokens, head.query), _projected(tokens, head.key)
    products = np.einsum("bimd,bjmd->bmij", queries, keys)
    attention = tempered_softmax(products / np.sqrt(queries.shape[-1]), 1)
    pooled = _pooled(tokens, attention, head)
    hidden = np.maximum(pooled @ head.hidden[0] + head.hidden[1], 0)
    logits = hidden @ head.logit[0][:, 0] + head.logit[1][0]
    return logits.astype(np.float32), attention


def gradient_at_features(features: np.ndarray, attention: np.ndarray, head: HeadWeights) -> np.ndarray:
    """The logit's gradient with respect to the feature map: float64 (gh, gw, C), like ``features``.

    attention: A, (m, n, n), rows sum to 1, of the n = gh * gw tokens x. With u the gradient at the pooled
    vector divided by n, which every attended token has, and v_j = W_v x_j + b_v:

        dx_j = u + W_v (sum_i A_ij W_o^T u) + W_q dq_j + W_k dk_j

    without its first u where there is no residual. dS_ij = A_ij (a_j - sum_k A_ik a_k) is the softmax's
    gradient, with a_j = v_j . W_o^T u; dq_i = sum_j dS_ij k_j / sqrt(d), dk_j = sum_i dS_ij q_i / sqrt(d).
    """
    tokens = features.reshape(-1, features.shape[-1]).astype(np.float64)
    attention = attention.astype(np.float64)
    upstream = _gradient_at_pooled(tokens, attention, head) / len(tokens)
    at_values = np.einsum("mdc,c->md", head.output[0], upstream)
    gradient = _back(np.einsum("mij,md->jmd", attention, at_values), head.value)
    gradient += _through_scores(tokens, attention, at_values, head)
    if head.residual:
        gradient += upstream
    return gradient.reshape(features.shape)


def _gradient_at_pooled(tokens: np.ndarray, attention: np.ndarray, head: HeadWeights) -> np.ndarray:
    """(C,): through the hidden layer's units that are active."""
    pooled = _pooled(tokens, attention, head)
    active = pooled @ head.hidden[0] + head.hidden[1] > 0
    return head.hidden[0] @ (active * head.logit[0][:, 0])


def _through_scores(
    tokens: np.ndarray, attention: np.ndarray, at_values: np.ndarray, head: HeadWeights
) -> np.ndarray:
    """(n, C): what reaches the tokens through the attention's softmax, queries and keys."""
    queries, keys, values = (_projected(tokens, layer) for layer in (head.query, head.key, head.value))
    worth = np.einsum("jmd,md->mj", values, at_values)
    mean = np.einsum("mij,mj->mi", attention, worth)
    at_scores = attention * (worth[:, None, :] - mean[:, :, None])
    at_scores /= np.sqrt(queries.shape[-1])
    at_queries = np.einsum("mij,jmd->imd", at_scores, keys)
    at_keys = np.einsum("mij,imd->jmd", at_scores, queries)
    return _back(at_queries, head.query) + _back(at_keys, head.key)


def _pooled(tokens: np.ndarray, attention: np.ndarray, head: HeadWeights) -> np.ndarray:
    """(..., C): the mean of the tokens, (..., n, C), after attention, (..., m, n, n)."""
    values = _projected(tokens, head.value)
    attended = np.einsum("...mij,...jmd->...imd", attention, values)
    written = np.einsum("...imd,mdc->...ic", attended, head.output[0]) + head.output[1]
    return (written + tokens if head.residual else written).mean(axis=-2)


def _projected(tokens: np.ndarray, layer: Layer) -> np.ndarray:
    """(..., n, C) -> (..., n, m, d)."""
    return np.einsum("...nc,cmd->...nmd", tokens, layer[0]) + layer[1]


def _back(gradient: np.ndarray, layer: Layer) -> np.ndarray:
    """A gradient at projected tokens, (n, m, d), at the tokens themselves: (n, C)."""
    return np.einsum("nmd,cmd->nc", gradient, layer[0])
