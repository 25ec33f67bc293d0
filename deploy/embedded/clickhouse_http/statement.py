"""Where the statement of an INSERT ends and its rows begin."""

import re
from dataclasses import dataclass

HEAD_BYTES_MAX = 1 << 20

# What may hide the words we look for: comments, quoted text, quoted names.
TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*(?:\n|$)|\#[!\ ][^\n]*(?:\n|$)|/\*.*?\*/)
       |(?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")
       |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
       |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT that is followed by rows: its statement, their format, where they begin."""

    statement: str
    format: str
    rows_offset: int


def insert_of(text: bytes) -> Insert | None:
    """The INSERT that the text begins with; None when it is anything else.

    Anything else includes INSERT ... SELECT, which brings its own rows.
    """
    words: list[bytes] = []
    depth = 0
    position = 0
    while found := TOKEN.match(text, position):
        word = (found["word"] or b"").upper()
        if found["word"] or found["quoted"] or found["other"]:
            words.append(word)
        if words and words[0] not in (b"INSERT", b""):
            return None
        depth += {b"(": 1, b")": -1}.get(found["other"] or b"", 0)
        if depth == 0 and len(words) > 2:
            if word in (b"SELECT", b"WITH"):
                return None
            if word == b"VALUES":
                return _insert(text, position, b"Values", found.end())
            if word == b"FORMAT":
                return _with_format(text, position, found.end())
        position = found.end()
    return None


def _with_format(text: bytes, start: int, position: int) -> Insert | None:
    named = re.compile(rb"\s+([A-Za-z0-9_]+)[ \t\r]*[;]?[ \t\r]*\n?").match(text, position)
    return _insert(text, start, named[1], named.end()) if named else None


def _insert(text: bytes, end: int, format_name: bytes, rows_offset: int) -> Insert:
    return Insert(text[:end].decode(errors="replace"), format_name.decode(), rows_offset)


def is_insert(text: bytes) -> bool:
    """Whether the first word of the text is INSERT; whole or not, rows or SELECT."""
    position = 0
    while found := TOKEN.match(text, position):
        if not found["skip"]:
            return bool(found["word"]) and found["word"].upper() == b"INSERT"
        position = found.end()
    return False


def from_infile(statement: str, quoted_path: str, format_name: str) -> str:
    """The INSERT that takes its rows from a file; its SETTINGS come after the file's name."""
    words = [found for found in TOKEN.finditer(statement.encode()) if not found["skip"]]
    depth, end = 0, len(statement.encode())
    for found in words[2:]:  # a table may be called settings
        depth += {b"(": 1, b")": -1}.get(found["other"] or b"", 0)
        if depth == 0 and (found["word"] or b"").upper() == b"SETTINGS":
            end = found.start()
    before, after = statement.encode()[:end].decode(), statement.encode()[end:].decode()
    return f"{before} FROM INFILE {quoted_path} COMPRESSION 'none' {after} FORMAT {format_name}"
