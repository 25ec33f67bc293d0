"""Who a command is about: KIND:VALUE as senders write it, or a profile's id."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import typer

from schemas.identifier import IDENTIFIER_KINDS, normalised
from services.common.workspace import Workspace
from services.profile.domain.ids import Hashes, uuid_text

#: Instead of a value: it is read from standard input, and stands in no shell's history.
FROM_STDIN: Final = "-"
HOW: Final = "write KIND:VALUE, such as email:ada@x.example, or a profile's id"


class Named(NamedTuple):
    """An identifier in its one spelling, or a profile (kind and value are empty): its node."""

    node: bytes
    kind: str = ""
    value: str = ""

    def __str__(self) -> str:
        return (
            f"{self.kind}:{shown(self.value)}" if self.kind else f"profile {uuid_text(self.node)}"
        )


def named(typed: str, owner: Workspace, salt: str) -> Named:
    """Who is meant. BadParameter says what is wrong with what was typed, and how to write it."""
    kind, colon, value = typed.partition(":")
    if not colon:
        return Named(_profile(typed))
    known = _kinds_of(owner)
    if kind not in known:
        raise typer.BadParameter(f"{kind[:50]!r} is no kind; there are: {', '.join(known)}; {HOW}")
    if value == FROM_STDIN:
        value = sys.stdin.readline()
    try:
        spelled = normalised(kind, value)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; {HOW}") from None
    return Named(Hashes(salt).node(owner.name, kind, spelled), kind, spelled)


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


def _kinds_of(owner: Workspace) -> Sequence[str]:
    ruled = [rule.kind for rule in owner.identity.kinds]
    return [*ruled, *(kind for kind in IDENTIFIER_KINDS if kind not in ruled)]
