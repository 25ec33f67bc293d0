"""What a key without profile:pii may read, and how nodes are found while others write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
import redis.asyncio

from schemas.base import EPOCH, to_json
from schemas.identifier import Identifier
from schemas.profile import Profile
from schemas.profile_sections import Loyalty, Marketing
from services.common.api_keys import ApiKeys, is_personal
from services.common.batch import pack_state
from services.profile.api.answers import Refused, matches
from services.profile.api.cursors import OfMembers, OfSearch, OfTimeline, read, written
from services.profile.api.masks import masked_profile, masked_properties
from services.profile.api.reader import Reader
from services.profile.domain.component import Component, Node
from services.profile.store import component_key, erased_mark, node_key, pack

PERSONAL = ApiKeys(personal=("Shoe Size",)).personal_names()


def test_a_masked_profile_is_a_profile_still() -> None:
    """Channels are called like personal traits, and stay."""
    friend = Identifier(kind="email", value="bob@x.example")
    profile = Profile(
        workspace="demo",
        profile_id=UUID("0f8fad5b-d9cd-869f-a165-708677281234"),
        version=1_767_600_000_000_000,
        updated_at=EPOCH,
        identifiers=(Identifier(kind="phone", value="+442079460000"),),
        loyalty=Loyalty(referrals_made=1, referred=(friend,), referred_by=friend),
        marketing=Marketing(sent=3, unsubscribed={"email": EPOCH + timedelta(days=1)}),
    )
    shown = masked_profile(to_json(profile), PERSONAL)
    read_back = Profile.model_validate_json(shown)
    hidden = Identifier(kind="email", value="***")
    assert read_back.loyalty.referred_by == hidden
    assert read_back.loyalty.referred == (hidden,)
    assert read_back.marketing == profile.marketing
    assert read_back.version == profile.version
    assert b"bob" not in shown
    assert b"4420" not in shown


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        *((name, True) for name in ("firstName", "Last Name", "home_address", "shoeSize")),
        *((name, True) for name in ("billing.address", "E-Mail", "ip", "IBAN", "dateOfBirth")),
        *((name, False) for name in ("city", "plan", "newsletter", "favourite_colour")),
    ],
)
def test_traits_are_personal_by_their_names_in_any_spelling(name: str, personal: bool) -> None:
    assert is_personal(name, PERSONAL) == personal


def test_properties_of_events_lose_people_and_keep_things() -> None:
    properties = {
        "kind": "custom",
        "name": "Form Sent",
        "properties": {
            "name": "Ada Lovelace",
            "form_id": "F-20240115-001",
            "user_id": "ada",
            "friend": {"kind": "email", "value": "bob@x.example"},
            "words": ["mail me at ada@x.example", "or +44 20 7946 0000"],
            "nested": [{"email": {"work": "ada@x.example"}, "size": 3}],
            "agreed": True,
        },
    }
    assert masked_properties(properties, PERSONAL) == {
        "kind": "custom",
        "name": "Form Sent",
        "properties": {
            "name": "***",
            "form_id": "F-20240115-001",
            "user_id": "***",
            "friend": {"kind": "email", "value": "***"},
            "words": ["mail me at ***@***", "or ***"],
            "nested": [{"email": "***", "size": 3}],
            "agreed": True,
        },
    }
    viewed = {"kind": "product_viewed", "name": "OK Computer", "sku": "CD-1", "title": "CDs"}
    assert masked_properties(viewed, PERSONAL) == viewed


def test_if_none_match_is_read_as_http_says() -> None:
    for given in (b'"1"', b'W/"1"', b'"0", "1"', b"*"):
        assert matches(given, b'"1"'), given
    for other in (None, b"", b'"2"', b"1", b'"11"'):
        assert not matches(other, b'"1"'), other


def test_a_cursor_comes_back_and_none_of_another_kind_does() -> None:
    place = OfTimeline(1_767_600_000_000_000, "0f8fad5b-d9cd-869f-a165-708677281234")
    assert read(written(place), OfTimeline) == place
    member = OfMembers(bytes(16))
    assert read(written(member), OfMembers) == member
    for wrong in ("", "x", "é", written(OfSearch("1"))[:-1], written(place), json.dumps([1])):
        for kind in (OfSearch, OfMembers):
            with pytest.raises(Refused):
                read(wrong, kind)
    for wrong in (written(OfSearch("1" * 16)), written(OfMembers(b"1")), written(OfMembers(b""))):
        with pytest.raises(Refused):
            read(wrong, OfMembers)
    with pytest.raises(Refused):
        read(written(member), OfSearch)


class Values:
    """An asyncio Redis with values alone; `meanwhile` happens once, after the first look."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.asked: list[int] = []
        self.meanwhile: dict[bytes, bytes | None] = {}
        self.away = False

    async def mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        await asyncio.sleep(0)
        if self.away:
            raise redis.exceptions.ConnectionError
        self.asked.append(len(keys))
        found = [self.values.get(key) for key in keys]
        for key, value in self.meanwhile.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        self.meanwhile = {}
        return found

    def hold(self, key: bytes, *nodes: bytes) -> bytes:
        component = Component("demo", [Node(node, 0, node.hex()) for node in nodes], [], [])
        self.values[component_key(key)] = pack_state(7, pack(component))
        self.values |= {node_key(node): key for node in nodes}
        return self.values[component_key(key)]


