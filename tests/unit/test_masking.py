"""Nothing that names a person stands in a listing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.masking import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("email 'Ada.Byron+x@mail.example' is blocked", "email '***@***' is blocked"),
        ("traits.email: ada@x.example, bob@y.example", "traits.email: ***@***, ***@***"),
        ("phone +49 (30) 1234-567 is too short", "phone *** is too short"),
        ("phone 4930123456", "phone ***"),
        ("timestamp is no time: '2026-13-45T00:00:00Z'", None),
        ("on 2026-11-23 14 events", None),
        ("a call of 40000 bytes; at most 32768", None),
        ("Expected `int | null`, got `str` - at `$.offset`", None),
    ],
)
def test_addresses_and_numbers_are_masked_and_nothing_else(text: str, shown: str | None) -> None:
    assert masked(text) == (text if shown is None else shown)


names = st.text("abcdefgh.-_+", min_size=1, max_size=12)


@given(names, names, st.text(" '\"(,;", max_size=3), st.text(" '\"),;", max_size=3))
def test_no_address_is_left(name: str, host: str, before: str, after: str) -> None:
    assert f"{name}@{host}" not in masked(f"x{before}{name}@{host}.example{after}y")


@given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True))
def test_no_number_is_left(number: str) -> None:
    assert number not in masked(f"phone {number!r} is not one")
