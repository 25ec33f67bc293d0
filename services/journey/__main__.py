"""Assembles and runs journey: `decide` (the atomic step) or `deliver` (webhooks)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Final

import redis

from schemas import topics
from services.common import logs, step_service
from services.common.clients import ConsumerLost
from services.common.ports import Gap
from services.common.run import Stop
from services.common.settings import Settings
from services.common.workspace_files import WorkspaceError
from services.common.workspace_follow import Followed
from services.journey.store import JourneyStore
from services.journey.stream import SERVICE, DecideHandler


def decide(settings: Settings) -> None:
    """Stages and alerts until SIGTERM."""
    logs.setup(settings, SERVICE)
    with Followed(settings.workspace) as followed:

        def handler(client: redis.Redis) -> DecideHandler:
            return DecideHandler(followed.current, JourneyStore(client))

        plan = step_service.Plan(
            SERVICE,
            topics.SCORES.name,
            handler,
            fenced=False,
            has_due=True,
            renewed=followed.renewed,
        )
        step_service.run(settings, plan, Stop().on_signals())


def deliver(settings: Settings) -> None:
    """Webhooks until SIGTERM."""
    from services.journey.deliver import run  # Faust is heavy: decide need not load it

    run(settings)


COMMANDS: Final[dict[str, Callable[[Settings], None]]] = {"decide": decide, "deliver": deliver}


def main(arguments: list[str]) -> int:
    """0 when stopped; 1 when a person must look (workspace, gap in the log), or the consumer is
    lost; 2 for wrong usage."""
    command = COMMANDS.get(arguments[0]) if len(arguments) == 1 else None
    if command is None:
        sys.stderr.write(f"usage: python -m services.journey {'|'.join(COMMANDS)}\n")
        return 2
    try:
        command(Settings())
    except (WorkspaceError, Gap, ConsumerLost) as error:
        logging.getLogger(__name__).critical("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
