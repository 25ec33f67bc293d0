"""The newest model of each workspace, read from the compacted topic `models` by every worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from pydantic import ValidationError

from schemas import topics
from schemas.model import Model
from services.scoring.decide import Asked, Ground
from services.scoring.metrics import SCORE_MODEL_VERSION

log = logging.getLogger(__name__)

CAUGHT_UP_WITHIN_S: Final = 30.0
READ_MAX: Final = 100


class Models:
    """Follows the whole topic with a consumer of its own that never commits.

    `asked`: what each workspace asks of its scores. `renewed` is asked whenever a round begins:
    whether that is something else now; None while nothing has changed.
    """

    def __init__(
        self,
        consumer: Any,
        asked: Mapping[str, Asked],
        renewed: Callable[[], Mapping[str, Asked] | None] = lambda: None,
    ) -> None:
        self._consumer = consumer
        self._asked = asked
        self._renewed = renewed
        self._models: dict[str, Model] = {}
        partitions = consumer.list_topics(topics.MODELS.name, timeout=CAUGHT_UP_WITHIN_S)
        self._places = [
            TopicPartition(topics.MODELS.name, partition, OFFSET_BEGINNING)
            for partition in partitions.topics[topics.MODELS.name].partitions
        ]
        consumer.assign(self._places)

    def ground(self) -> Ground:
        """What scores stand on now."""
        return Ground(dict(self._models), self._asked)

    def fingerprint(self) -> str:
        """Changes whenever scores would: with a model's version, a threshold, a purpose."""
        versions = sorted((name, model.version) for name, model in self._models.items())
        content = repr((versions, sorted(self._asked.items())))
        return sha256(content.encode()).hexdigest()[:16]

    def follow(self) -> bool:
        """Take what is new, without waiting; whether scores would differ by it."""
        asked = self._renewed()
        if asked is None or asked == self._asked:
            return self._read(0)
        self._asked = asked
        log.info("the workspace asks something else of scores: everybody is scored again")
        self._read(0)
        return True

    def catch_up(self) -> bool:
        """Read to the end of the topic as it is now; whether a model is new."""
        ends = {place.partition: self._end(place) for place in self._places}
        give_up_at = time.monotonic() + CAUGHT_UP_WITHIN_S
        new = False
        while self._behind(ends):
            new |= self._read(0.1)
            if time.monotonic() > give_up_at:
                log.error("the end of the models was not reached; what was read is used")
                break
        return new

    def close(self) -> None:
        self._consumer.close()

    def _end(self, place: TopicPartition) -> int:
        """The offset to reach; 0 when the partition holds nothing."""
        low, high = self._consumer.get_watermark_offsets(place, timeout=10)
        return int(high) if high > low else 0

    def _behind(self, ends: Mapping[int, int]) -> bool:
        """Whether some partition is not read to its end. Before its first message it has none."""
        positions = self._consumer.position(self._places)
        return any(ends[at.partition] > max(0, at.offset) for at in positions)

    def _read(self, timeout_s: float) -> bool:
        new = False
        for message in self._consumer.consume(READ_MAX, timeout_s):
            if message.error() is not None:
                log.warning("Kafka (RAPPORT_KAFKA): %s", message.error())
            elif message.value():
                new |= self._adopt(message.value())
        return new

    def _adopt(self, value: bytes) -> bool:
        try:
            model = Model.model_validate_json(value)
        except ValidationError as error:
            log.error("a model was published that is none: %s", error)
            return False
        known = self._models.get(model.workspace)
        if known is not None and known.version >= model.version:
            return False
        self._models[model.workspace] = model
        SCORE_MODEL_VERSION.labels(model.workspace).set(model.version)
        log.info("model %d of %s: scores follow it", model.version, model.workspace)
        return True
