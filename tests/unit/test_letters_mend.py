"""Rules that mend calls: what each operation does, and what it never does."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.cli.letters.mend import (
    CASTS,
    Cast,
    Drop,
    Kind,
    Operation,
    Rename,
    Replace,
    mended,
)  # fmt: skip
from services.cli.letters.mend import Set as SetValue
from services.cli.letters.rules import BadRule, path_of, rule_of_file, rule_of_options, told

names = st.sampled_from(["a", "b", "c", "d.e"])
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
calls = st.dictionaries(names, values, max_size=4)
paths = st.lists(names | st.just("*"), min_size=1, max_size=3).map(tuple)
fixed_paths = st.lists(names, min_size=1, max_size=3).map(tuple)
kinds: st.SearchStrategy[Kind] = st.sampled_from(list(CASTS))
renames = st.builds(Rename, fixed_paths, fixed_paths).filter(
    lambda one: one.path[: len(one.to)] != one.to and one.to[: len(one.path)] != one.path
)
operations = st.one_of(
    st.builds(SetValue, paths, values),
    st.builds(Drop, paths),
    st.builds(Cast, paths, kinds),
    st.builds(Replace, paths, st.just("[a-z]+"), st.just("")),
    renames,
)


def leaves(value: Any) -> list[str]:
    """All values that hold no other ones, in an order of their own."""
    if isinstance(value, dict):
        return sorted(leaf for each in value.values() for leaf in leaves(each))
    if isinstance(value, list):
        return sorted(leaf for each in value for leaf in leaves(each))
    return [repr(value)]


@given(calls, st.lists(operations, max_size=4))
def test_nothing_is_changed_in_place_and_the_result_is_json(
    call: Any, rule: list[Operation]
) -> None:
    before = deepcopy(call)
    result = mended(call, rule)
    assert call == before
    assert json.loads(json.dumps(result)) == result


@given(calls, operations)
def test_twice_is_as_once(call: Any, operation: Operation) -> None:
    once = mended(call, [operation])
    assert mended(once, [operation]) == once


@given(calls, st.lists(operations, max_size=3), st.lists(operations, max_size=3))
def test_a_rule_is_its_operations_one_after_the_other(
    call: Any, first: list[Operation], second: list[Operation]
) -> None:
    assert mended(call, first + second) == mended(mended(call, first), second)


@given(calls, renames)
def test_a_rename_loses_no_value(call: Any, rename: Rename) -> None:
    assert leaves(mended(call, [rename])) == leaves(call)


@given(calls, operations.filter(lambda each: each.path[0] == "a"))
def test_what_is_beside_the_path_stays(call: Any, operation: Operation) -> None:
    touched = {"a", operation.to[0]} if isinstance(operation, Rename) else {"a"}
    result = mended(call, [operation])
    for name in {"a", "b", "c", "d.e"} - touched:
        assert (name in result, result.get(name)) == (name in call, call.get(name))


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), kinds)
def test_a_number_that_was_made_a_text_can_be_made_a_number_again(
    number: float, kind: Kind
) -> None:
    call = {"a": number}
    as_text = mended(call, [Cast(("a",), "text")])
    if len(as_text["a"]) < 30 and abs(number) < 1e300:
        assert mended(as_text, [Cast(("a",), "number")]) == call


@pytest.mark.parametrize(
    ("operation", "before", "after"),
    [
        (SetValue(("p", "c"), "USD"), {}, {"p": {"c": "USD"}}),
        (SetValue(("p", "c"), "USD"), {"p": "text"}, {"p": "text"}),
        (Rename(("p", "Total"), ("p", "total")), {"p": {"Total": 1}}, {"p": {"total": 1}}),
        (Rename(("x",), ("p", "y")), {"x": 1}, {"p": {"y": 1}}),
        (Rename(("x",), ("y",)), {"x": 1, "y": 2}, {"x": 1, "y": 2}),
        (Rename(("x",), ("y", "z")), {"x": 1, "y": 2}, {"x": 1, "y": 2}),
        (
            Rename(("l", "*", "P"), ("l", "*", "p")),
            {"l": [{"P": 1}, {"p": 2}, 3]},
            {"l": [{"p": 1}, {"p": 2}, 3]},
        ),
        (Drop(("l", "*", "x")), {"l": [{"x": 1, "y": 2}, {}]}, {"l": [{"y": 2}, {}]}),
        (Cast(("t",), "number"), {"t": " 29.33 "}, {"t": 29.33}),
        (Cast(("t",), "number"), {"t": "a lot"}, {"t": "a lot"}),
        (Cast(("t",), "integer"), {"t": "7.0"}, {"t": 7}),
        (Cast(("t",), "boolean"), {"t": "True"}, {"t": True}),
        (Cast(("t",), "text"), {"t": 7}, {"t": "7"}),
        (Cast(("t",), "time"), {"t": 1_700_000_000_500}, {"t": "2023-11-14T22:13:20.500000Z"}),
        (Cast(("t",), "time"), {"t": "yesterday"}, {"t": "yesterday"}),
        (Replace(("u",), "^user:", ""), {"u": "user:7"}, {"u": "7"}),
        (Replace(("u",), "a", "b"), {"u": "a" * 300}, {"u": "a" * 300}),
    ],
)
def test_what_each_operation_does(operation: Operation, before: Any, after: Any) -> None:
    assert mended(before, [operation]) == after


RULE = """
- rename: {path: properties.Total, to: properties.total}
- cast: {path: properties.total, to: number}
- set: {path: properties.currency, value: USD}
- drop: {path: 'context.a\\.b'}
- replace: {path: userId, pattern: '^user:', by: ''}
"""


def test_a_file_and_the_options_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(RULE)
    read = rule_of_file(file)
    said = rule_of_options(
        ["properties.Total=properties.total"],
        ["properties.currency=USD"],
        ["properties.total=number"],
        ["context.a\\.b"],
    )
    assert sorted(map(str, read[:4])) == sorted(map(str, said))
    assert told(read).startswith("rename properties.Total to properties.total; cast")


def test_the_record_of_a_rule_names_nobody() -> None:
    assert "ada@x.example" not in told(rule_of_options([], ["userId=ada@x.example"], [], []))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("set: {}", "a list of"),
        ("- set: {path: x}", "takes exactly path, value"),
        ("- sett: {path: x, value: 1}", "no operation 'sett'"),
        ("- cast: {path: x, to: money}", "no kind 'money'"),
        ("- drop: {path: 'a..b'}", "no path"),
        ("- drop: {path: 7}", "a path is a text"),
        ("- rename: {path: a, to: a.b}", "one within the other"),
        ("- rename: {path: 'a.*.b', to: 'c.*.b'}", "up to their last"),
        ("- set: {path: messageId, value: m}", "would become one event"),
        ("- rename: {path: userId, to: messageId}", "would become one event"),
        ("- set: {path: t, value: 2026-01-01}", "no JSON value"),
        ("- replace: {path: a, pattern: '(', by: ''}", "no pattern"),
        ("- replace: {path: a, pattern: '(a+)+', by: ''}", "repeated"),
        ("- replace: {path: a, pattern: 'a*a*a*b', by: ''}", "ends soon"),
        ("- replace: {path: a, pattern: '(a)\\1', by: ''}", "referred to"),
        ("- [", "rule.yaml"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(text)
    with pytest.raises(BadRule, match=says):
        rule_of_file(file)


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5))
@example(["."])
@example(["a", "b."])
@example(["\n", "\\"])
def test_every_name_can_be_written_in_a_path(steps: list[str]) -> None:
    written = ".".join(step.replace("\\", "\\\\").replace(".", "\\.") for step in steps)
    assert path_of(written) == tuple(steps)
