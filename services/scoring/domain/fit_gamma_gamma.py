"""The Gamma-Gamma parameters that make the customers' mean order values most likely.

Fader & Hardie (2013), equation 1a, maximised over the logarithms of p, q, gamma.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from schemas.model import GammaGamma
from services.scoring.domain.arrays import Floats

LOG_MAX: Final = 20.0


def log_likelihood(parameters: Floats, x: Floats, mean_value: Floats) -> Floats:
    """ln L of each customer with x > 0 and mean_value > 0 under (p, q, gamma)."""
    p, q, gamma = parameters
    spent = x * mean_value
    shape = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
    log_likelihoods: Floats = (
        shape
        + (p * x - 1) * np.log(mean_value)
        + p * x * np.log(x)
        - (p * x + q) * np.log(gamma + spent)
    )
    return log_likelihoods


def fit_gamma_gamma(x: Floats, mean_value: Floats) -> GammaGamma | None:
    """The maximum-likelihood parameters from the repeat buyers; None when there are none.

    Money is scaled by its mean first, so that yen and dollars are searched alike.
    """
    known = (x > 0) & (mean_value > 0)
    if not known.any():
        return None
    x, mean_value = x[known], mean_value[known]
    scale = float(mean_value.mean())

    def cost(logs: Floats) -> float:
        bounded = np.clip(logs, -LOG_MAX, LOG_MAX)
        outside = float(np.abs(logs - bounded).sum())
        return outside - float(log_likelihood(np.exp(bounded), x, mean_value / scale).mean())

    best = minimize(
        cost,
        (1.0, 1.0, 0.0),
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4_000, "maxfev": 4_000},
    )
    p, q, gamma = np.exp(np.clip(best.x, -LOG_MAX, LOG_MAX))
    return GammaGamma(p=float(p), q=float(q), gamma=float(gamma) * scale)
