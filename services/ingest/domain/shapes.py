"""What a sender calls its properties → the fields of a kind. The model's types say how to read.

Databases number things, so a number is read as a text; money takes the currency of its call; a
person is an identifier of whichever form. All that the kind does not know stays beside it. The
names come from schemas.touchpoints.spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from schemas.base import Properties
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoints.spoken import names_of

Fields = dict[str, Any]
#: Brings the fresh fields that it gets into shape; the second is the workspace's currency.
Shape = Callable[[Fields, str], None]
#: (the value as it was sent, the call's currency) -> the value as the model takes it.
Read = Callable[[Any, Any], Any]

SEVERITIES: Final = {"low": 1, "minor": 1, "medium": 2, "normal": 2, "high": 3, "major": 3,
                     "critical": 4, "urgent": 4}  # fmt: skip
SKU_NAMES: Final = ("sku", "product_id", "productId", "id")
LINE_FIELDS: Final = frozenset({*SKU_NAMES, "category", "quantity", "price", "cost"})

_NUMBERS = (int, float)  # and no bool, which is an int too


class Reading(NamedTuple):
    """How one field is found and read. `optional`: an empty text says as little as none."""

    field: str
    names: tuple[str, ...]
    read: Read
    optional: bool


def shape_of(kind: str, model: type[Properties]) -> Shape:
    """What brings the properties of this kind into shape; made once."""
    readings = [one for field in model.model_fields if (one := _reading(kind, model, field))]
    with_money = any(one.read in (_money, _given_back) for one in readings)
    with_lines = "lines" in model.model_fields

    def shape(fields: Fields, currency_default: str) -> None:
        currency = currency_of(fields, currency_default) if with_money else currency_default
        for field, names, read, optional in readings:
            for name in names:
                if (value := fields.get(name)) is not None and value != "":
                    if name != field:
                        del fields[name]
                    fields[field] = read(value, currency)
                    break
            else:
                if optional:
                    fields.pop(field, None)
        if with_lines:
            put(fields, "lines", _lines(fields))

    return shape


def fields_of_people(model: type[Properties]) -> tuple[str, ...]:
    """The fields of a kind that hold another person's identifier."""
    described = model.model_fields.items()
    return tuple(name for name, field in described if Identifier in set(_leaves(field.annotation)))


def put(fields: Fields, name: str, value: Any) -> None:
    """Set a field if there is a value, so that the model's default holds where there is none."""
    if value is not None:
        fields[name] = value


def currency_of(fields: Fields, default: str) -> Any:
    """The currency of a call, upper case; the workspace's where it brings none."""
    said = fields.pop("currency", None)
    if said is None or said == "":
        return default
    return said.upper() if isinstance(said, str) else said


def _reading(kind: str, model: type[Properties], field: str) -> Reading | None:
    """None: the field is taken as it is, under its own name."""
    if field in ("kind", "lines"):
        return None
    names, described = names_of(kind, field), model.model_fields[field]
    read = SPECIAL.get((kind, field)) or _read_by_type(described)
    if read is None and len(names) == 1:
        return None
    return Reading(field, names, read or _as_it_is, not described.is_required())


def _read_by_type(described: FieldInfo) -> Read | None:
    types = set(_leaves(described.annotation))
    if Money in types:
        return _money
    if Identifier in types:
        return _person
    if Literal in types:
        return _word
    return _text if types <= {str, type(None)} and _is_a_name(described) else None


def _is_a_name(described: FieldInfo) -> bool:
    """Names and numbers of things must not be empty; other texts, which nobody numbers, may."""
    inner = [part for kind in get_args(described.annotation) for part in get_args(kind)[1:]]
    bounds = [*described.metadata, *(bound for part in inner for bound in part.metadata)]
    return any(getattr(bound, "min_length", None) for bound in bounds)


def _leaves(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation is made of; a Literal is one, whatever it allows."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield Literal
    elif origin is dict or not get_args(annotation):
        yield origin or annotation
    else:
        of = get_args(annotation)
        for part in of[:1] if origin is Annotated else of:
            yield from _leaves(part)


def _as_it_is(value: Any, _currency: Any) -> Any:
    return value


def _text(value: Any, _currency: Any) -> Any:
    return str(value) if type(value) in _NUMBERS else value


def _word(value: Any, _currency: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


def _money(value: Any, currency: Any) -> Any:
    """An amount in this currency; an object that is money already stays as it is."""
    if isinstance(value, dict):
        return {"currency": currency} | value
    return {"amount": str(value) if isinstance(value, bool) else value, "currency": currency}


def _given_back(value: Any, currency: Any) -> Any:
    """What is given back is positive; a sender that books it as negative means the same."""
    return _money(-value if type(value) in _NUMBERS and value < 0 else value, currency)


def _severity(value: Any, _currency: Any) -> Any:
    return SEVERITIES.get(value.casefold(), value) if isinstance(value, str) else value


def _person(value: Any, _currency: Any) -> Any:
    """An identifier; a text alone is an e-mail address or else a user's id."""
    value = _text(value, None)
    if not isinstance(value, str):
        return value
    return {"kind": "email" if "@" in value else "user_id", "value": value}


def _lines(fields: Fields) -> Any:
    """Lines from `products`, which stays too when it says more than a line can hold."""
    lines = fields.pop("lines", None)
    if lines is not None:
        return lines
    products = fields.get("products")
    if not isinstance(products, list):
        return products
    for product in products:
        if not (isinstance(product, dict) and product.keys() <= LINE_FIELDS):
            break
    else:
        del fields["products"]
    return [_line(product) if isinstance(product, dict) else product for product in products]


def _line(product: Fields) -> Fields:
    line: Fields = {}
    for name in SKU_NAMES:
        if sku := product.get(name):
            line["sku"] = _text(sku, None)
            break
    for name in ("category", "quantity", "price", "cost"):
        if (value := product.get(name)) is not None:
            line[name] = _text(value, None) if name == "category" else value
    return line


#: Fields that their type alone does not say how to read.
SPECIAL: Final[dict[tuple[str, str], Read]] = {
    ("order_refunded", "total"): _given_back,
    ("complaint_received", "severity"): _severity,
    ("complaint_classified", "severity"): _severity,
    ("complaint_received", "product"): _text,
    ("complaint_classified", "product"): _text,
    ("review_posted", "product"): _text,
    ("resource_shared", "resource"): _text,
}
