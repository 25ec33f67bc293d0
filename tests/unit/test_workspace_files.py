"""A wrong workspace file is told by file, line and field, with the mend; nothing else happens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.common.workspace_files import FILES, PLAIN, WorkspaceError, load_workspaces

EXAMPLE = Path("deploy/workspace")
HASH = "a" * 64
RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "demo"))


def problems(folder: Path) -> list[str]:
    """What is said of the folder, without where it lies."""
    with pytest.raises(WorkspaceError) as raised:
        load_workspaces(folder)
    return str(raised.value).replace(f"{folder}/", "").split("\n")


def test_the_example_is_right() -> None:
    assert list(load_workspaces(EXAMPLE)) == ["demo"]


WRONG = {
    "an unknown field": (
        "sources.yaml",
        f"- name: web\n  kind: http\n  key_hashs: [{HASH}]\n",
        "sources.yaml:3: `0.key_hashs` is no field that is known here; did you mean `key_hashes`?",
    ),
    "a field that is like no other": (
        "alerts.yaml",
        "zzz: 1\n",
        "alerts.yaml:1: `zzz` is no field that is known here; "
        "known are churn_alive_below, complaint_hours_max",
    ),
    "a missing field": (
        "identity.yaml",
        "kinds:\n  - {kind: email}\n",
        "identity.yaml:2: `kinds.0.limit` is missing; add `limit`",
    ),
    "a choice": (
        "sources.yaml",
        "- name: web\n  kind: htp\n",
        "sources.yaml:2: `0.kind` is 'htp' and should be 'http', 'kafka' or 'file'; "
        "write 'http', 'kafka' or 'file'",
    ),
    "a number that is too large": (
        "alerts.yaml",
        "# how likely\nchurn_alive_below: 1.5\n",
        "alerts.yaml:2: `churn_alive_below` is 1.5 and should be less than 1; choose another value",
    ),
    "text without quotes": (
        "sources.yaml",
        "- name: 5\n",
        "sources.yaml:1: `0.name` is 5 and should be a valid string; put it in quotes",
    ),
    "a key instead of its hash, which is not repeated": (
        "sources.yaml",
        "- name: web\n  key_hashes:\n    - my-secret-key\n",
        "sources.yaml:3: `0.key_hashes.0` should match pattern '^[0-9a-fA-F]{64}$'; "
        "write what `printf 'KEY' | sha256sum` prints",
    ),
    "no list": (
        "sources.yaml",
        "name: web\n",
        "sources.yaml:1: `sources` is no list; begin each item with `- `",
    ),
    "no fields": (
        "sources.yaml",
        "- web\n",
        "sources.yaml:1: `0` is no list of fields; write `field: value`",
    ),
    "a name that is taken": (
        "sources.yaml",
        "- name: web\n- name: shop\n- name: web\n",
        "sources.yaml:3: `2` has the name 'web' of another one; let one keep it",
    ),
    "a key that opens two sources": (
        "sources.yaml",
        f"- name: web\n  key_hashes: [{HASH}]\n- name: shop\n  key_hashes: [{HASH.upper()}]\n",
        f"sources.yaml:3: `1` has the key {HASH!r} of another one; let one keep it",
    ),
    "a kind of identifier twice": (
        "identity.yaml",
        "kinds:\n  - {kind: email, limit: 1}\n  - {kind: email, limit: 2}\n",
        "identity.yaml:3: `kinds.1` has the kind 'email' of another one; let one keep it",
    ),
    "thresholds the wrong way round": (
        "lifecycle.yaml",
        "dormant_stays: 0.3\ndormant_enters: 0.4\n",
        "lifecycle.yaml:1: `dormant_stays` is 0.3 and `dormant_enters` is 0.4; "
        "let `dormant_stays` be the larger one",
    ),
    "a field twice, of which YAML would take the last": (
        "alerts.yaml",
        "churn_alive_below: 0.5\n# x\nchurn_alive_below: 0.6\n",
        "alerts.yaml:3: `churn_alive_below` is there twice; keep one of them",
    ),
    "no YAML": (
        "alerts.yaml",
        "churn_alive_below: 0.5\nx: [\n",
        "alerts.yaml:3: is not YAML: expected the node content, but found '<stream end>'; "
        "mend this line",
    ),
    "what has a file of its own": (
        PLAIN,
        "name: demo\nsources: []\n",
        "workspace.yaml:2: `sources` has a file of its own; use sources.yaml",
    ),
    "a list for fields": (
        PLAIN,
        "- demo\n",
        "workspace.yaml:1: is no list of fields; write name: ...",
    ),
    "nothing at all": (PLAIN, "", "workspace.yaml:1: `name` is missing; add `name`"),
}


@pytest.mark.parametrize(("file", "content", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line_and_the_mend(
    folder: Path, file: str, content: str, said: str
) -> None:
    (folder / file).write_text(content)
    assert problems(folder) == [said]


def test_every_problem_of_every_file_is_told_at_once(folder: Path) -> None:
    (folder / "alerts.yaml").write_text("churn_alive_below: 2\n")
    (folder / "sources.yaml").write_text("- nam: web\n- name: ''\n")
    assert [one.split(" ")[0] for one in problems(folder)] == [
        "sources.yaml:1:", "sources.yaml:1:", "sources.yaml:2:", "alerts.yaml:1:",
    ]  # fmt: skip


def test_a_file_that_is_needed_and_one_that_can_not_be_read(folder: Path) -> None:
    (folder / "identity.yaml").unlink()
    assert problems(folder) == ["identity.yaml:1: is not there; copy it from deploy/workspace"]
    (folder / "alerts.yaml").write_bytes(b"churn_alive_below: \xff\n")
    assert problems(folder) == ["alerts.yaml:1: is not UTF-8; save it as UTF-8"]


def test_an_empty_file_says_nothing(folder: Path) -> None:
    (folder / "lifecycle.yaml").write_text("# nothing yet\n")
    assert load_workspaces(folder)["demo"].lifecycle.dormant_enters == 0.40


def test_a_folder_without_a_workspace_names_the_setting(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["workspace.yaml:1: is not there; set RAPPORT_WORKSPACE"]


def test_two_workspaces_have_two_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(EXAMPLE, tmp_path / name)
    assert problems(tmp_path) == [
        "b/workspace.yaml:1: `name` is 'demo' in another folder as well; choose another name"
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "kinds", "kind", "url", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(file=st.sampled_from([PLAIN, *FILES]), value=values | st.text(max_size=30))
def test_whatever_a_file_holds_is_taken_or_told(folder: Path, file: str, value: Any) -> None:
    """And every problem has a line that the file has."""
    path = folder / file
    kept = path.read_bytes()
    text = value if isinstance(value, str) else yaml.safe_dump(value)
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        load_workspaces(folder)
    except WorkspaceError as error:
        for problem in error.problems:
            assert problem.file == path
            assert 1 <= problem.line <= len(text.splitlines()) + 1
            assert problem.what
            assert problem.mend
    finally:
        path.write_bytes(kept)


def test_the_command_tells_people_and_scripts(folder: Path) -> None:
    right = RUN.invoke(app("workspace"), ["workspace", "check", str(folder)])
    assert (right.exit_code, right.output) == (
        0,
        "ok  demo: 2 sources, 4 identifier kinds, 1 endpoints, USD\n",
    )
    (folder / "alerts.yaml").write_text("churn_alive_below: 2\n")
    wrong = RUN.invoke(app("workspace"), ["workspace", "check", str(folder)])
    assert wrong.exit_code == 1
    assert f"{folder}/alerts.yaml:1: `churn_alive_below` is 2" in wrong.output
    told = RUN.invoke(app("workspace"), ["workspace", "check", str(folder), "--json"])
    assert told.exit_code == 1
    [problem] = json.loads(told.output)["problems"]
    assert (problem["line"], problem["field"]) == (1, "churn_alive_below")
