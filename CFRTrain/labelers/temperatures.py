"""Temperatures: probabilities made as certain as they are right, and how far they were from it.

C. Guo et al., On calibration of modern neural networks, ICML 2017, arXiv 1706.04599. Logits are
logarithms of the probabilities; p' = softmax(log p / T), T one number or one per class;
above 1 it makes less certain.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

FLOOR = 1e-6  # probabilities are not taken below: no temperature makes good for an infinite logit
BINS = 15
RANGE = 20.0  # temperatures lie between 1 / RANGE and RANGE


def tempered(probabilities: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """softmax(log p / T) of probabilities (C, ...) and temperatures (C,), float32."""
    logits = _logits(probabilities) / temperatures.reshape(-1, *[1] * (probabilities.ndim - 1))
    powers = np.exp(logits - logits.max(0))
    return (powers / powers.sum(0)).astype(np.float32)


def fit_temperatures(probabilities: np.ndarray, labels: np.ndarray, per_class: bool) -> np.ndarray:
    """The temperatures (C,) with the least negative log-likelihood of true class indices labels (n,).

    probabilities (C, n). With per_class False all are the same. The problem is convex in 1 / T.
    """
    logits, truth = _logits(probabilities), np.eye(len(probabilities))[labels].T
    groups = np.arange(len(logits)) if per_class else np.zeros(len(logits), int)

    def loss(log_inverse: np.ndarray) -> tuple[float, np.ndarray]:
        inverse = np.exp(log_inverse)[groups]
        scaled = inverse[:, None] * logits
        log_sum = scaled.max(0) + np.log(np.exp(scaled - scaled.max(0)).sum(0))
        value = float((log_sum - (truth * scaled).sum(0)).mean())
        slope = ((np.exp(scaled - log_sum) - truth) * logits).mean(1) * inverse
        return value, np.bincount(groups, slope)

    limit = float(np.log(RANGE))
    count = int(groups.max()) + 1
    found = minimize(loss, np.zeros(count), jac=True, method="L-BFGS-B", bounds=[(-limit, limit)] * count)
    return np.exp(-found.x)[groups]


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Mean distance of certainty and accuracy: sum over bins of n_b / n * |accuracy - mean certainty|."""
    certainty, right = probabilities.max(0).astype(float), probabilities.argmax(0) == labels
    index = np.minimum((certainty * bins).astype(int), bins - 1)
    gaps = np.bincount(index, right - certainty, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(labels), 1))


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean over voxels of sum over classes of (p - truth)^2: 0 is perfect, 2 certain and wrong."""
    truth = np.eye(len(probabilities))[labels].T
    return float(np.square(probabilities - truth).sum(0).mean())


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), FLOOR))
