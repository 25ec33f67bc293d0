"""Ties between identifiers as a picture: Graphviz (DOT) and Mermaid text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from services.cli.identity.why_text import end_text, moment_text
from services.profile.domain.ties import End, Tie


def dot(ties: Sequence[Tie], alone: Iterable[End] = ()) -> str:
    """For `dot -Tsvg`. Refused links are dashed and red."""
    names = _names(ties, alone)
    return "\n".join(["graph identity {", "  node [shape=box];", *_dot_lines(ties, names), "}"])


def mermaid(ties: Sequence[Tie], alone: Iterable[End] = ()) -> str:
    """For whatever shows Mermaid: many wikis and code hosts do. Refused links are dotted."""
    names = _names(ties, alone)
    return "\n".join(["graph LR", *_mermaid_lines(ties, names)])


def _names(ties: Iterable[Tie], alone: Iterable[End]) -> dict[End, str]:
    ends = [*alone, *(end for tie in ties for end in tie[:2])]
    return {end: f"n{number}" for number, end in enumerate(dict.fromkeys(ends))}


def _dot_lines(ties: Iterable[Tie], names: dict[End, str]) -> Iterator[str]:
    for end, name in names.items():
        yield f"  {name} [label={_dot_text(end_text(end))}];"
    for tie in ties:
        drawn = ", style=dashed, color=red" if tie.refused else ""
        label = _dot_text("\n".join(_label(tie)))
        yield f"  {names[tie.one]} -- {names[tie.other]} [label={label}{drawn}];"


def _mermaid_lines(ties: Iterable[Tie], names: dict[End, str]) -> Iterator[str]:
    for end, name in names.items():
        yield f'  {name}["{_mermaid_text(end_text(end))}"]'
    for tie in ties:
        label = "<br/>".join(map(_mermaid_text, _label(tie)))
        drawn = f'-. "{label}" .-' if tie.refused else f'-- "{label}" ---'
        yield f"  {names[tie.one]} {drawn} {names[tie.other]}"


def _label(tie: Tie) -> list[str]:
    key = " by a public key" if tie.public else ""
    lines = [f"{tie.says}{key}", moment_text(tie.at), f"event {UUID(bytes=tie.event)}"]
    return [*lines, f"refused: {tie.refused}"] if tie.refused else lines


def _dot_text(text: str) -> str:
    """A quoted string; what would end it, or a line of it, is escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _mermaid_text(text: str) -> str:
    """Mermaid knows entities by number, between # and ;."""
    return "".join(one if one.isalnum() or one in " .:@-_+()" else f"#{ord(one)};" for one in text)
