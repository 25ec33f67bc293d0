"""One letter in an editor, as git does it: the text that is saved takes the bytes' place."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from services.cli.letters.letter import Letter
from services.ingest.body import inflated
from services.ingest.domain.depth import is_too_deep
from services.ingest.domain.refusal import Refusal


class NoEditor(Exception):  # noqa: N818 - a state of the world
    """The editor could not be started, ended with an error or did not save a text."""


def text_of(letter: Letter) -> str:
    """What is opened: JSON in lines where it is some, else the bytes as they are.

    JSON that nests too deep stays as it is: its lines would be mostly indentation.
    """
    plain = inflated(letter.original)
    body = letter.original if isinstance(plain, Refusal) else plain
    text = body.decode("utf-8", "replace")
    if is_too_deep(body):
        return text
    try:
        value = json.loads(text)
        lines = json.dumps(value, indent=2, ensure_ascii=False)
        return f"{lines if _is_text(lines) else json.dumps(value, indent=2)}\n"
    except ValueError:
        return text


def _is_text(lines: str) -> bool:
    """Whether it can be written to a file: half of a surrogate pair can not."""
    try:
        lines.encode()
    except UnicodeEncodeError:
        return False
    return True


def edited(text: str) -> str:
    """The text as it was saved. NoEditor.

    The file is only its owner's: personal data stands in it.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="rapport-") as folder:
        file = Path(folder) / "letter.json"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise NoEditor(f"the editor (EDITOR) {editor!r}: {error}") from None
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise NoEditor(f"the editor {editor!r} did not save UTF-8: {error}") from None
