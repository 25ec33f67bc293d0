"""Several profile workers on one Redis in memory, each with what it keeps of its last commits."""

from __future__ import annotations

from typing import Any, cast

import redis

from services.common.batch import CONTROL_HEADER, Decision, Headers, Output, unpack_state
from services.common.workspace import Workspace
from services.profile.stream import ProfileHandler
from tests.unit.profile_builders import SETTINGS, MemoryRedis, Run

WORKERS = 2
REGROUP: Headers = ((CONTROL_HEADER, b"regroup"),)


class Conflict(Exception):  # noqa: N818 - says what happens
    """Another worker has committed what was read."""


class Killed(Exception):  # noqa: N818 - says what happens
    """The worker died before its commit."""


class SharedRedis(MemoryRedis):
    """A commit that read what is not the newest fails, as the step's script has it."""

    dying = False

    def commit(self, decision: Decision) -> None:
        if self.dying:
            raise Killed
        for key, version in decision.reads.items():
            found = self.values.get(key)
            if (unpack_state(found)[0] if found else 0) != version:
                raise Conflict(key)
        super().commit(decision)


class Workers(Run):
    """Who decides next is chosen; who loses a race decides again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.redis: SharedRedis = SharedRedis()
        self.workers = [self.fresh(workspace) for _ in range(WORKERS)]
        self.handler = self.workers[0]
        self.conflicts = 0

    def fresh(self, workspace: Workspace) -> ProfileHandler:
        """A worker that keeps nothing yet."""
        client = cast(redis.Redis, self.redis)
        return ProfileHandler(client, {workspace.name: workspace}, SETTINGS)

    def next_is(self, number: int) -> None:
        self.handler = self.workers[number]

    def restart(self, number: int, workspace: Workspace) -> None:
        self.workers[number] = self.handler = self.fresh(workspace)

    def take_records(self, *values: tuple[bytes, Headers]) -> list[Output]:
        offset = self.offset
        while True:
            try:
                return super().take_records(*values)
            except Conflict:
                self.conflicts += 1
                assert self.conflicts < 10_000, "who decides again sees what the other one did"
                self.offset = offset

    def dies_with(self, *touchpoints: Any) -> None:
        """The worker decides and dies before its commit."""
        offset, self.redis.dying = self.offset, True
        try:
            self.take(*touchpoints)
        except Killed:
            self.offset = offset
        self.redis.dying = False

    def regroup_all(self, workspace: Workspace) -> None:
        """`rapport identity apply`, as the log has it, by workers that have these rules."""
        for number in range(WORKERS):
            self.restart(number, workspace)
        keys = [key[2:] for key in self.redis.values if key[:2] == b"c:"]
        for key in keys:
            said = b'{"workspace":"%s","component":"%s"}'
            self.take_records((said % (workspace.name.encode(), key.hex().encode()), REGROUP))
