"""Gamma-Gamma: what one purchase day of a customer is worth on average.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value. The mean is over repeat purchase
days; who has none gets the population's mean.
"""

from __future__ import annotations

import numpy as np

from schemas.model import GammaGamma
from services.scoring.domain.arrays import Floats


def order_value_expected(model: GammaGamma, x: Floats, mean_value: Floats) -> Floats:
    """E[M | x, m] = p (gamma + x m) / (p x + q - 1), in the currency of `mean_value`.

    Rows without repeat purchases, or with a mean that is not positive (all refunded), get the
    mean of the population. NaN where that does not exist (q <= 1).
    """
    known = (x > 0) & (mean_value > 0)
    count = np.where(known, x, 0.0)
    spent = np.where(known, x * mean_value, 0.0)
    weight = model.p * count + model.q - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight > 0, model.p * (model.gamma + spent) / weight, np.nan)
