"""Plans are files of the workspace: what is wrong in one is told by its line, and mended there."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.workspace_files import load_workspaces
from services.common.workspace_watch import WorkspaceWatch
from tests.unit.test_workspace_files import folder, problems
from tests.unit.test_workspace_watch import Watched

__all__ = ["folder"]

RIGHT = """\
sources: [web]
unplanned: allow
events:
  Wishlist Shared:
    mode: quarantine
    schema:
      required: [size]
      properties:
        size: {type: integer, minimum: 1}
  identified:
    traits: {required: [email]}
"""


def write(folder: Path, text: str, name: str = "shop") -> None:
    (folder / "plans").mkdir(exist_ok=True)
    (folder / "plans" / f"{name}.yaml").write_text(text)


def test_a_plan_is_named_after_its_file_and_is_for_its_sources(folder: Path) -> None:
    write(folder, RIGHT)
    write(folder, "unplanned: block\n", "others")
    demo = load_workspaces(folder)["demo"]
    assert [plan.name for plan in demo.plans] == ["others", "shop"]
    found = {source: demo.plan_of(source) for source in ("web", "inbound")}
    assert {source: plan.name for source, plan in found.items() if plan} == {
        "web": "shop",
        "inbound": "others",
    }


def test_without_plans_there_is_none(folder: Path) -> None:
    assert load_workspaces(folder)["demo"].plan_of("web") is None


WRONG = {
    "a mode that is none": (
        "events:\n  A:\n    mode: alow\n",
        "plans/shop.yaml:3: `events.A.mode` is 'alow' and should be 'allow', 'quarantine' or "
        "'block'; write 'allow', 'quarantine' or 'block'",
    ),
    "a field that is none": (
        "events:\n  A:\n    shema: {}\n",
        "plans/shop.yaml:3: `events.A.shema` is no field that is known here; "
        "did you mean `schema`?",
    ),
    "a keyword deep inside": (
        "events:\n  A:\n    schema:\n      properties:\n        a:\n          minimun: 1\n",
        "plans/shop.yaml:6: `events.A.schema.properties.a.minimun` is no keyword of JSON Schema; "
        "did you mean `minimum`?",
    ),
    "a pattern that is none": (
        "events:\n  A:\n    schema:\n      properties:\n        a: {pattern: '('}\n",
        "plans/shop.yaml:5: `events.A.schema.properties.a.pattern` is no JSON Schema: "
        'the value is not a "regex"; write a short one without look-around and back references',
    ),
    "a date of YAML": (
        "events:\n  A:\n    schema: {const: 2026-01-01}\n",
        "plans/shop.yaml:3: `events.A.schema` is no JSON: Unsupported type: 'date'; "
        "put it in quotes",
    ),
    "a kind in the spelling of senders": (
        "events:\n  Order Completed: {}\n",
        "plans/shop.yaml:2: `events.Order Completed` is the kind 'order_completed' in another "
        "spelling; write `order_completed`",
    ),
    "custom, which is no event": (
        "events:\n  custom: {}\n",
        "plans/shop.yaml:2: `events.custom` names no event; write the name that senders use",
    ),
    "traits where there are none": (
        "events:\n  A:\n    mode: block\n    traits: {required: [a]}\n",
        "plans/shop.yaml:4: `events.A.traits` is for an event without traits; "
        "only account_linked and identified have them",
    ),
    "a source that is not there": (
        "unplanned: allow\nsources:\n  - web\n  - wob\n",
        "plans/shop.yaml:4: `sources.1` is 'wob', which is no source; known are inbound, web",
    ),
    "a name of its own": (
        "events: {}\nname: other\n",
        "plans/shop.yaml:2: `name` is that of the file; take it out",
    ),
    "a list": ("- a\n", "plans/shop.yaml:1: is no list of fields; write `field:`"),
    "no YAML": (
        "events: [\n",
        "plans/shop.yaml:2: is not YAML: expected the node content, but found '<stream end>'; "
        "mend this line",
    ),
}


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line_and_the_mend(
    folder: Path, content: str, said: str
) -> None:
    write(folder, "sources: [inbound]\n", "another")
    write(folder, content)
    assert problems(folder) == [said]


def test_a_source_has_one_plan(folder: Path) -> None:
    write(folder, "sources: [web]\n", "a")
    write(folder, "unplanned: allow\nsources: [inbound, web]\n", "b")
    assert problems(folder) == [
        "plans/b.yaml:2: `sources.1` is for 'web', as plan 'a' is; "
        "name other `sources` in one of them"
    ]
    write(folder, "", "a")
    write(folder, "", "b")
    [said] = problems(folder)
    assert said.startswith("plans/b.yaml:1: `plans.1` is for 'all sources', as plan 'a' is;")


def test_a_name_that_is_no_name(folder: Path) -> None:
    write(folder, "", "My Plan")
    [said] = problems(folder)
    assert said.startswith("plans/My Plan.yaml:1: `name` is 'My Plan' and should match")


@pytest.mark.parametrize("deep", [False, True], ids=["one workspace", "several"])
def test_a_plan_is_taken_and_a_wrong_one_changes_nothing(tmp_path: Path, deep: bool) -> None:
    watched = Watched(tmp_path)
    if not deep:  # the folder of the one workspace itself is watched
        taken: list[object] = watched.taken  # type: ignore[assignment]
        known = load_workspaces(watched.folder)
        watched.watch = WorkspaceWatch(watched.folder, known, taken.append)
        watched.look(2)
    write(watched.folder, RIGHT)
    watched.look(2)
    [plan] = watched.taken[-1]["demo"].plans
    assert (plan.name, plan.unplanned) == ("shop", "allow")
    write(watched.folder, RIGHT.replace("minimum", "minimun"))
    watched.look(3)
    assert len(watched.taken) == 1
