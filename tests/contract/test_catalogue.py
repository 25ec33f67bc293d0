"""The catalogue of touchpoints: files, registry, names and documentation say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue, generate
from schemas.base import to_json
from schemas.touchpoints import FAMILIES, KINDS, SAMPLES
from schemas.touchpoints.spoken import EVENTS, FIELDS, FIELDS_OF, names_of
from services.profile.domain.folds.table import KIND_OF
from services.scoring.rows.touchpoints import TYPED_KINDS, rows
from tests.columns_messages import touchpoint as resolved
from tests.unit.ingest_builders import accepted

PAGE = (generate.FOLDER.parent / generate.CATALOGUE).read_text(encoding="utf-8")
#: Modules beside the kinds.
SHARED = {"__init__", "common", "steps", "spoken"}


def described(kind: str) -> str:
    """The kind's section of the committed page."""
    return re.split(r"(?m)^##+ ", PAGE.partition(f"\n### {kind}\n")[2])[0]


def test_every_file_is_a_kind_in_a_family_and_named_after_it() -> None:
    files = {path.stem for path in (Path("schemas") / "touchpoints").glob("*.py")} - SHARED
    assert files == KINDS.keys()
    for kind, model in KINDS.items():
        assert model.__module__ == f"schemas.touchpoints.{kind}"
    assert [model for family in FAMILIES.values() for model in family] == list(KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_valid_complete_and_survives_a_round_trip(kind: str) -> None:
    model = KINDS[kind]
    one = model.model_validate(SAMPLES[kind])
    assert model.model_validate_json(one.model_dump_json()) == one
    missing = set(model.model_fields) - SAMPLES[kind].keys()
    assert missing <= {"referrer"}, "a referral names one of the two"
    assert not one.model_extra, "a sample shows the fields of its kind"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_every_field_with_what_it_is_and_an_example(kind: str) -> None:
    rows = [
        line.split(" | ") for line in described(kind).splitlines() if re.match(r"\| \**`", line)
    ]
    fields = {re.findall(r"`(\w+)`", row[0])[0]: row for row in rows}
    assert fields.keys() == KINDS[kind].model_fields.keys() - {"kind"}
    for row in fields.values():
        assert row[1]
        if "`url`" not in row[0]:
            assert row[3]
        assert row[4].startswith("`")


@pytest.mark.parametrize("kind", KINDS)
def test_the_call_that_the_page_shows_is_accepted_as_its_kind(kind: str) -> None:
    [block] = re.findall(r"```json\n(.*?)```", described(kind), re.DOTALL)
    call: dict[str, Any] = json.loads(block)
    assert call == catalogue.call_of(kind)
    meant = KINDS[kind].model_validate(SAMPLES[kind])
    assert accepted(call | {"messageId": "m-1"}).properties.model_dump() == meant.model_dump()


def test_the_page_lists_the_kinds_and_their_names_and_nothing_else() -> None:
    assert re.findall(r"(?m)^### (\w+)$", PAGE) == list(KINDS)
    contents, _, _ = PAGE.partition("\n## ")
    assert re.findall(r"\((#\w+)\)", contents) == [f"#{kind}" for kind in KINDS]
    for name, (kind, _) in EVENTS.items():
        assert name in described(kind)


def test_other_names_lead_to_kinds_and_fields_that_there_are() -> None:
    assert {kind for kind, _ in EVENTS.values()} | FIELDS_OF.keys() <= KINDS.keys()
    own = {kind.replace("_", " ").casefold() for kind in KINDS}
    assert not own & {name.casefold() for name in EVENTS}, "a kind is known by its own name"
    for kind, fields in FIELDS_OF.items():
        assert fields.keys() <= KINDS[kind].model_fields.keys()
    for kind, says in EVENTS.values():
        assert says.keys() <= KINDS[kind].model_fields.keys()
    anywhere = {field for model in KINDS.values() for field in model.model_fields}
    assert FIELDS.keys() <= anywhere


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_of_a_field_is_another_fields_too(kind: str) -> None:
    fields = KINDS[kind].model_fields
    names = [name for field in fields for name in names_of(kind, field)]
    assert len(names) == len(set(names))


def test_only_fields_of_a_kind_are_read_further_on_since_extras_may_be_anything() -> None:
    read = {kind: decoder.type.__struct_fields__ for kind, decoder in TYPED_KINDS.items()}
    classes: list[Any] = list(KIND_OF)
    folded = {str(one.__struct_config__.tag): one.__struct_fields__ for one in classes}
    for fields_of in (read, folded):
        for kind, fields in fields_of.items():
            assert set(fields) <= KINDS[kind].model_fields.keys(), kind


def test_an_extra_of_any_type_gets_into_the_columns() -> None:
    odd = resolved("complaint_handled", severity="high", product=[1])
    [(_, row)] = rows(to_json(odd), 1)
    assert "C-77" in row
