"""Segment's e-commerce properties as the typed properties of our kinds.

Source: Segment's "E-Commerce Events" specification. Each function changes the fresh dict it gets:
it moves what the kind knows to its place and leaves all else as extra properties.
"""

from __future__ import annotations

from typing import Any, Final

from services.ingest.domain.shapes import Fields, currency_of, money, put, put_text, taken

SKU_NAMES: Final = ("sku", "product_id", "productId", "id")
LINE_FIELDS: Final = frozenset({*SKU_NAMES, "category", "quantity", "price", "cost"})


def product_viewed(fields: Fields, currency_default: str) -> None:
    currency = currency_of(fields, currency_default)
    put_text(fields, "sku", _sku_taken(fields))
    put(fields, "price", money(fields.pop("price", None), currency))


def order_completed(fields: Fields, currency_default: str) -> None:
    currency = currency_of(fields, currency_default)
    put_text(fields, "order_id", taken(fields, "order_id", "orderId"))
    put(fields, "total", money(_total_taken(fields), currency))
    put(fields, "lines", _lines(fields))


def order_refunded(fields: Fields, currency_default: str) -> None:
    """What is given back is positive; a sender that books it as negative means the same."""
    currency = currency_of(fields, currency_default)
    put_text(fields, "order_id", taken(fields, "order_id", "orderId"))
    total = _total_taken(fields)
    if isinstance(total, (int, float)) and total < 0:
        total = -total
    put(fields, "total", money(total, currency))


def _total_taken(fields: Fields) -> Any:
    """`total` is what was paid; `revenue` and `value` stand in for it, and stay beside it."""
    for name in ("total", "revenue", "value"):
        if (found := fields.get(name)) is not None:
            del fields[name]
            return found
    return None


def _sku_taken(fields: Fields) -> Any:
    """The stock number; where both are sent, the product's database id stays an extra."""
    for name in SKU_NAMES:
        if (found := fields.get(name)) is not None and found != "":
            del fields[name]
            return found
    return None


def _lines(fields: Fields) -> Any:
    """Lines from `products`, which stays too when it says more than a line can hold."""
    lines = fields.pop("lines", None)
    if lines is not None:
        return lines
    products = fields.get("products")
    if not isinstance(products, list):
        return products
    objects = [product for product in products if isinstance(product, dict)]
    if len(objects) == len(products) and all(each.keys() <= LINE_FIELDS for each in objects):
        del fields["products"]
    return [_line(product) if isinstance(product, dict) else product for product in products]


def _line(product: Fields) -> Fields:
    line: Fields = {}
    put_text(line, "sku", next((product[n] for n in SKU_NAMES if product.get(n)), None))
    put_text(line, "category", product.get("category"))
    for name in ("quantity", "price", "cost"):
        put(line, name, product.get(name))
    return line
