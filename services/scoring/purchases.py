"""What customers bought, read from the columns: what a model is fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PurchaseColumns = tuple[list[str], NDArray[np.int64], NDArray[np.float64]]

QUERY = """
SELECT
    toString(profile_id) AS customer,
    toInt64(toDate32(ordered_at)) AS day,
    sum(toFloat64(amount)) AS amount
FROM orders
WHERE workspace = {workspace:String}
    AND ({currency:String} = '' OR currency = {currency:String})
GROUP BY customer, day, order_id
ORDER BY customer, day, order_id
"""


def purchases_of(client: Any, workspace: str, currency: str = "") -> PurchaseColumns:
    """(customer, day since 1970-01-01 UTC, amount), one row for each order, sorted.

    Merged profiles count as one customer, an order that was sent twice counts once. With
    `currency` only orders in it; amounts are before refunds.
    """
    found = client.query(QUERY, parameters={"workspace": workspace, "currency": currency})
    customers, days, amounts = found.result_columns if found.result_rows else ([], [], [])
    return list(customers), np.asarray(days, np.int64), np.asarray(amounts, np.float64)
