"""People who are merged and parted again, told three ways: so, forestalled, and never asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random
from typing import Any, Final

from schemas.identifier import Identifier
from schemas.touchpoint import Touchpoint
from schemas.touchpoints import SAMPLES
from tests.unit.profile_builders import START, touchpoint

#: Everything is told by so many days ago; each workspace hears the same moments.
NOW: Final = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
#: What is said of people in other places of the story.
ASKED_FOR: Final = ("identified", "aliased", "account_linked", "consent_changed")
REQUESTS: Final = ("profile_merge_requested", "profile_unmerge_requested")

USERS: Final = (
    *("ada", "bob", "cleo", "eve", "gus", "hal", "ivy", "jon", "kim", "lea", "max", "nia"),
    *("oli", "quy", "ray", "sue", "tom"),
)
ADA, BOB, CLEO, EVE, GUS, HAL, IVY, JON, KIM, LEA, MAX, NIA, OLI, QUY, RAY, SUE, TOM = (
    f"user_id:{one}" for one in USERS
)
MAILS: Final = ("dan", "fay", "ada", "bob", "shared")
DAN, FAY, ADAS, BOBS, SHARED = (f"email:{one}@x.example" for one in MAILS)
ACCOUNTS: Final = ("acme", "globex", "home", "initech")
STREETS: Final = ("Main 1", "Side 2", "Far 3")
BOBS_PHONE, PIA = "phone:+4930111111", "anonymous_id:pia"


class Way(Enum):
    """PARTED: merged, then parted. FORESTALLED: the word that parts comes first of all, so the
    same events never merge anybody. UNTOUCHED: nobody says anything of two people."""

    PARTED = "parted"
    FORESTALLED = "forestalled"
    UNTOUCHED = "untouched"


@dataclass
class Story:
    """One workspace's touchpoints, in the five turns in which they are sent."""

    workspace: str
    way: Way
    before: list[Touchpoint] = field(default_factory=list)
    merges: list[Touchpoint] = field(default_factory=list)
    between: list[Touchpoint] = field(default_factory=list)
    unmerges: list[Touchpoint] = field(default_factory=list)
    after: list[Touchpoint] = field(default_factory=list)
    _number: int = 0

    def turns(self) -> list[list[Touchpoint]]:
        """What is sent before each time that everything comes to rest."""
        again = Random(5).sample([*self.before, *self.merges, *self.between], k=40)
        if self.way is Way.PARTED:
            return [self.before, self.merges, self.between, self.unmerges, [*self.after, *again]]
        first, rest = [*self.unmerges, *self.before], [*self.merges, *self.after, *again]
        return [first, [], self.between, [], rest]

    def say(self, turn: list[Touchpoint], days_ago: float, *names: str, **facts: Any) -> None:
        """One event; in every way of telling the n-th is the same."""
        self._number += 1
        at = NOW - timedelta(days=days_ago, seconds=self._number)
        made = touchpoint(
            *names,
            at_s=(at - START).total_seconds(),
            workspace=self.workspace,
            message=f"control {self._number}",
            channel=facts.pop("via", None),
            facts=facts,
        )
        turn.append(made)

    def ask(self, what: str, days_ago: float, one: str, other: str) -> None:
        """That two are one person, or are not."""
        turn = self.merges if what == "merge" else self.unmerges
        whom = one if self.way is Way.UNTOUCHED else other
        self.say(turn, days_ago, one, kind=f"profile_{what}_requested", other=named(whom))

    def link(self, days_ago: float, one: str, other: str) -> None:
        """An event that carries both."""
        names = (one,) if self.way is Way.UNTOUCHED else (one, other)
        self.say(self.merges, days_ago, *names, kind="page_viewed", category="jazz")

    def alias(self, days_ago: float, one: str, previous: str) -> None:
        whom = one if self.way is Way.UNTOUCHED else previous
        self.say(self.merges, days_ago, one, kind="aliased", previous=named(whom))


def named(name: str) -> dict[str, str]:
    kind, value = name.split(":", 1)
    return Identifier(kind=kind, value=value).model_dump()


def told(workspace: str, way: Way) -> Story:
    """The whole story. Who is merged: see the calls below."""
    story = Story(workspace, way)
    _everything(story)
    _buyers(story)
    _belongings(story)
    _wishes(story)
    _merged(story)
    return story


def _everything(story: Story) -> None:
    """Every kind of touchpoint of two people, before, between and after, in all their names; some
    of their cases have the same numbers."""
    kinds = [kind for kind in SAMPLES if kind not in (*ASKED_FOR, *REQUESTS)]
    for number, kind in enumerate(kinds):
        for names, own in (([ADA, ADAS], "a"), ([BOB, BOBS, BOBS_PHONE], "b")):
            name = names[number % len(names)]
            facts = _numbered(SAMPLES[kind], own if number % 3 else "both")
            story.say(story.before, 120 - number, name, via="web", **facts)
            if number % 2:
                story.say(story.between, 5, name, **_numbered(SAMPLES[kind], f"{own}2"))
            else:
                story.say(story.after, 40, name, **_numbered(SAMPLES[kind], f"{own}3"))


def _numbered(sample: dict[str, Any], owner: str) -> dict[str, Any]:
    """The sample with numbers of its own."""
    return {
        key: f"{value}-{owner}" if key.endswith("_id") and isinstance(value, str) else value
        for key, value in sample.items()
    }


