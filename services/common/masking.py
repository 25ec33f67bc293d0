"""Text for a listing or a log: what names a person is not in it."""

from __future__ import annotations

import re
from typing import Final

#: An e-mail address; what is not a space, a quote or a bracket on both sides of the sign.
_EMAIL: Final = re.compile(r"[^\s@\"'<>()\[\]{},;:=]+@[^\s@\"'<>()\[\]{},;:=]+")
#: Seven digits or more, as telephone numbers are written; dates and times have fewer in a row.
_PHONE: Final = re.compile(r"(?<![\w.])\+?\d[\d ()/-]{5,}\d(?![\w.]|-\d)")
_QUOTED: Final = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def masked(text: str) -> str:
    """The text without e-mail addresses and telephone numbers."""
    return _PHONE.sub(_phone, _EMAIL.sub("***@***", text))


def without_values(text: str) -> str:
    """What an exception says, without what it quotes: that may be what somebody sent."""
    return masked(_QUOTED.sub("'***'", text))


def without_addresses(text: str) -> str:
    """The text without e-mail addresses; numbers stay, such as offsets."""
    return _EMAIL.sub("***@***", text)


def _phone(found: re.Match[str]) -> str:
    """A date is left as it is."""
    return found.group() if _DATE.match(found.group()) else "***"
