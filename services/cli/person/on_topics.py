"""Records of all topics that are about one person, read from the beginning; memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from schemas import topics
from services.cli.person.about import About
from services.common.batch import Record
from services.common.settings import Settings
from services.common.topic_log import topic_log

#: These hold ids and hashes of people at most.
NO_VALUES: Final = (
    topics.MODELS,
    topics.ACCOUNTS,
    topics.AUDIT,
    topics.ERASURES,
    topics.SUPPRESSIONS,
)
#: Topics that may hold something of a person; the others hold hashes, or nothing of anybody.
LOOKED_THROUGH: Final[tuple[topics.Topic, ...]] = tuple(
    topic for topic in topics.TOPICS if topic not in NO_VALUES
)


class Hit(NamedTuple):
    """A record that is about them, and when it was published (ms since 1970)."""

    record: Record
    published_ms: int


def hits(
    settings: Settings, about: About, looked: Sequence[topics.Topic] = LOOKED_THROUGH
) -> Iterator[Hit]:
    """All of them, topic by topic. NotRead."""
    for topic in looked:
        with closing(topic_log(settings, topic.name)) as source:
            for message in source.to_the_end():
                record = Record(
                    topic.name,
                    message.partition(),
                    message.offset(),
                    message.key(),
                    message.value() or b"",
                    tuple(message.headers() or ()),
                )
                if about.record(record):
                    yield Hit(record, message.timestamp()[1])
