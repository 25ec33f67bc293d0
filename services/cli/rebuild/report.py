"""What a rebuild tells: who differed, in what, by how much; values are masked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from services.profile.domain.ids import uuid_text
from services.profile.rebuild.beginning import Beginning
from services.profile.rebuild.run import Result

HOW: Final = {
    "changed": "differ in their figures",
    "missing": "were missing",
    "moved": "belong to somebody else, to whom their id leads now",
    "gone": "rest on nothing in the log, and are forgotten by every reader",
}


def as_object(result: Result, *, dry_run: bool) -> dict[str, Any]:
    """The report for scripts."""
    tally, beginning = result.tally, result.beginning
    since = beginning.whole_since if beginning else None
    return {
        "dry_run": dry_run,
        "events_read": result.events,
        "went_on": result.went_on,
        "components": tally.components,
        "people": tally.people,
        "differing": {how: tally.differing[how] for how in HOW},
        "figures": dict(tally.figures.most_common()),
        "unseen": tally.unseen,
        "older": tally.older,
        "erased": tally.erased,
        "foreign": tally.foreign,
        "whole_since": since.isoformat() if since else None,
        "written": result.written,
        "published": result.published,
        "left": result.left,
        "poisoned": result.poisoned,
        "examples": [one | {"profile_id": _id(one)} for one in tally.examples],
    }


def lines(result: Result, *, dry_run: bool) -> Iterator[str]:
    """The report for people."""
    tally = result.tally
    on = " (going on behind what an earlier run has read)" if result.went_on else ""
    yield f"{result.events:,} events read{on}; {tally.people:,} people are as they should be"
    if tally.older:
        yield f"{tally.older:,} components began before the log does: left as they are"
    if tally.erased:
        yield f"{tally.erased:,} identifiers stay erased, though the log names them"
    if tally.foreign:
        yield f"{tally.foreign:,} components belong to no workspace that is configured: left"
    for how, said in HOW.items():
        if tally.differing[how]:
            yield f"{tally.differing[how]:,} {said}"
    for figure, count in tally.figures.most_common(10):
        yield f"{count:>9,}  {figure}"
    for one in tally.examples:
        yield f"  {_id(one)}  {one['how']}"
        for name, values in one["figures"].items():
            yield f"      {name}: {values['live']} -> {values['right']}"
    if tally.unseen:
        yield f"{tally.unseen:,} components look right and kept something else than they should"
    if dry_run:
        yield "nothing is written; the shadow stays in Redis for the next run (or: rebuild drop)"
    else:
        yield f"{result.written:,} components written, {result.published:,} records published"
    if result.left:
        yield f"{result.left:,} components changed too often to be written: run it again"
    if result.poisoned:
        yield (
            f"{result.poisoned:,} records can not be decided on by this code either: "
            "rapport dead-letters list --reason poison"
        )


def why_cut(beginning: Beginning) -> str:
    """Why nothing is rebuilt, and what can be."""
    first = ", ".join(f"{place} at {low:,}" for place, low in beginning.low.items() if low)
    return (
        f"touchpoints.accepted no longer begins at the beginning (partitions {first}): older "
        "events are gone, and profiles made from what is left would lose them.\n"
        f"Everybody who was first heard of since {beginning.whole_since:%Y-%m-%d %H:%M} UTC is "
        "whole on the log: rapport rebuild profiles --newer-only makes those again, and leaves "
        "all others as they are. To rebuild everybody, restore the topic from its archive first."
    )


def _id(example: dict[str, Any]) -> str:
    return uuid_text(bytes.fromhex(example["profile_id"]))
