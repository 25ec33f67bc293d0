"""The series behind BG/NBD's expected orders, summed for whole columns."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.scoring.domain.arrays import Bools, Floats

BLOCK_TERMS: Final = 16
BLOCK_TERMS_MAX: Final = 2_048
TERMS_MAX: Final = 200_000
REST: Final = 1e-16


def tail_series(upper: float, other: float, lower: Floats, z: Floats) -> Floats:
    """Sum over n >= 1 of (upper)_n (other)_(n-1) z^n / ((lower+1)_(n-1) n!), for 0 <= z < 1.

    It is lower * (2F1(upper, other-1; lower; z) - 1) / (other - 1), without the divisions by
    what may be zero. Terms come in blocks that grow; rows leave as soon as what is left of them
    cannot matter any more (a geometric bound), so most rows cost one or two blocks. A row's sum
    does not depend on the other rows, to the last bit.
    """
    lower, z = np.broadcast_arrays(lower, z)
    total = np.zeros(z.shape)
    rows = np.arange(z.size)
    lower, z = lower.ravel(), z.ravel()
    term, partial = upper * z, np.zeros(z.size)
    done, block = 0, BLOCK_TERMS
    while rows.size and done < TERMS_MAX:
        for n in range(done + 1, done + block + 1):
            partial = partial + term
            ratio = ((upper + n) * (other + n - 1.0) / (n + 1.0)) * z / (lower + n)
            term = term * ratio
        total.flat[rows] = partial
        still = _matters(term, np.maximum(np.abs(ratio), z), partial)
        rows, lower, z = rows[still], lower[still], z[still]
        term, partial = term[still], partial[still]
        done, block = done + block, min(2 * block, BLOCK_TERMS_MAX)
    return total


def _matters(term: Floats, slope: Floats, partial: Floats) -> Bools:
    """Whether `term` and those after it, which fall at least like slope^k, can change the sum."""
    falling = slope < 1.0
    rest = np.abs(term) / np.where(falling, 1.0 - slope, 1.0)
    return ~falling | (rest > REST * np.abs(partial))
