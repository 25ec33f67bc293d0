"""Who a command is about: KIND:VALUE as senders write it, or a profile's id."""

from __future__ import annotations

import sys
from typing import Final, NamedTuple
from uuid import UUID

import typer

from services.common.spelling import Spellings
from services.common.workspace import Workspace
from services.profile.domain.ids import Hashes, uuid_text

#: Instead of a value: it is read from standard input, and stands in no shell's history.
FROM_STDIN: Final = "-"
HOW: Final = "write KIND:VALUE, such as email:ada@x.example, or a profile's id"


class Named(NamedTuple):
    """An identifier in its one spelling, or a profile (kind and value are empty): its node.

    `before`: nodes of the spelling that it had before the workspace had rules of its own.
    """

    node: bytes
    kind: str = ""
    value: str = ""
    before: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.kind}:{shown(self.value)}" if self.kind else f"profile {uuid_text(self.node)}"
        )


def named(typed: str, owner: Workspace, salt: str) -> Named:
    """Who is meant. BadParameter says what is wrong with what was typed, and how to write it."""
    kind, colon, value = typed.partition(":")
    if not colon:
        return Named(_profile(typed))
    spellings, node = Spellings(owner.identity), Hashes(salt).node
    if kind not in spellings.kinds:
        known = ", ".join(spellings.kinds)
        raise typer.BadParameter(f"{kind[:50]!r} is no kind; there are: {known}; {HOW}")
    if value == FROM_STDIN:
        value = sys.stdin.readline()
    try:
        spelled = spellings.normalised(kind, value)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; {HOW}") from None
    others = [each for each in spellings.every(kind, value) if each[0] == kind]
    nodes = dict.fromkeys(node(owner.name, *each) for each in others)
    first = node(owner.name, kind, spelled)
    return Named(first, kind, spelled, tuple(each for each in nodes if each != first))


def two_named(one: str, other: str, owner: Workspace, salt: str) -> tuple[Named, Named]:
    """Two different ones. BadParameter."""
    first, second = named(one, owner, salt), named(other, owner, salt)
    if first.node == second.node:
        raise typer.BadParameter(f"both are {first}: name two different identifiers")
    return first, second


def shown(value: str) -> str:
    """A value for a terminal: what does not print, or turns the direction of text, is escaped."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in value
    )


def _profile(typed: str) -> bytes:
    try:
        return UUID(typed).bytes
    except ValueError:
        raise typer.BadParameter(f"{typed[:60]!r} names nobody; {HOW}") from None
