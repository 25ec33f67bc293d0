"""A wrong mapping is told by file, line and field, like every other file of the workspace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.common.workspace_files import WorkspaceError, load_workspaces

EXAMPLE = Path("deploy/workspace")
START = "call: track\nevent: Bought\nuser_id: id\n"
RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "demo"))


def test_the_example_is_a_mapping() -> None:
    assert list(load_workspaces(EXAMPLE)["demo"].mappings) == ["orders"]


WRONG = {
    "an unknown field": (
        START + "time:\n  colunm: at\n",
        [
            "4: `time.column` is missing; add `column`",
            "5: `time.colunm` is no field that is known here; did you mean `column`?",
        ],
    ),
    "an unknown field of a property": (
        START + "properties:\n  a: {column: x, typ: text}\n",
        ["5: `properties.a.typ` is no field that is known here; did you mean `type`?"],
    ),
    "a field of its own": (
        START + "proprties: {}\n",
        ["4: `proprties` is no field that is known here; did you mean `properties`?"],
    ),
    "an unknown call": (
        "call: buy\nuser_id: id\n",
        ["1: `call` is 'buy' and should be 'track', 'identify', 'page', 'screen', 'group' or "
         "'alias'; write 'track', 'identify', 'page', 'screen', 'group' or 'alias'"],
    ),
    "no zone": (
        START + "time: {column: at, zone: Mars/Base}\n",
        ["4: `time.zone` is 'Mars/Base'; write one like Europe/Berlin"],
    ),
    "no pattern": (
        START + "time: {column: at, format: epoch}\n",
        ["4: `time.format` is 'epoch'; write iso, s, ms, us, ns, days or a pattern like "
         "%d.%m.%Y %H:%M"],
    ),
    "a track call without an event": (
        "call: track\nuser_id: id\n",
        ["1: `event` is missing; a track call has one, the others have none"],
    ),
    "nobody": (
        "call: page\n",
        ["1: `user_id` is missing, and whatever else could name somebody; "
         "name a column for `user_id`, `anonymous_id`, `email` or `phone`"],
    ),
    "properties of an identify call": (
        "call: identify\nuser_id: id\nproperties:\n  a: b\n",
        ["3: `properties` are not read of identify calls; write `traits`"],
    ),
    "a target within another": (
        START + "properties:\n  a: b\n  a.c: d\n",
        ["4: `properties` has 'a.c' inside 'a'; keep one of them"],
    ),
    "a column and a constant": (
        START + "properties:\n  a: {column: b, value: c}\n",
        ["5: `properties.a.column` and `value` are not just one; write either of the two"],
    ),
    "a currency of no money": (
        START + "properties:\n  a:\n    column: b\n    currency: EUR\n",
        ["7: `properties.a.currency` is of money only; write `type: money`, or take it out"],
    ),
    "no fields": ("- call\n", ["1: `mappings.bad` is no list of fields; write `field: value`"]),
    "no YAML": ("call: [\n", ["2: is not YAML"]),
    "a format that says something twice": (  # found by `make fuzz`: re.error
        START + "time: {column: at, format: '%H %H'}\n",
        ["4: `time.format` is '%H %H'"],
    ),
    "a key that names no column": (  # found by `make fuzz`: half of an emoji, in each letter
        START + 'key: [id, "\\ud83d", ""]\n',
        ["4: `key.1` is '\\ud83d' and should be a valid string", "4: `key.2` is ''"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line_and_the_mend(
    folder: Path, content: str, said: list[str]
) -> None:
    (folder / "mappings" / "bad.yaml").write_text(content)
    with pytest.raises(WorkspaceError) as raised:
        load_workspaces(folder)
    told = str(raised.value).replace(f"{folder}/mappings/bad.yaml:", "").split("\n")
    assert len(told) == len(said)
    for one, wanted in zip(told, said, strict=True):
        assert one.startswith(wanted)


def test_mappings_have_a_folder_of_their_own(folder: Path) -> None:
    (folder / "workspace.yaml").write_text("name: demo\nmappings: {}\n")
    with pytest.raises(WorkspaceError, match=r"`mappings` has a folder of its own; use mappings/N"):
        load_workspaces(folder)


def test_the_command_sees_them(folder: Path) -> None:
    (folder / "mappings" / "bad.yaml").write_text(START + "key: id\n")
    told = RUN.invoke(app("workspace"), ["workspace", "check", str(folder)])
    assert told.exit_code == 1
    assert "bad.yaml:4: `key` is no list; begin each item with `- `" in told.output
