"""Who is meant by an identifier or a profile id: their part of the identity graph, from Redis."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import redis
import typer

from services.common import clients
from services.common.settings import Settings
from services.common.spelling import Spellings
from services.common.suppression import Hashes as SuppressionHashes
from services.common.workspace import Workspace
from services.profile.domain.component import Component, kind_name
from services.profile.domain.ids import Hashes, uuid_bytes
from services.profile.domain.people import Person, people
from services.profile.rules import rules_of
from services.profile.store import ProfileStore

_PROFILE_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Nobody(Exception):  # noqa: N818 - an answer
    """No profile is known under this."""


class AlreadyErased(Exception):  # noqa: N818 - an answer
    """Whoever this was, was erased. `node`: the one that says so."""

    def __init__(self, node: bytes) -> None:
        super().__init__("this person was erased")
        self.node = node


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier of somebody. `node`: its id in the graph, also a profile id that they may have
    had."""

    kind: str
    value: str
    node: bytes


@dataclass(frozen=True, slots=True)
class Whom:
    """A person as the graph knows them now. `profile` None: no event counts for them yet."""

    workspace: str
    profile: bytes | None
    names: tuple[Name, ...]
    version: int
    component: Component
    person: Person


def asked_node(settings: Settings, workspace: Workspace, asked: str) -> bytes:
    """The node that KIND:VALUE or a profile id means. typer.BadParameter where it is none."""
    if _PROFILE_ID.fullmatch(asked):
        return uuid_bytes(asked)
    return Hashes(settings.salt).node(workspace.name, *asked_name(workspace, asked))


def asked_name(workspace: Workspace, asked: str) -> tuple[str, str]:
    """(kind, value in its one spelling) of KIND:VALUE. typer.BadParameter."""
    kind, colon, value = asked.partition(":")
    spellings = Spellings(workspace.identity)
    if not colon or kind not in spellings.kinds:
        kinds = ", ".join(spellings.kinds)
        raise typer.BadParameter(f"say KIND:VALUE (KIND: {kinds}) or a profile id")
    try:
        return kind, spellings.normalised(kind, value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def looked_up(client: redis.Redis, settings: Settings, workspace: Workspace, node: bytes) -> Whom:
    """The person whose node it is. Nobody, AlreadyErased, redis.RedisError."""
    found = ProfileStore(client, settings.message_id_buckets).load([node])
    if node in found.erased:
        raise AlreadyErased(found.erased[node][0])
    node = found.absorbed.get(node, node)
    for loaded in found.components.values():
        component = loaded.component
        places = {one.id: place for place, one in enumerate(component.nodes)}
        if node not in places or component.workspace != workspace.name:
            continue
        for person in people(component, rules_of(workspace)):
            if places[node] in person.places:
                names = tuple(
                    Name(kind_name(one.kind), one.value, one.id)
                    for one in (component.nodes[place] for place in person.places)
                )
                version = loaded.version
                return Whom(workspace.name, person.id, names, version, component, person)
    raise Nobody("nobody is known under this identifier or profile id")


def client_of(settings: Settings) -> redis.Redis:
    """Redis, or a typer.Exit that says why not."""
    if fault := clients.missing(settings, "Redis"):
        typer.echo(fault, err=True)
        raise typer.Exit(1)
    return clients.redis_client(settings)


def all_names(settings: Settings, workspace: Workspace, names: Iterable[Name]) -> list[Name]:
    """With what the rules make of each: who comes with only the hash of an address is meant too."""
    spellings, node = Spellings(workspace.identity), Hashes(settings.salt).node
    found = {(name.kind, name.value): name for name in names}
    for kind, value in list(found):
        with suppress(ValueError):  # it was spelled by other rules
            for made in spellings.names(kind, value):
                found.setdefault(made, Name(*made, node(workspace.name, *made)))
    return list(found.values())


def hash_of(settings: Settings, workspace: str, name: Name) -> bytes:
    """Its hash on the suppression list."""
    return SuppressionHashes(settings.salt, workspace).of(name.kind, name.value)


def text_of(node: bytes) -> str:
    """A node's id as profile ids are written."""
    return str(UUID(bytes=node))