def _buyers(story: Story) -> None:
    """Stages of all sorts, and what moves them while they are merged."""
    for who, days in {
        BOB: (90, 60, 30),
        CLEO: (25,),
        DAN: (200, 150, 100, 50, 20, 15),
        EVE: (60, 30),
        GUS: (35,),
        HAL: (40, 20),
        IVY: (33, 22),
        JON: (44, 27),
        KIM: (55, 29, 14),
        LEA: (390, 385, 380, 374, 369, 364, 360),
        MAX: (70, 45, 12),
        NIA: (50, 25, 13),
        OLI: (52, 26),
        QUY: (100, 80, 60, 40, 20),
        RAY: (31,),
        SUE: (36, 18),
        TOM: (21,),
    }.items():
        for at in days:
            _order(story, story.before, at, who)
    for who in (BOB, FAY, HAL, JON, MAX):
        _order(story, story.between, 5.5, who)
    for who in (ADA, DAN, KIM, QUY):
        _order(story, story.after, 2, who)
        _order(story, story.after, 77, who)  # late: from before the merge
    for who, severity in {CLEO: 4, DAN: 2, IVY: 1, KIM: 4, PIA: 3}.items():
        story.say(
            story.before,
            11,
            who,
            kind="complaint_received",
            complaint_id=f"C-{who}",
            severity=severity,
        )
    story.say(story.between, 5, KIM, kind="complaint_handled", complaint_id=f"C-{KIM}")
    story.say(story.after, 1, IVY, kind="complaint_handled", complaint_id=f"C-{IVY}")


def _order(story: Story, turn: list[Touchpoint], days_ago: float, who: str) -> None:
    number = f"SO-{who}-{days_ago}"
    total = {"amount": f"{10 + days_ago:.2f}", "currency": "USD"}
    line = {"sku": f"CD-{days_ago:.0f}", "category": "rock", "quantity": "1", "price": "10"}
    facts = {"order_id": number, "total": total, "lines": [line | {"cost": "4"}]}
    story.say(turn, days_ago, who, kind="order_completed", via="store", **facts)


def _belongings(story: Story) -> None:
    """Who lives and works where."""
    for days_ago, who, account, facts in (
        (100, ADA, "acme", {"role": "buyer", "traits": {"industry": "music", "size": 30}}),
        (90, BOB, "globex", {"role": "boss", "traits": {"industry": "steel"}}),
        (80, BOB, "acme", {"traits": {"size": 31}}),
        (70, BOB, "acme", {"left": True}),
        (60, CLEO, "home", {"account_kind": "household"}),
        (50, DAN, "home", {"account_kind": "household", "role": "father"}),
        (40, TOM, "acme", {"role": "user"}),
        (30, KIM, "initech", {"role": "user"}),
    ):
        story.say(story.before, days_ago, who, kind="account_linked", account_id=account, **facts)
    linked = {"kind": "account_linked", "account_id": "initech", "role": "buyer"}
    story.say(story.between, 4, JON, **linked)
    story.say(story.after, 3, DAN, kind="account_linked", account_id="home", left=True)
    for days_ago, who, street in (
        (45, ADA, "Main 1"),
        (44, BOB, "Side 2"),
        (43, CLEO, "Main 1"),
        (42, FAY, "Main  1"),
        (41, EVE, "Far 3"),
        (39, TOM, "Side 2"),
    ):
        traits = {"street": street, "postal_code": "N1", "name": who, "email": f"{who}@x.example"}
        story.say(story.before, days_ago, who, kind="identified", traits=traits)
    story.say(story.between, 3, BOB, kind="identified", traits={"city": "Rome", "street": None})
    story.say(story.after, 41, ADAS, kind="identified", traits={"city": "Oslo", "phone": "12"})


def _wishes(story: Story) -> None:
    """Consent: the newest word of whoever it is counts while they are one."""
    for days_ago, who, purposes in (
        (33, ADA, {"email": True, "profiling": True}),
        (22, BOB, {"email": False}),
        (21, NIA, {"profiling": False}),
        (20, OLI, {"profiling": True, "email": True}),
        (19, MAX, {"profiling": False}),
        (18, LEA, {"profiling": True}),
    ):
        story.say(story.before, days_ago, who, kind="consent_changed", purposes=purposes)
    story.say(story.between, 2, OLI, kind="consent_changed", purposes={"email": False})


def _merged(story: Story) -> None:
    """Who is tied to whom, and parted."""
    story.say(story.before, 110, ADA, ADAS, kind="page_viewed")
    story.say(story.before, 110, BOB, BOBS, kind="page_viewed")
    story.say(story.before, 109, BOB, BOBS_PHONE, kind="page_viewed")
    story.say(story.before, 37, SUE, SHARED, kind="page_viewed")
    story.say(story.before, 36, RAY, SHARED, kind="page_viewed")  # refused: two user ids
    for one, other in _by_request():
        story.ask("merge", 10, one, other)
        story.ask("unmerge", 9, one, other)
    story.ask("merge", 8.5, GUS, HAL)
    story.ask("unmerge", 8, GUS, HAL)
    story.link(10, CLEO, DAN)
    story.link(9.5, QUY, PIA)
    story.link(9.4, ADA, BOBS)
    story.alias(10, EVE, FAY)
    for one, other in ((CLEO, DAN), (QUY, PIA), (EVE, FAY)):
        story.ask("unmerge", 9, one, other)


def _by_request() -> Iterator[tuple[str, str]]:
    yield from ((BOB, ADA), (GUS, HAL), (IVY, JON), (JON, KIM), (MAX, LEA), (OLI, NIA), (SUE, RAY))


#: All names in the story, as a profile may be called.
NAMES: Final = (
    *(f"user_id:{one}" for one in USERS),
    *(f"email:{one}@x.example" for one in MAILS),
    BOBS_PHONE,
    PIA,
)
