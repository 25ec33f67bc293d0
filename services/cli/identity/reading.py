"""What identity's commands look at: a workspace's rules, and components in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import redis
import typer

from services.cli.chosen import workspace_named
from services.cli.identity.named import Named, named, two_named
from services.cli.letters.handled import NotPublished
from services.common import clients
from services.common.audit import Act, Auditor, NotKept
from services.common.audit_log import opened, who_is_here
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.profile.domain.component import Component
from services.profile.domain.ids import uuid_text
from services.profile.domain.rules import Rules
from services.profile.lookup import Located, located
from services.profile.rules import rules_of
from services.profile.store import ProfileStore

ABSORBED: Final = (
    "was folded, with many others, into the identifier that it hung on; its own links are not kept,"
    " and what follows is about that one"
)


class Unanswered(Exception):  # noqa: N818 - a state of the world
    """A command can not do what was asked. The text says why, and what to do."""


@dataclass(frozen=True)
class Reading:
    """One workspace of one installation."""

    settings: Settings
    owner: Workspace
    rules: Rules
    client: redis.Redis
    store: ProfileStore
    auditor: Callable[[], Auditor]

    def note(self, what: str, subject: bytes | None, **details: str | int) -> None:
        """On record before it is done: what concerns whom (a profile). NotKept: do not do it."""
        who = uuid_text(subject) if subject else ""
        act = Act(who_is_here(), what, self.owner.name, who, details)
        self.auditor().note(act)

    def named(self, typed: str) -> Named:
        """BadParameter."""
        return named(typed, self.owner, self.settings.salt)

    def two_named(self, one: str, other: str) -> tuple[Named, Named]:
        """BadParameter."""
        return two_named(one, other, self.owner, self.settings.salt)

    def located(self, name: Named) -> Located:
        """Where somebody is; of one that was absorbed, that is told. Unanswered: nobody is."""
        places = (located(self.store, self.owner.name, one) for one in (name.node, *name.before))
        found = next((one for one in places if one is not None), None)
        if found is None:
            what = f"workspace {self.owner.name} knows nobody by {name}"
            raise Unanswered(f"{what}; look at its spelling, or whether its event was refused")
        if found.absorbed:
            typer.echo(f"{name} {ABSORBED}", err=True)
        return found


@contextmanager
def reading(workspace: str | None) -> Iterator[Reading]:
    """What is missing or wrong is said in a line, and the command ends with 1."""
    settings = Settings()
    owner = workspace_named(settings, workspace)
    try:
        with clients.redis_client(settings) as client:
            store = ProfileStore(client, settings.message_id_buckets)
            auditor = cache(partial(opened, settings, "identity"))
            yield Reading(settings, owner, rules_of(owner), client, store, auditor)
    except (clients.EngineMissing, NotKept, NotPublished, Unanswered) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except redis.RedisError as error:
        typer.echo(f"Redis (RAPPORT_REDIS): {error}", err=True)
        raise typer.Exit(1) from None


def components_of(one: Located, other: Located) -> list[Component]:
    """Of two nodes: the one that both are in, or both."""
    if one.loaded.key == other.loaded.key:
        return [one.component]
    return [one.component, other.component]
