"""A folder of YAML files → workspaces; or what is wrong, by file, line and field, and the mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.common.plan import Plan
from services.common.workspace import Workspace
from services.common.workspace_mends import mend_of, what_is_wrong
from services.common.workspace_parts import Part

#: File of the folder -> field of Workspace; workspace.yaml holds the plain fields.
FILES: Final = {
    "sources.yaml": "sources",
    "identity.yaml": "identity",
    "lifecycle.yaml": "lifecycle",
    "alerts.yaml": "alerts",
    "endpoints.yaml": "endpoints",
    "api_keys.yaml": "api_keys",
}
PLAIN: Final = "workspace.yaml"
#: Folder of the folder -> field of Workspace: each file of it is one item, named after the file.
FOLDERS: Final = {"plans": "plans"}
#: Likewise of mappings, which are asked for by their name.
MAPPINGS: Final = "mappings"
_FILE_OF: Final = {field: name for name, field in FILES.items()}


Place = Sequence[str | int]
Some = TypeVar("Some", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file, and what to do about it. `line` counts from 1."""

    file: Path
    line: int
    field: str
    what: str
    mend: str

    def __str__(self) -> str:
        field = f"`{self.field}` " if self.field else ""
        return f"{self.file}:{self.line}: {field}{self.what}; {self.mend}"


class WorkspaceError(Exception):
    """Workspace files are wrong: every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def load_workspaces(folder: Path) -> dict[str, Workspace]:
    """All workspaces below a folder (or the one in it), by name. WorkspaceError when wrong."""
    if (folder / PLAIN).is_file():
        folders = [folder]
    else:
        folders = sorted(path.parent for path in folder.glob(f"*/{PLAIN}"))
    if not folders:
        missing = Problem(folder / PLAIN, 1, "", "is not there", "set RAPPORT_WORKSPACE")
        raise WorkspaceError([missing])
    found: dict[str, Workspace] = {}
    problems: list[Problem] = []
    for one in folders:
        try:
            workspace = _load(one)
        except WorkspaceError as error:
            problems += error.problems
            continue
        if workspace.name in found:
            what, mend = f"is {workspace.name!r} in another folder as well", "choose another name"
            problems.append(Problem(one / PLAIN, 1, "name", what, mend))
        found[workspace.name] = workspace
    if problems := problems or _shared_keys(folders, found):
        raise WorkspaceError(problems)
    return found


def _shared_keys(folders: Sequence[Path], found: Mapping[str, Workspace]) -> list[Problem]:
    """API keys that would open two workspaces."""
    seen: set[str] = set()
    problems = []
    for folder, workspace in zip(folders, found.values(), strict=True):
        own = {one.lower() for key in workspace.api_keys.keys for one in key.key_hashes}
        if own & seen:
            what = "has a key of another workspace"
            problems.append(Problem(folder / "api_keys.yaml", 1, "keys", what, "let one keep it"))
        seen |= own
    return problems


def _load(folder: Path) -> Workspace:
    files = {name: _File(folder / name) for name in (PLAIN, *FILES) if (folder / name).is_file()}
    several = {name: _files_in(folder / name) for name in FOLDERS}
    files |= {f"{name}/{one.path.name}": one for name in several for one in several[name]}
    mappings = {one.path.stem: one for one in _files_in(folder / MAPPINGS)}
    files |= {f"{MAPPINGS}/{name}.yaml": one for name, one in mappings.items()}
    problems = [problem for file in files.values() for problem in file.problems]
    if problems:
        raise WorkspaceError(problems)
    content = _plain_fields(files[PLAIN])
    for name, field in FILES.items():
        if name in files and files[name].value is not None:  # an empty file says nothing
            content[field] = files[name].value
    for name, field in FOLDERS.items():
        content[field] = [_named(one) for one in several[name]]
    content[MAPPINGS] = {name: one.value for name, one in mappings.items()}
    return _validated(Workspace, content, files)


def _validated(model: type[Some], content: dict[str, Any], files: Mapping[str, _File]) -> Some:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise WorkspaceError([_problem(files, fault) for fault in faults]) from None


def load_plan(path: Path) -> Plan:
    """The tracking plan of one file, wherever it lies. WorkspaceError when it is wrong."""
    file = _File(path)
    if file.problems:
        raise WorkspaceError(file.problems)
    return _validated(_Plans, {"plans": [_named(file)]}, {f"plans/{path.name}": file}).plans[0]


class _Plans(Part):
    plans: tuple[Plan, ...]


def _files_in(folder: Path) -> list[_File]:
    return [_File(path) for path in sorted(folder.glob("*.yaml"))]


def _named(file: _File) -> dict[str, Any]:
    """The fields of a file that is one item, with its name."""
    fields = {} if file.value is None else file.value
    if not isinstance(fields, dict):
        raise WorkspaceError([Problem(file.path, 1, "", "is no list of fields", "write `field:`")])
    if "name" in fields:
        what, line = "is that of the file", file.line_of(["name"])
        raise WorkspaceError([Problem(file.path, line, "name", what, "take it out")])
    return {"name": file.path.stem, **fields}


def _plain_fields(file: _File) -> dict[str, Any]:
    plain = {} if file.value is None else file.value
    if not isinstance(plain, dict):
        raise WorkspaceError([Problem(file.path, 1, "", "is no list of fields", "write name: ...")])
    elsewhere = [
        Problem(
            file.path,
            file.line_of([field]),
            field,
            f"has a {_kind(name)} of its own",
            f"use {name}",
        )
        for name, field in (FILES | FOLDERS | {f"{MAPPINGS}/NAME.yaml": MAPPINGS}).items()
        if field in plain
    ]
    if elsewhere:
        raise WorkspaceError(elsewhere)
    return dict(plain)


def _kind(name: str) -> str:
    return "folder" if "/" in name else "file"


class _File:
    """One YAML file: its value, and where each field of it stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value: Any = None
        self.problems: list[Problem] = []
        self._root: yaml.Node | None = None
        try:
            text = path.read_text(encoding="utf-8")
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            self.value = yaml.safe_load(text)
        except OSError as error:
            self._wrong(1, f"can not be read: {error.strerror}", "let the service's user read it")
        except UnicodeDecodeError:
            self._wrong(1, "is not UTF-8", "save it as UTF-8")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or str(error)
            self._wrong(mark.line + 1 if mark else 1, f"is not YAML: {said}", "mend this line")
        for line, name in _repeated(self._root, set()):
            self._wrong(line, "is there twice", "keep one of them", name)

    def _wrong(self, line: int, what: str, mend: str, field: str = "") -> None:
        self.problems.append(Problem(self.path, line, field, what, mend))

    def line_of(self, place: Place) -> int:
        """The line of a field, or of what it is missing from."""
        node, line = self._root, 1
        for part in place:
            found = _inside(node, part)
            if found is None:
                break
            line, node = found
        return line


