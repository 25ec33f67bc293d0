"""The truth about what was sent: what comes out is measured against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.cli.demo.malformed import Malformed
from services.cli.demo.people import Person, company_of
from services.cli.demo.purchases import Purchase

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Company:
    """What the customers that buy for a company come to."""

    members: int = 0
    purchases: int = 0
    revenue: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What must come out. `owners`: identifier (kind, value) -> number of the person it belongs to.

    `companies`: account id -> its members and what they bought.
    `refused`: dead letters due, by reason. `answers`: answers due to raw requests, by status.
    """

    distinct: int
    duplicates: int
    refused: dict[str, int]
    answers: dict[int, int]
    customers: int
    visitors: int
    purchases: int
    revenue: Decimal
    owners: dict[Name, int]
    companies: dict[str, Company] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        """Everything that was put on the wire."""
        return self.distinct + self.duplicates + self.dead_letters

    @property
    def dead_letters(self) -> int:
        """Dead letters due, of all reasons."""
        return sum(self.refused.values())

    @property
    def people(self) -> int:
        """True number of people: known customers, and visitors who never identified themselves."""
        return self.customers + self.visitors


def ledger(
    people: Sequence[Person],
    purchases: Sequence[Purchase],
    *,
    distinct: int,
    duplicates: int,
    faults: Sequence[Malformed],
) -> Ledger:
    """The ledger of a run, in which every identifier of every person is carried by a touchpoint."""
    customers = sum(person.user_id is not None for person in people)
    return Ledger(
        distinct=distinct,
        duplicates=duplicates,
        refused=dict(Counter(fault.reason.value for fault in faults)),
        answers=dict(Counter(fault.status for fault in faults if fault.road == "http")),
        customers=customers,
        visitors=len(people) - customers,
        purchases=len(purchases),
        revenue=sum((one.paid for one in purchases), Decimal(0)),
        owners={name: person.number for person in people for name in person.identifiers()},
        companies=_companies(people, purchases),
    )


def _companies(people: Sequence[Person], purchases: Sequence[Purchase]) -> dict[str, Company]:
    found: dict[str, Company] = {}
    known = [person.number for person in people if person.user_id is not None]
    for company in [one for one in map(company_of, known) if one is not None]:
        before = found.get(company, Company())
        found[company] = replace(before, members=before.members + 1)
    for one in purchases:
        if buyer := company_of(one.customer):
            before = found[buyer]
            revenue = before.revenue + one.paid
            found[buyer] = Company(before.members, before.purchases + 1, revenue)
    return found


def identity_errors(owners: dict[Name, int], profiles: Iterable[tuple[Name, str]]) -> list[str]:
    """What is wrong with the profiles found, as (identifier, profile id): one text for each error.

    Right is: each identifier of the truth stands in exactly one profile, one person's identifiers
    share it, and nobody else's are in it.
    """
    profiles_of: dict[int, set[str]] = {}
    people_in: dict[str, set[int]] = {}
    seen: dict[Name, str] = {}
    errors = []
    for name, profile in profiles:
        owner = owners.get(name)
        if owner is None:
            errors.append(f"{name} stands in {profile} but belongs to nobody")
            continue
        if seen.setdefault(name, profile) != profile:
            errors.append(f"{name} stands in two profiles")
        profiles_of.setdefault(owner, set()).add(profile)
        people_in.setdefault(profile, set()).add(owner)
    errors += [f"{name} stands in no profile" for name in owners if name not in seen]
    for who, ids in profiles_of.items():
        if len(ids) > 1:
            errors.append(f"person {who} is spread over {len(ids)} profiles")
    for profile, owners_in in people_in.items():
        if len(owners_in) > 1:
            errors.append(f"profile {profile} mixes {len(owners_in)} people")
    return errors
