"""Money: an exact amount in an ISO 4217 currency."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from pydantic import Field

from schemas.base import Amount, Message

#: Digits behind the point, where they are not two (ISO 4217, list one).
MINOR_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
}  # fmt: skip

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD"])]


class Money(Message):
    """An amount with its currency; the amount travels as a decimal string."""

    amount: Amount = Field(examples=["11.77"])
    currency: Currency


def minor_units(amount: Decimal, currency: str) -> int:
    """The amount in the currency's smallest unit, halves to even (ISO 4217 exponents)."""
    digits = MINOR_DIGITS.get(currency, 2)
    return int(amount.scaleb(digits).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def from_minor(units: int, currency: str) -> Decimal:
    """The exact amount of so many smallest units."""
    return Decimal(units).scaleb(-MINOR_DIGITS.get(currency, 2))
