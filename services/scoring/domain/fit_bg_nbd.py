"""The BG/NBD parameters that make a population's purchase histories most likely.

Fader, Hardie & Lee (2005), equation 6, maximised over the logarithms of r, alpha, a, b.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from schemas.model import BgNbd
from services.scoring.domain.arrays import Floats, Histories

#: Where the search starts and how far it may go: e^-12 to e^12 holds every real business.
START: Final = (0.0, 1.0, 0.0, 0.0)
LOG_MAX: Final = 12.0


def log_likelihood(parameters: Floats, customers: Histories) -> Floats:
    """ln L of each customer under (r, alpha, a, b)."""
    r, alpha, a, b = parameters
    x, repeated = customers.x, customers.x > 0
    counts = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    dropout = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + customers.observed)
    left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + customers.t_x)
    either = np.logaddexp(stayed, np.where(repeated, left, -np.inf))
    total: Floats = counts + dropout + either
    return total


def fit_bg_nbd(customers: Histories) -> BgNbd:
    """The maximum-likelihood parameters. Deterministic; equal histories are counted once."""
    rows = np.column_stack([customers.x, customers.t_x, customers.observed])
    distinct, count = np.unique(rows, axis=0, return_counts=True)
    known = Histories(distinct[:, 0], distinct[:, 1], distinct[:, 2])

    def cost(logs: Floats) -> float:
        bounded = np.clip(logs, -LOG_MAX, LOG_MAX)
        outside = float(np.abs(logs - bounded).sum())
        return outside - float(count @ log_likelihood(np.exp(bounded), known)) / len(rows)

    best = minimize(
        cost,
        START,
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4_000, "maxfev": 4_000},
    )
    found = np.exp(np.clip(best.x, -LOG_MAX, LOG_MAX))
    r, alpha, a, b = (float(value) for value in found)
    total = float(count @ log_likelihood(found, known))
    return BgNbd(r=r, alpha=alpha, a=a, b=b, log_likelihood=total)
