"""A logistic regression on features, as the weights of a dense layer: the second head, which judges tiles."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

REGULARISATION = 0.003
"""scikit-learn's C, for standardised features."""


def logistic_regression(
    features: np.ndarray, y_true: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, float]:
    """float (n, d), labels and weights (n,) -> kernel float64 (d,) and bias, so that ``features @ kernel +
    bias`` is the logit. Raises ValueError where a class is missing."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=300, tol=1e-3))
    model.fit(features, y_true, logisticregression__sample_weight=weights)
    scaler, regression = model[0], model[1]
    kernel = regression.coef_[0] / scaler.scale_
    return kernel, float(regression.intercept_[0] - kernel @ scaler.mean_)
