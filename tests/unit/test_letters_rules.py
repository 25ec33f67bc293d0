"""What is no rule is told so, whatever stands in the file; what is opened can be saved again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.letters import edit
from services.cli.letters.back import back
from services.cli.letters.rules import VALUES_MAX, BadRule, rule_of_file, rule_of_options
from services.cli.letters.ways import Held
from services.ingest.domain.depth import DEPTH_MAX
from tests.fuzz.mending import letter_of
from tests.unit.test_letters_back import DOORS, NOW

SURROGATE = "\ud83d"
_TENFOLD = "".join(f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- cast: {path: a, to: {b: c}}", "no kind"),
        ("- cast: {path: a, to: [number]}", "no kind"),
        ("- set: {path: a, value: 2026-13-45}", "month must be in"),
        ("- " * 5_000 + "x", "recursion"),
        ("[" * 5_000, "recursion"),
        ("- &a0 [1]\n" + _TENFOLD, f"more than {VALUES_MAX} values"),
        ("- &a [*a]", f"more than {VALUES_MAX} values"),
        ('- set: {path: a, value: "\\ud83d"}', "no JSON value"),
        ("- set: {path: a, value: {null: 1}}", "no JSON value"),
        ('- set: {path: "\\ud83d", value: 1}', "not all text"),
        ("- replace: {path: a, pattern: 'a{9999999999}', by: b}", "no pattern"),
        ("- replace: {path: a, pattern: 'a', by: \"\\ud83d\"}", "no pattern"),
        (f"- replace: {{path: a, pattern: '{'(' * 9_000}', by: b}}", "at most"),
    ],
)
def test_what_is_no_rule_is_told_so(tmp_path: Path, text: str, said: str) -> None:
    """Found by `make fuzz`, or beside what it found: each ended the command with a traceback."""
    file = tmp_path / "rule.yaml"
    file.write_text(text)
    with pytest.raises(BadRule, match=said):
        rule_of_file(file)


def test_what_is_set_from_the_command_line_may_be_any_text() -> None:
    [one] = rule_of_options([], ["a=" + "[" * 100_000], [], [])
    assert one.value == "[" * 100_000  # type: ignore[union-attr]
    with pytest.raises(BadRule, match="no JSON value"):
        rule_of_options([], [f"a={SURROGATE}"], [], [])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_JSON)
def test_a_letter_can_be_opened_and_saved_whatever_it_holds(value: object) -> None:
    """Half of a surrogate pair is what JavaScript makes of a cut emoji. Found by `make fuzz`."""
    original = json.dumps([value, SURROGATE]).encode()
    text = edit.text_of(letter_of(original, None))
    assert json.dumps(json.loads(text.encode())) == original.decode()


def test_a_letter_that_nests_too_deep_is_opened_as_it_is() -> None:
    for depth in (DEPTH_MAX + 1, 10_000):
        original = b"[" * depth + b"]" * depth
        assert edit.text_of(letter_of(original, None)) == original.decode()
        held = back(letter_of(original, None), (), DOORS, NOW)
        assert isinstance(held, Held)
        assert held.reason == "too_deep"


def test_what_an_editor_did_not_save_as_text_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nprintf '\\377' > \"$1\"\n")
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    with pytest.raises(edit.NoEditor, match="UTF-8"):
        edit.edited("{}")
