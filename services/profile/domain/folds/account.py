"""How account_linked events change what is known of a person's accounts; every fold commutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from services.profile.domain.bounds import ACCOUNTS_MAX, keep_counts
from services.profile.domain.event import Event, Linked
from services.profile.domain.memberships import JOINS_KEPT, Membership, Role, Told, Word
from services.profile.domain.part import Part

Newest = TypeVar("Newest", bound=tuple[Any, ...])

#: Of one account, and said by one person; the newest are kept.
ACCOUNT_TRAITS_MAX: Final = 30
#: A longer value (as JSON) is not kept: it stands in the touchpoint.
ACCOUNT_TRAIT_BYTES_MAX: Final = 1_000
ROLE_CHARACTERS_MAX: Final = 100
#: Segment's group call has them among the traits; they say something of the member, or of neither.
NOT_OF_THE_ACCOUNT: Final = frozenset({"role", "left", "account_kind"})


def linked(part: Part, event: Event, facts: Linked) -> None:
    accounts = part.accounts
    known = accounts.get(facts.account_id)
    news = _said(event, facts)
    accounts[facts.account_id] = news if known is None else together(known, news)
    keep_counts(accounts, ACCOUNTS_MAX)


def join(whole: Part, part: Part) -> None:
    accounts = whole.accounts
    for account_id, membership in part.accounts.items():
        known = accounts.get(account_id)
        accounts[account_id] = membership if known is None else together(known, membership)


def bound(whole: Part) -> None:
    keep_counts(whole.accounts, ACCOUNTS_MAX)


def together(one: Membership, other: Membership) -> Membership:
    """Both words of the same person on the same account."""
    return Membership(
        sorted({*one.joins, *other.joins})[-JOINS_KEPT:],
        min(_said_of(one.first, other.first), default=None),
        newest(one.left, other.left),
        newest(one.role, other.role),
        newest(one.kind, other.kind),
        newest_traits(one.traits, other.traits),
    )


def newest(one: Newest | None, other: Newest | None) -> Newest | None:
    """Tuples begin with (time, event id), so the largest is the newest."""
    return max(_said_of(one, other), default=None)


def newest_traits(one: Mapping[str, Told], other: Mapping[str, Told]) -> dict[str, Told]:
    """The newest word on each trait, of the traits that were said last.

    One that is left out would be left out again, in whatever order words are brought together.
    """
    if not other:
        return dict(one)
    traits = dict(one)
    for name, told in other.items():
        known = traits.get(name)
        if known is None or told > known:
            traits[name] = told
    while len(traits) > ACCOUNT_TRAITS_MAX:
        del traits[min(traits, key=lambda name: (traits[name][:2], name))]
    return traits


def _said_of(one: Newest | None, other: Newest | None) -> list[Newest]:
    return [word for word in (one, other) if word is not None]


def _said(event: Event, facts: Linked) -> Membership:
    """What one event says: a membership of its own."""
    word: Word = (event.at, event.stamp)
    traits = {
        name: Told(*word, event.source, bytes(value))
        for name, value in facts.traits.items()
        if name not in NOT_OF_THE_ACCOUNT and len(bytes(value)) <= ACCOUNT_TRAIT_BYTES_MAX
    }
    kind = None
    if facts.account_kind:
        kind = Told(*word, event.source, facts.account_kind.encode())
    traits = newest_traits({}, traits)
    if facts.left:
        return Membership([], None, word, None, kind, traits)
    role = Role(*word, facts.role[:ROLE_CHARACTERS_MAX]) if facts.role else None
    return Membership([word], word, None, role, kind, traits)
