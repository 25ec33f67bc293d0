"""What all messages have in common: frozen values, UTC times, bounded text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: Namespace of every derived id: the same cause always gives the same id.
NAMESPACE = UUID("6c6f7665-7261-5070-8f72-747275737421")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Times outside these years are typing errors or attacks, and ClickHouse could not keep them.
YEAR_MIN, YEAR_MAX = 1900, 2200


class Message(BaseModel):
    """A frozen message. Unknown fields are ignored, so that a newer writer can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Properties(BaseModel):
    """The typed part of one kind of touchpoint. Unknown extra properties are kept.

    `SAMPLE`: one complete, valid instance of the kind, used by documentation and tests.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    SAMPLE: ClassVar[dict[str, Any]]

    kind: str


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC; a moment without a zone is taken as UTC. ValueError outside 1900-2200."""
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError(f"the year {moment.year} is outside {YEAR_MIN}-{YEAR_MAX}")
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(in_utc)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
ShortText = Annotated[str, Field(max_length=2_000)]
Amount = Annotated[Decimal, Field(ge=-(10**12), le=10**12, max_digits=24)]


def micros(moment: datetime) -> int:
    """Microseconds since 1970 (UTC), exact: no floating point on the way."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_micros(micros_since_epoch: int) -> datetime:
    """The UTC moment of so many microseconds since 1970."""
    seconds, rest = divmod(micros_since_epoch, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def derived_id(*cause: object) -> UUID:
    """The UUIDv5 of what caused an output. Parts are joined with a separator they cannot hold."""
    return uuid5(NAMESPACE, "\x1f".join(str(part) for part in cause))


def to_json(message: BaseModel) -> bytes:
    """The message as it travels: plain JSON, bytes."""
    return message.model_dump_json(by_alias=True).encode()


JsonObject = dict[str, Any]
