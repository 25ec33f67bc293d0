"""What the steps of an erasure work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis

from schemas.erasure import Erasure
from services.cli.erase.horizon import Kafka
from services.cli.erase.readers import Readers
from services.cli.person.about import About
from services.common.settings import Settings
from services.common.workspace import Workspace


class CanNot(Exception):  # noqa: N818 - a state of the world
    """A step can not be done now. The text says why; running it again goes on."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the steps work with."""

    settings: Settings
    workspace: Workspace
    redis: redis.Redis
    producer: Any
    readers: Readers
    kafka: Kafka

    def about(self, erasure: Erasure) -> About:
        """Knows the person by hashes."""
        hashes = [bytes.fromhex(one.hash) for one in erasure.identifiers]
        ids = {str(one) for one in erasure.profiles} | {
            str(UUID(one.node)) for one in erasure.identifiers
        }
        return About(self.settings.salt, self.workspace, hashes, ids)