def _inside(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """(line, node) of a field of a mapping, or of an item of a list."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None


def _repeated(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[int, str]]:
    """(line, name) of fields that stand in one mapping twice: YAML would take the last."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if key.value in names:
                yield key.start_mark.line + 1, str(key.value)
            elif isinstance(key, yaml.ScalarNode):
                names.add(key.value)
            yield from _repeated(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, seen)


def _problem(files: Mapping[str, _File], fault: ErrorDetails) -> Problem:
    place = fault["loc"]
    if fault["type"] == "rule":
        place = (*place, *fault["ctx"]["field"])
    name = _FILE_OF.get(str(place[0]), PLAIN) if place else PLAIN
    inside = place[1:] if name != PLAIN else place
    if place and place[0] in FOLDERS.values():
        name = [one for one in files if one.startswith(f"{place[0]}/")][int(place[1])]
        inside = place[2:]
    elif len(place) > 1 and place[0] == MAPPINGS:
        name, inside = f"{MAPPINGS}/{place[1]}.yaml", place[2:]
    field = ".".join(map(str, inside or place))
    if name not in files:
        missing = files[PLAIN].path.with_name(name)
        return Problem(missing, 1, "", "is not there", "copy it from deploy/workspace")
    line = files[name].line_of(inside)
    return Problem(files[name].path, line, field, what_is_wrong(fault), mend_of(fault))
