"""BG/NBD: is a customer still one, how many orders will come, when does doubt pass a threshold.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
Time is in weeks. Everything works on whole columns and in logarithms, so that a customer with a
thousand orders is as exact as one with two.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from schemas.model import BgNbd
from services.scoring.domain.arrays import Floats, Histories
from services.scoring.domain.hypergeometric import tail_series

#: exp(700) is about the largest number a float holds; P(alive) stays above zero.
LOG_ODDS_MAX: Final = 700.0


def alive_probability(model: BgNbd, customers: Histories) -> Floats:
    """P(alive) at T, in (0, 1]; 1 for x = 0, where the model has no signal (equation 8)."""
    odds_lost = np.exp(np.minimum(_log_odds_lost(model, customers), LOG_ODDS_MAX))
    alive: Floats = 1.0 / (1.0 + odds_lost)
    return alive


def alive_until(model: BgNbd, customers: Histories, threshold: float) -> Floats:
    """Weeks since the first order at which P(alive) falls to `threshold`; infinity for x = 0.

    Closed form: P(alive) solved for T. Never before t_x, since only silence lowers P(alive).
    """
    x = np.maximum(customers.x, 1.0)
    log_silence = np.log(1.0 / threshold - 1.0) - _log_dropout_weight(model, x)
    grown = (model.alpha + customers.t_x) * np.exp(log_silence / (model.r + x)) - model.alpha
    return np.where(customers.x > 0, np.maximum(grown, customers.t_x), np.inf)


def orders_expected(model: BgNbd, customers: Histories, weeks: Floats | float) -> Floats:
    """E[orders in (T, T + weeks]]: those of a living customer times P(alive) (equation 10)."""
    return orders_if_alive(model, customers, weeks) * alive_probability(model, customers)


def orders_if_alive(model: BgNbd, customers: Histories, weeks: Floats | float) -> Floats:
    """The numerator of equation 10: expected orders in (T, T + weeks] of who is alive at T.

    Euler's transformation turns the published 2F1(r+x, b+x; a+b+x-1; z) with its power into
    (1-z)^(a-1) 2F1(a+b-1-r, a-1; a+b+x-1; z), whose parameters do not grow with x. The factor
    (a+b+x-1)/(a-1) is multiplied in term by term, so that a = 1 is no special case.
    """
    level = model.a + model.b + customers.x - 1.0
    z = weeks / (model.alpha + customers.observed + weeks)
    log_left = np.log1p(-z)
    power = model.a - 1.0
    first = -log_left if power == 0 else -np.expm1(power * log_left) / power
    series = tail_series(model.a + model.b - 1.0 - model.r, model.a, level, z)
    return np.maximum(level * first - np.exp(power * log_left) * series, 0.0)


def _log_dropout_weight(model: BgNbd, x: Floats) -> Floats:
    """ln of a / (b + x - 1), for x > 0."""
    weight: Floats = np.log(model.a) - np.log(model.b + x - 1.0)
    return weight


def _log_odds_lost(model: BgNbd, customers: Histories) -> Floats:
    x = np.maximum(customers.x, 1.0)
    silence = np.log(model.alpha + customers.observed) - np.log(model.alpha + customers.t_x)
    log_odds = _log_dropout_weight(model, x) + (model.r + x) * silence
    return np.where(customers.x > 0, log_odds, -np.inf)
