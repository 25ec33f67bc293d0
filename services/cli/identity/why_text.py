"""Why people are one or not, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from services.cli.identity.named import Named, shown
from services.profile.domain.ties import End, Tie
from services.profile.domain.why import Answer, Whole, Why

#: What to do about an answer, by the answer.
_NOTHING = "no event names both, nor others that would tie them"


def why_lines(why: Why, one: Named, other: Named) -> Iterator[str]:
    """The answer in a sentence, then the chain."""
    match why.answer:
        case Answer.ONE:
            yield f"{one} and {other} are one person: {profile_text(why.profiles[0])}"
        case Answer.REFUSED:
            yield f"{one} and {other} are not one person: a link between them was refused"
        case Answer.NOTHING:
            yield f"{one} and {other} are not one person: {_NOTHING}"
    if why.answer in (Answer.REFUSED, Answer.NOTHING):
        for named, profile in zip((one, other), why.profiles, strict=True):
            yield f"    {named} is {profile_text(profile)}"
    if why.chain:
        yield ""
        yield from chain_lines(why.chain)
    for word in why.apart:
        yield ""
        yield f"{end_text(word.one)} and {end_text(word.other)} were {_said(word)}"


def chain_lines(chain: Iterable[Tie]) -> Iterator[str]:
    """Identifiers below each other, what ties them between."""
    first = True
    for tie in chain:
        if first:
            yield f"  {end_text(tie.one)}"
            first = False
        sign = "x" if tie.refused else "|"
        yield f"    {sign}  {_said(tie)}"
        if tie.refused:
            yield f"    {sign}  REFUSED ({tie.refused}): {tie.because}"
        yield f"  {end_text(tie.other)}"


def whole_lines(whole: Whole, name: Named) -> Iterator[str]:
    """One person: each identifier with the link by which it hangs on the ones before."""
    yield f"{name} is {profile_text(whole.profile)}: {len(whole.identifiers)} identifiers"
    yield ""
    depth = {whole.identifiers[0].node: 0}
    yield f"  {end_text(whole.identifiers[0])}"
    for tie in _by_branch(whole):
        depth[tie.other.node] = depth[tie.one.node] + 1
        indent = "  " * depth[tie.other.node]
        yield f"  {indent}{end_text(tie.other)}"
        yield f"  {indent}    {_said(tie)}"
    yield from refused_lines(whole.refused)


def refused_lines(refused: Iterable[Tie]) -> Iterator[str]:
    """Links that joined nobody."""
    for number, tie in enumerate(refused):
        if not number:
            yield ""
            yield "not joined:"
        yield f"  {end_text(tie.one)} x {end_text(tie.other)}"
        yield f"      {_said(tie)}"
        yield f"      {tie.refused}: {tie.because}"


def _by_branch(whole: Whole) -> Iterator[Tie]:
    """The ties of the tree, each branch before the next one."""
    below: dict[bytes, list[Tie]] = {}
    for tie in whole.ties:
        below.setdefault(tie.one.node, []).append(tie)
    stack = list(reversed(below.get(whole.identifiers[0].node, [])))
    while stack:
        tie = stack.pop()
        yield tie
        stack += reversed(below.get(tie.other.node, []))


def _said(tie: Tie) -> str:
    trust = " by a public key" if tie.public else ""
    by = f", by {shown(tie.by)}" if tie.by else ""
    reason = f": {shown(tie.reason)}" if tie.reason else ""
    return f"{tie.says}{trust}, {_when(tie)}{by}{reason}"


def _when(tie: Tie) -> str:
    return f"{moment_text(tie.at)}, event {UUID(bytes=tie.event)}"


def moment_text(at: datetime) -> str:
    """To the second: what people compare."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def end_text(end: End) -> str:
    """An identifier; one of another component by its node."""
    value = f"({UUID(bytes=end.node)})" if end.value is None else shown(end.value)
    return f"{end.kind}:{value}"


def profile_text(profile: bytes | None) -> str:
    return f"profile {UUID(bytes=profile)}" if profile else "nobody yet (no event counts for it)"
