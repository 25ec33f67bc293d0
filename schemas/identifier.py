"""An identifier: one name under which a person is known, cleaned so that equal means equal."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final

from pydantic import Field

from schemas.base import Message

#: Strongest first: the order in which an event's identifiers are listed and chosen from.
IDENTIFIER_KINDS: Final = ("user_id", "email", "phone", "anonymous_id")
VALUE_CHARACTERS_MAX: Final = 500

_NOT_A_PHONE_DIGIT = re.compile(r"[\s().\-/]+")
_PHONE = re.compile(r"^\+?[0-9]{6,15}$")
_EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,255}$")


class Identifier(Message):
    """A (kind, value) pair; the value is normalised by its kind."""

    kind: Annotated[str, Field(examples=["email"])]
    value: Annotated[str, Field(min_length=1, max_length=VALUE_CHARACTERS_MAX)]


def normalised(kind: str, value: str) -> str:
    """The one spelling of an identifier. ValueError says what is wrong with it."""
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
    value = value.strip()
    if not value:
        raise ValueError(f"{kind} is empty")
    if len(value) > VALUE_CHARACTERS_MAX:
        raise ValueError(f"{kind} has {len(value)} characters, at most {VALUE_CHARACTERS_MAX}")
    if kind == "email":
        return _email(value)
    if kind == "phone":
        return _phone(value)
    return value


def _email(value: str) -> str:
    if not _EMAIL.match(value):
        raise ValueError("email is not of the form name@host")
    return value.casefold()


def _phone(value: str) -> str:
    digits = _NOT_A_PHONE_DIGIT.sub("", value)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not _PHONE.match(digits):
        raise ValueError("phone is not 6 to 15 digits, with an optional + in front")
    return digits
