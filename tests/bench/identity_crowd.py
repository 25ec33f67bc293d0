"""A crowd for the bench of changed rules: most are plain, some have two addresses or share one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from confluent_kafka import Consumer, TopicPartition

from schemas import topics
from schemas.base import to_json
from services.common.settings import Settings
from tests.unit.profile_builders import touchpoint

#: Of each hundred components: those whose person has two addresses; those in which two share one.
TWO_ADDRESSES, SHARED = 6, 3
#: The rules under which the former are split, and the latter are one.
CHANGED: Final = {"email": 1, "user_id": 2}
_EVENT: Final = UUID("6c6f7665-7261-5070-8f72-000000000000")


class Expected(NamedTuple):
    """What the changed rules make of so many components."""

    splits: int
    merges: int

    @property
    def components(self) -> int:
        return self.splits + self.merges


def expected(components: int) -> Expected:
    """`components`: whole hundreds."""
    assert components % 100 == 0
    return Expected(components // 100 * TWO_ADDRESSES, components // 100 * SHARED)


def events(first: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) records of touchpoints.accepted, those of a component one behind the other."""
    number = first * 4
    samples = {which: list(map(_sample, each)) for which, each in _KINDS.items()}
    for component in range(first, end):
        for sample in samples[_which(component)]:
            value = sample.replace(b"{c}", b"%d" % component)
            value = value.replace(b"{n}", b"%d" % number)
            value = value.replace(b"000000000000", b"%012x" % number, 1)
            number += 1
            yield b"%d" % component, value


def _which(component: int) -> str:
    place = component % 100
    if place < TWO_ADDRESSES:
        return "two addresses"
    return "shared" if place < TWO_ADDRESSES + SHARED else "plain"


def _sample(said: tuple[tuple[str, ...], dict[str, Any]]) -> bytes:
    names, facts = said
    made = touchpoint(*names, at_s=_KINDS_AT[names], **facts)
    return to_json(made.model_copy(update={"message_id": "message-{n}", "event_id": _EVENT}))


_USER, _OTHER = "user_id:customer-{c}", "user_id:other-{c}"
_MAIL, _SECOND = "email:customer-{c}@mail.example", "email:second-{c}@mail.example"
_VISITOR: Final = "anonymous_id:0f8fad5b-d9cd-469f-a165-{c}"
_VIEW: Final[dict[str, Any]] = {"kind": "page_viewed", "url": "https://shop.example/cds?page=2"}
_ORDER: Final[dict[str, Any]] = {
    "kind": "order_completed",
    "order_id": "order-{n}",
    "total": {"amount": "29.33", "currency": "USD"},
}
_KINDS: Final[dict[str, list[tuple[tuple[str, ...], dict[str, Any]]]]] = {
    "plain": [((_USER, _VISITOR), _VIEW), ((_USER, _MAIL), _ORDER), ((_USER,), _VIEW)],
    "two addresses": [
        ((_USER, _MAIL), _ORDER),
        ((_MAIL,), _VIEW),
        ((_USER, _SECOND), _VIEW),
        ((_SECOND,), _ORDER),
    ],
    "shared": [((_USER, _MAIL), _ORDER), ((_OTHER, _MAIL), _ORDER), ((_OTHER,), _VIEW)],
}
#: Whoever is linked first has the address.
_KINDS_AT: Final = {
    names: 60 * place for each in _KINDS.values() for place, (names, _) in enumerate(each)
}


# -- what was published ----------------------------------------------------------------------------


class Shown(msgspec.Struct):
    """What is read of a record of profiles.changed or scores.changed."""

    profile_id: UUID
    version: int
    profile_version: int = 0
    merged_into: UUID | None = None


def newest(settings: Settings, topic: topics.Topic, since: int = 0) -> dict[UUID, list[Shown]]:
    """All that was published of each profile with a version above this one, each version once."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "bench-reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic.name, p, 0) for p in range(settings.partitions)])
    found: dict[UUID, dict[int, Shown]] = {}
    decode, ended = msgspec.json.Decoder(Shown).decode, 0
    while ended < settings.partitions:
        for message in consumer.consume(2_000, 10):
            if message.error():
                ended += 1
                continue
            shown = decode(message.value() or b"")
            if shown.version > since:
                found.setdefault(shown.profile_id, {})[shown.version] = shown
    consumer.close()
    return {profile: [each[one] for one in sorted(each)] for profile, each in found.items()}
