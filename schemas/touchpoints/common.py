"""Words that mean the same in every kind of touchpoint: their type, unit, bounds and example."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.base import YEAR_MAX, YEAR_MIN, Amount, Message, Name, ShortText
from schemas.identifier import IDENTIFIER_KINDS, KIND, Identifier, normalised


def _day_of(said: Any) -> Any:
    """The day of an RFC 3339 moment as it is written; anything else as it is."""
    return said[:10] if isinstance(said, str) and said[10:11] in ("T", "t", " ") else said


def _known_year(day: date) -> date:
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise ValueError(f"the year {day.year} is outside {YEAR_MIN}-{YEAR_MAX}")
    return day


def _one_spelling(said: Identifier) -> Identifier:
    """Kinds that a workspace declares are spelled by its rules before."""
    if said.kind in IDENTIFIER_KINDS:
        return Identifier(kind=said.kind, value=normalised(said.kind, said.value))
    if not KIND.fullmatch(said.kind):
        raise ValueError("kind is no name of a kind, such as email")
    return said


Day = Annotated[
    date, BeforeValidator(_day_of), AfterValidator(_known_year), Field(examples=["2026-03-31"])
]
#: Another person's identifier, in the spelling that identity compares.
Person = Annotated[Identifier, AfterValidator(_one_spelling)]
Url = Annotated[str, Field(max_length=8_000, examples=["https://shop.example/cds"])]
Channel = Annotated[
    str,
    Field(max_length=100, description="Through what the customer was met.", examples=["web"]),
]

OrderId = Annotated[Name, Field(description="The order's number.", examples=["SO-1042"])]
CartId = Annotated[Name, Field(description="The cart's number.", examples=["K-31"])]
InvoiceId = Annotated[Name, Field(description="The invoice's number.", examples=["INV-88"])]
TicketId = Annotated[Name, Field(description="The ticket's number.", examples=["T-501"])]
ComplaintId = Annotated[Name, Field(description="The complaint's number.", examples=["C-77"])]
OpportunityId = Annotated[Name, Field(description="The opportunity's number.", examples=["O-12"])]
ContractId = Annotated[Name, Field(description="The contract's number.", examples=["CT-9"])]
LeadId = Annotated[Name, Field(description="The lead's number.", examples=["L-204"])]
Sku = Annotated[Name, Field(description="The product's stock keeping unit.", examples=["CD-1997"])]

Agent = Annotated[Name, Field(description="Who of the company it was.", examples=["a-17"])]
Owner = Annotated[Name, Field(description="Who of the company owns it.", examples=["a-17"])]
Team = Annotated[ShortText, Field(description="The responsible team.", examples=["logistics"])]
Category = Annotated[ShortText, Field(description="What it belongs to.", examples=["delivery"])]
Product = Annotated[
    ShortText, Field(description="Which product it is about.", examples=["CD-1997"])
]
Reason = Annotated[ShortText, Field(description="Why, as it was said.", examples=["too late"])]
Outcome = Annotated[ShortText, Field(description="How it ended.", examples=["resolved"])]
Text = Annotated[ShortText, Field(description="In the customer's words.", examples=["very fast"])]
Question = Annotated[ShortText, Field(description="What was asked.", examples=["How was it?"])]
Source = Annotated[ShortText, Field(description="Where it came from.", examples=["trade fair"])]
Coupon = Annotated[ShortText, Field(description="The coupon that was used.", examples=["MAY10"])]
Programme = Annotated[ShortText, Field(description="Which programme.", examples=["club"])]
Tier = Annotated[Name, Field(description="A tier of the programme.", examples=["gold"])]
Network = Annotated[ShortText, Field(description="The social network.", examples=["weibo"])]
Requirement = Annotated[
    Name,
    Field(description="The product requirement that it was turned into.", examples=["REQ-5"]),
]

Severity = Annotated[
    int, Field(ge=1, le=4, description="From 1 (slight) to 4 (critical).", examples=[3])
]
Sentiment = Annotated[
    float,
    Field(ge=-1, le=1, description="From -1 (negative) to 1 (positive).", examples=[0.4]),
]
DurationS = Annotated[
    float, Field(ge=0, le=86_400, description="How long it took, in seconds.", examples=[312])
]
Quantity = Annotated[Decimal, Field(ge=0, le=10**9, description="Pieces.", examples=["2"])]
Probability = Annotated[
    float, Field(ge=0, le=1, description="The chance to win, from 0 to 1.", examples=[0.6])
]
Reach = Annotated[
    int, Field(ge=0, le=10**12, description="People who may have seen it.", examples=[1200])
]
Points = Annotated[
    Decimal, Field(gt=0, le=10**12, max_digits=24, description="Points.", examples=["120"])
]
Balance = Annotated[
    Decimal,
    Field(
        ge=-(10**12), le=10**12, max_digits=24, description="Points afterwards.", examples=["480"]
    ),
]


class OrderLine(Message):
    """One line of an order; price and cost are for one piece, in the order's currency."""

    sku: Name
    category: ShortText | None = None
    quantity: Annotated[Decimal, Field(ge=0, le=10**9)] = Decimal(1)
    price: Amount | None = None
    cost: Amount | None = None


Lines = Annotated[
    tuple[OrderLine, ...],
    Field(max_length=1_000, description="Products: sku, category, quantity, price, cost a piece."),
]
