"""An identifier: one name under which a person is known, cleaned so that equal means equal.

What everybody agrees on is here; a workspace's own rules are in services.common.spelling, and what
they have spelled stays as it is here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import idna
from pydantic import Field

from schemas.base import Message

#: Strongest first, where a workspace does not say otherwise; it may declare others.
IDENTIFIER_KINDS: Final = ("user_id", "email", "phone", "anonymous_id")
KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
VALUE_CHARACTERS_MAX: Final = 500

_NOT_A_PHONE_DIGIT = re.compile(r"[\s().\-/]+")
_PHONE = re.compile(r"^\+?[0-9]{6,15}$")
_EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,255}$")
#: Controls, formats (zero width, direction), half characters, ends of lines and paragraphs.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Identifier(Message):
    """A (kind, value) pair; the value is normalised by its kind."""

    kind: Annotated[str, Field(examples=["email"])]
    value: Annotated[str, Field(min_length=1, max_length=VALUE_CHARACTERS_MAX)]


def normalised(kind: str, value: str) -> str:
    """The one spelling of an identifier. ValueError says what is wrong with it, not its value."""
    return FORMATS.get(kind, text)(kind, value)


def text(kind: str, value: str) -> str:
    """Any text that can be seen whole. What can not is refused: two ids that look the same are two
    in the system that gave them."""
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
    value = value.strip()
    if 0 < len(value) <= VALUE_CHARACTERS_MAX and value.isprintable():  # nearly all, at once
        return value
    return _whole(kind, value)


def untrimmed(kind: str, value: str) -> str:
    """The same, where spaces around it count."""
    return _whole(kind, unicodedata.normalize("NFKC", value))


def email(kind: str, value: str) -> str:
    """An address without case and what can not be seen, its host as the net knows it."""
    if value.isascii():
        value = value.strip()
        if _EMAIL.match(value) and value.isprintable():  # nearly all, at once
            return value.lower()
    else:
        value = _seen(unicodedata.normalize("NFKC", value)).strip()
    _measured(kind, value)
    if not _EMAIL.match(value):
        raise ValueError(f"{kind} is not of the form name@host")
    name, _, host = _printable(kind, value).partition("@")
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return f"{name}@{_host(kind, host)}"


def phone(kind: str, value: str) -> str:
    """The digits of a number, as they were dialled."""
    digits = phone_digits(kind, value)
    if not _PHONE.match(digits):
        raise ValueError(f"{kind} is not 6 to 15 digits, with an optional + in front")
    return digits


def phone_digits(kind: str, value: str) -> str:
    """Without what is written between digits; 00 in front is a +. No check of the rest."""
    if not value.isascii():
        value = _seen(unicodedata.normalize("NFKC", value))
        value = "".join(str(unicodedata.decimal(sign, sign)) for sign in value)
    if len(value) > VALUE_CHARACTERS_MAX:
        _measured(kind, value.strip())
    digits = _NOT_A_PHONE_DIGIT.sub("", value)
    if digits[:2] == "00":
        digits = "+" + digits[2:]
    return digits


FORMATS: Final[Mapping[str, Callable[[str, str], str]]] = {"email": email, "phone": phone}


def _whole(kind: str, value: str) -> str:
    _measured(kind, value)
    return value if value.isprintable() else _printable(kind, value)


def _measured(kind: str, value: str) -> None:
    if not value:
        raise ValueError(f"{kind} is empty")
    if len(value) > VALUE_CHARACTERS_MAX:
        raise ValueError(f"{kind} has {len(value)} characters, at most {VALUE_CHARACTERS_MAX}")


def _printable(kind: str, value: str) -> str:
    """The value. ValueError names the first sign in it that can not be seen."""
    if not value.isprintable():
        for sign in value:
            if unicodedata.category(sign) in _UNSEEN:
                raise ValueError(f"{kind} holds a sign that can not be seen (U+{ord(sign):04X})")
    return value


def _seen(value: str) -> str:
    """Without signs of format, which texts that were copied from elsewhere bring along."""
    return "".join(sign for sign in value if unicodedata.category(sign) != "Cf")


def _host(kind: str, host: str) -> str:
    """The ASCII form of a host name (IDNA 2008 with the mapping of UTS 46). ValueError."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(f"{kind} has no host name behind its @") from None