def node(number: int) -> bytes:
    return number.to_bytes(16, "big")


def reader(values: Values) -> Reader:
    return Reader(cast(redis.asyncio.Redis, values))


def test_reads_that_come_together_are_asked_for_together() -> None:
    values = Values()
    for number in range(50):
        values.hold(node(number), node(number))

    async def reads() -> list[Any]:
        one = reader(values)
        return await asyncio.gather(*(one.home_of(node(number)) for number in range(60)))

    found = asyncio.run(reads())
    assert [home.node for home in found[:50]] == [node(number) for number in range(50)]
    assert found[50:] == [None] * 10
    assert values.asked == [60, 50]


def test_a_component_that_was_taken_in_between_two_looks_is_found() -> None:
    values = Values()
    values.hold(node(1), node(1))
    after = Values()
    after.hold(node(2), node(1), node(2))
    values.meanwhile = {component_key(node(1)): None, **after.values}
    home = asyncio.run(reader(values).home_of(node(1)))
    assert home is not None
    assert home.loaded.key == node(2)


def test_an_absorbed_node_is_found_where_it_went_and_nowhere_once_that_is_gone() -> None:
    values = Values()
    values.hold(node(3), node(3))
    values.values |= {node_key(node(1)): b"a" + node(2), node_key(node(2)): b"a" + node(3)}
    home = asyncio.run(reader(values).home_of(node(1)))
    assert home is not None
    assert home.node == node(3)
    del values.values[node_key(node(3))]
    assert asyncio.run(reader(values).home_of(node(1))) is None


def test_who_was_erased_is_nowhere_nor_is_what_they_had_absorbed() -> None:
    values = Values()
    values.values |= {node_key(node(1)): erased_mark(7), node_key(node(2)): b"a" + node(1)}

    async def reads() -> list[Any]:
        one = reader(values)
        return list(await asyncio.gather(one.home_of(node(1)), one.home_of(node(2))))

    assert asyncio.run(reads()) == [None, None]


def test_without_redis_everybody_who_waits_is_told() -> None:
    values = Values()
    values.hold(node(1), node(1))
    values.away = True

    async def reads() -> None:
        one = reader(values)
        told = await asyncio.gather(
            *(one.home_of(node(1)) for _ in range(3)), return_exceptions=True
        )
        assert [getattr(each, "status", None) for each in told] == [503] * 3
        values.away = False
        assert await one.home_of(node(1)) is not None

    asyncio.run(reads())
