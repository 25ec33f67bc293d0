"""What changed rules do to all people of a workspace, summed up: counts, reasons, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from services.profile.domain.component import Refusal
from services.profile.domain.ids import uuid_text
from services.profile.domain.rule_change import Change, Fate, Regrouping, Shape

EXAMPLES_MAX: Final = 3
#: Profiles of one example that are told; of more, the rest is counted.
SHAPES_MAX: Final = 6
_BECOMES: Final = {Fate.MERGE: "merge into", Fate.SPLIT: "split into", Fate.MIXED: "regroup into"}


@dataclass
class Tally:
    """`before` and `after`: profiles by their fate. `reasons`: by fate, of how many regroupings.

    `differing`: components in which somebody looks different. Examples hold no values.
    """

    components: int = 0
    differing: int = 0
    before: Counter[Fate] = field(default_factory=Counter)
    after: Counter[Fate] = field(default_factory=Counter)
    reasons: dict[Fate, Counter[Refusal]] = field(default_factory=dict)
    gone: int = 0
    new: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)
    allowed: Counter[Refusal] = field(default_factory=Counter)
    examples: dict[Fate, list[Regrouping]] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """One more component."""
        self.components += 1
        self.differing += change.differs
        self.before[Fate.STAY] += change.stay
        self.gone += change.gone
        self.new += change.new
        self.refused += change.refused
        self.allowed += change.allowed
        for one in change.regroupings:
            self._add(one)

    def _add(self, one: Regrouping) -> None:
        self.before[one.fate] += len(one.before)
        self.after[one.fate] += len(one.after)
        self.reasons.setdefault(one.fate, Counter()).update(one.reasons)
        told = self.examples.setdefault(one.fate, [])
        if len(told) < EXAMPLES_MAX:
            told.append(one)

    def lines(self) -> Iterator[str]:
        """For people."""
        total, stay = self.before.total(), self.before[Fate.STAY]
        yield f"{total:,} profiles in {self.components:,} components: {stay:,} stay as they are"
        if altered := self.before[Fate.ALTERED]:
            yield f"    {altered:,} stay, with other identifiers, another id or other refused links"
        for fate, becomes in _BECOMES.items():
            if self.before[fate]:
                yield from self._fate_lines(fate, becomes)
        yield f"    {self.gone:,} ids redirect to another profile, {self.new:,} begin to be one"
        yield f"links: {_counted(self.refused)} will be refused"
        yield f"       {_counted(self.allowed)} will not be refused any more"

    def _fate_lines(self, fate: Fate, becomes: str) -> Iterator[str]:
        why = ", ".join(f"{count:,} by {one}" for one, count in self.reasons[fate].most_common())
        counts = f"{self.before[fate]:,} {becomes} {self.after[fate]:,}"
        yield f"    {counts}" + (f" (regroupings: {why})" if why else "")
        for example in self.examples[fate]:
            yield f"        {_shapes(example.before)} -> {_shapes(example.after)}"

    def as_object(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "components": self.components,
            "components_that_differ": self.differing,
            "profiles": self.before.total(),
            "ids_gone": self.gone,
            "ids_new": self.new,
            "fates": {
                fate: {
                    "before": self.before[fate],
                    "after": self.after[fate] if fate is not Fate.STAY else self.before[fate],
                    "reasons": dict(self.reasons.get(fate, {})),
                    "examples": [_as_object(one) for one in self.examples.get(fate, ())],
                }
                for fate in Fate
            },
            "links_refused": dict(self.refused),
            "links_allowed": dict(self.allowed),
        }


def _counted(reasons: Counter[Refusal]) -> str:
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return f"{reasons.total():,}" + (f" ({told})" if told else "")


def _shapes(shapes: tuple[Shape, ...]) -> str:
    told = " + ".join(_shape(one) for one in shapes[:SHAPES_MAX])
    return told + (f" + {len(shapes) - SHAPES_MAX} more" if len(shapes) > SHAPES_MAX else "")


def _shape(shape: Shape) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in shape.kinds.items())
    return f"{uuid_text(shape.profile)} ({kinds})"


def _as_object(one: Regrouping) -> dict[str, Any]:
    def told(shapes: tuple[Shape, ...]) -> list[dict[str, Any]]:
        return [{"profile_id": uuid_text(each.profile), "kinds": each.kinds} for each in shapes]

    return {
        "before": told(one.before),
        "after": told(one.after),
        "reasons": sorted(one.reasons),
    }
