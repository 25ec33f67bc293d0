"""The conventions that can be tested: imports, documentation, the size of files."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.topics import TOPICS
from services.cli.reference import with_tables
from services.common import failpoints
from services.common.settings import Settings

ROOT = Path(__file__).parents[2]
SERVICES = ("ingest", "profile", "scoring", "journey")
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: scipy's optimiser and special functions carry the published formulas of the scores.
DOMAIN_EXTRAS = {"scoring": {"scipy"}}
#: Fast codecs are values in, values out, like json; zlib and hashes are of the standard library.
DOMAIN_CODECS = {"msgspec", "orjson", "pydantic"}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_services_never_import_each_other(service: str) -> None:
    others = {f"services.{other}" for other in SERVICES if other != service}
    for path in sources(f"services/{service}"):
        taken = {name for name in imports(path) if ".".join(name.split(".")[:2]) in others}
        assert not taken, f"{path.relative_to(ROOT)} imports {taken}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_imports_the_standard_library_numpy_schemas_and_itself(service: str) -> None:
    allowed = {"numpy", "schemas", *DOMAIN_CODECS, *sys.stdlib_module_names}
    allowed |= DOMAIN_EXTRAS.get(service, set())
    for path in sources(f"services/{service}/domain"):
        for name in imports(path):
            own = name.startswith((f"services.{service}.domain", "services.common.batch"))
            rules = name in ("services.common.workspace", "services.common.spelling")
            assert own or rules or name.split(".")[0] in allowed, (
                f"{path.relative_to(ROOT)}: {name}"
            )


def test_a_domain_reads_no_clock_and_throws_no_dice() -> None:
    forbidden = re.compile(r"\b(time\.time|datetime\.now|utcnow|monotonic|uuid4|random\.\w+)\(")
    for service in SERVICES:
        for path in sources(f"services/{service}/domain"):
            assert not forbidden.search(path.read_text(encoding="utf-8")), path.relative_to(ROOT)


def test_schemas_import_no_service() -> None:
    for path in sources("schemas"):
        assert not {n for n in imports(path) if n.startswith("services")}, path.relative_to(ROOT)


def test_common_knows_no_service() -> None:
    for path in sources("services/common"):
        taken = {n for n in imports(path) if n.startswith(tuple(f"services.{s}" for s in SERVICES))}
        assert not taken, path.relative_to(ROOT)


def test_every_module_opens_with_a_sentence() -> None:
    for path in sources("schemas", "services", "deploy", "tests"):
        text = path.read_text(encoding="utf-8")
        assert not text.strip() or ast.get_docstring(ast.parse(text)), path.relative_to(ROOT)


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by their name alone, and refuses the second one."""
    names = Counter(path.name for path in sources("tests") if path.name.startswith("test_"))
    assert [name for name, times in names.items() if times > 1] == []


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources("schemas", "services", "deploy")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_the_readme_names_every_setting() -> None:
    missing = [name for name in Settings.model_fields if f"RAPPORT_{name.upper()}" not in README]
    assert not missing


def test_the_readme_names_every_topic() -> None:
    assert [topic.name for topic in TOPICS if f"`{topic.name}`" not in README] == []


def test_the_readme_names_every_metric() -> None:
    declared = re.compile(r"\"(rapport_[a-z_]+)\"")
    names = {
        name
        for path in [*sources("services")]
        if path.name.endswith("metrics.py")
        for name in declared.findall(path.read_text(encoding="utf-8"))
    }
    assert len(names) > 10
    assert sorted(name for name in names if name not in README) == []


def test_every_failpoint_that_is_passed_is_on_the_list() -> None:
    passed = re.compile(r"\bhit\(\"([a-z_]+)\"\)")
    found = {
        name
        for path in sources("services")
        for name in passed.findall(path.read_text(encoding="utf-8"))
    }
    assert found <= set(failpoints.NAMES)


def test_no_path_of_a_machine_and_no_registry_is_named() -> None:
    forbidden = re.compile(
        r"/work/|/root/|/home/\w+/|pypi\.org|files\.pythonhosted|repo1?\.maven"
        r"|registry\.npmjs|proxy\.golang"
    )
    for path in [*sources("schemas", "services", "deploy", "tests"), ROOT / "README.md"]:
        if path.name != Path(__file__).name:
            assert not forbidden.search(path.read_text(encoding="utf-8")), path.relative_to(ROOT)
    assert "//" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_readme_tables_are_fresh() -> None:
    assert with_tables(README) == README, "run `python -m services.cli.reference` and commit"
