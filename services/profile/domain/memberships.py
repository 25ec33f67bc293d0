"""What one person's events say of the accounts and households they belong to, and how it is read.

Everything commutes: the newest words by (time, event id), the earliest of all, sets of the newest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

#: When, and by which event: the order of words.
Word = tuple[datetime, bytes]

#: How many of the newest links are kept, to tell since when somebody belongs who came back.
JOINS_KEPT: Final = 8


class Told(NamedTuple):
    """What was said of the account, as JSON (`null`: removed), and who said it when."""

    at: datetime
    event: bytes
    source: str
    value: bytes


class Role(NamedTuple):
    """What the person is there, as it was said last."""

    at: datetime
    event: bytes
    name: str


class Membership(NamedTuple):
    """One person and one account. `joins`: the newest links, ascending; `first`: the earliest.

    `left`: the newest event that says that they belong to it no more. `kind` and `traits`: what
    this person's events said of the account itself.
    """

    joins: list[Word]
    first: Word | None
    left: Word | None
    role: Role | None
    kind: Told | None
    traits: dict[str, Told]

    @property
    def lasts(self) -> bool:
        """Whether the newest word is that they belong to it."""
        return bool(self.joins) and (self.left is None or self.joins[-1] > self.left)

    @property
    def since(self) -> datetime | None:
        """The first link after they had left last; None when they do not belong to it.

        Of somebody who has come back, the earliest of the newest JOINS_KEPT links.
        """
        if not self.lasts or self.first is None:
            return None
        if self.left is None or self.first > self.left:
            return self.first[0]
        return min(word for word in self.joins if word > self.left)[0]

    @property
    def left_at(self) -> datetime | None:
        """When they left; None while they belong to it."""
        return None if self.lasts or self.left is None else self.left[0]
