"""Topics that keep the newest record of each key: what goes back must not hide a newer one.

Nobody can put a record there only if it is still the newest. So it is looked at twice: before, that
none is newer; and afterwards, whether a newer one had come in between, which is then sent again:
the last record of each key is its newest one, as the services themselves see to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from services.cli.letters.handled import NotPublished, Place
from services.cli.letters.ways import Key, Sent, Snapshot
from services.common import clients
from services.common.settings import Settings

#: Of a key that was deleted: older records of it must not come back to life.
DELETED: Final = 2**63
GROUP: Final = "dead-letters"
SILENT_S_MAX: Final = 30.0

Publish = Callable[[Sequence[Sent]], Sequence[Place]]


class Found(NamedTuple):
    """A record of a key as it stands on its topic."""

    sent: Sent
    version: int
    offset: int


class _Versioned(msgspec.Struct):
    version: int


def newer_than(settings: Settings, snapshots: Sequence[Snapshot]) -> dict[Key, int]:
    """By key the newest version that stands behind them, where there is one. NotPublished."""
    behind = _behind(settings, _starts((one.partition, one) for one in snapshots), {})
    newest: dict[Key, int] = {}
    for key, found in _of_keys(snapshots, behind):
        newest[key] = max(found.version, newest.get(key, 0))
    return newest


def settle(
    settings: Settings, sent: Sequence[tuple[Snapshot, Place]], publish: Publish
) -> list[Sent]:
    """Once they are published: send newer ones again that came before them, until the last record
    of each key is its newest. Gives what was sent again. NotPublished."""
    repeated: list[Sent] = []
    while sent:
        starts = _starts((place[0], one) for one, place in sent)
        ends: dict[tuple[str, int], int] = {}
        for one, (partition, offset) in sent:
            place = (one.sent.topic, partition)
            ends[place] = max(offset, ends.get(place, 0))
        newest: dict[Key, Found] = {}
        last: dict[Key, Found] = {}
        snapshots = [one for one, _ in sent]
        for key, found in _of_keys(snapshots, _behind(settings, starts, ends)):
            last[key] = found
            if key not in newest or newest[key].version <= found.version:
                newest[key] = found
        hidden = [one for key, one in newest.items() if one.version > last[key].version]
        places = publish([one.sent for one in hidden])
        repeated += [one.sent for one in hidden]
        sent = [
            (Snapshot(one.sent, one.version, place[0], one.offset), place)
            for one, place in zip(hidden, places, strict=True)
        ]
    return repeated


def _starts(asked: Iterator[tuple[int, Snapshot]]) -> dict[tuple[str, int], int]:
    """(topic, partition) -> where to read from; one of another partition tells of no offset."""
    starts: dict[tuple[str, int], int] = {}
    for partition, one in asked:
        offset = one.offset if partition == one.partition else 0
        place = (one.sent.topic, partition)
        starts[place] = min(offset, starts.get(place, offset))
    return starts


def _of_keys(snapshots: Sequence[Snapshot], messages: Iterator[Any]) -> Iterator[tuple[Key, Found]]:
    """The records of these keys that say a version, in their order."""
    keys = {one.key for one in snapshots}
    for message in messages:
        topic, key, value = message.topic(), message.key(), message.value()
        if key is None or (topic, key) not in keys:
            continue
        try:
            version = msgspec.json.decode(value, type=_Versioned).version if value else DELETED
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        sent = Sent(topic, key, value, list(message.headers() or ()), "")
        yield (topic, key), Found(sent, version, message.offset())


def _behind(
    settings: Settings,
    starts: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int],
) -> Iterator[Any]:
    """What is committed from there on, to the end of each partition, and so far at least. The
    partitions come mixed, each in its order."""
    if not starts:
        return
    told = {"enable.partition.eof": True, "fetch.min.bytes": 1}
    with closing(clients.consumer(settings, GROUP, **told)) as reader:
        reader.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
        open_, read = set(starts), dict.fromkeys(starts, -1)
        heard_at = time.monotonic()
        while open_:
            try:
                messages = reader.consume(1_000, 0.5)
            except KafkaException as error:
                raise NotPublished(f"Kafka can not be read: {error}") from error
            for message in messages:
                place = (message.topic(), message.partition())
                heard_at, fault = time.monotonic(), message.error()
                if fault is None:
                    read[place] = message.offset()
                    yield message
                elif fault.code() != KafkaError._PARTITION_EOF:
                    raise NotPublished(f"Kafka can not be read: {fault}")
                elif read[place] >= ends.get(place, -1):
                    open_.discard(place)
            if time.monotonic() - heard_at > SILENT_S_MAX:
                raise NotPublished(f"Kafka told nothing of {sorted(open_)[0]} for half a minute")
