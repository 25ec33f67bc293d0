"""Whether somebody allows what an endpoint does with them, at the moment it would be done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.journey.domain.customer import Permission


class Purpose(NamedTuple):
    """What an endpoint is for; `unasked`: whether it may also have those who were never asked."""

    name: str
    unasked: bool = False


def allows(said: Iterable[Permission], purpose: Purpose, now_us: int) -> bool:
    """By the newest word on the purpose: yes until it expires, and then as if never asked.

    A no does not expire: a day named with it is when to ask again, not a permission.
    """
    word = next((one for one in said if one.purpose == purpose.name), None)
    if word is None:
        return purpose.unasked
    return word.allowed and now_us < word.until_us
