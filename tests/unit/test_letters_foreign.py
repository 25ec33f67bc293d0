"""Letters of records in the words of others: understood anew, by the mappings of today."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from services.cli.letters.back import back
from services.cli.letters.ways import Back, Held, Sent
from services.common.batch import Record
from services.common.workspace import Workspace
from services.ingest.keys import Doors
from tests.unit.ingest_builders import SALT, WORKSPACES
from tests.unit.mapping_builders import ROW, mapping, workspace
from tests.unit.test_ingest_foreign import PAID, binary, change, record, structured
from tests.unit.test_ingest_stream import FakeMessage, turned
from tests.unit.test_letters_back import NOW, kept

MAPPED = {"demo": workspace(paid=PAID, row=mapping(time=None, debezium={"table": "orders"}))}
RECORDS = {
    "binary": binary(ROW),
    "structured": structured(ROW),
    "debezium": record(change("c", None, ROW)),
}


def message_of(one: Record, offset: int = 7) -> FakeMessage:
    return FakeMessage(one.value, offset, **dict(one.headers))


def letters_of(one: Record, workspaces: dict[str, Workspace]) -> list[DeadLetter]:
    values = turned(message_of(one), workspaces=workspaces).values
    return [DeadLetter.model_validate_json(value) for value in values]


def sent_back(letter: DeadLetter, workspaces: dict[str, Workspace]) -> Back:
    return back(kept(letter), (), Doors(workspaces, SALT), NOW)


def arrived(sent: Sent, workspaces: dict[str, Workspace]) -> list[Any]:
    assert sent.key is None, "as the record had none"
    again = FakeMessage(sent.value, 70, **dict(sent.headers))
    return [json.loads(value) for value in turned(again, workspaces=workspaces).values]


@pytest.mark.parametrize("kind", RECORDS)
def test_what_no_mapping_was_for_is_let_in_once_there_is_one(kind: str) -> None:
    one = RECORDS[kind]
    [letter] = letters_of(one, WORKSPACES)
    assert b64decode(letter.original) == one.value
    assert isinstance(sent_back(letter, WORKSPACES), Held)
    sent = sent_back(letter, MAPPED)
    assert isinstance(sent, list), sent
    [found] = arrived(sent[0], MAPPED)
    [direct] = turned(message_of(one), workspaces=MAPPED).values
    assert found["event_id"] == json.loads(direct)["event_id"] == sent[0].event_id
    assert found["properties"] == json.loads(direct)["properties"]


def test_a_record_that_is_several_calls_comes_back_as_several() -> None:
    """Each under the id that it would have had, though the letters are of one record."""
    table = {"table": "orders"}
    two = {name: mapping(event=name, time=None, debezium=table) for name in ("One", "Two")}
    later, one = {"demo": workspace(**two)}, record(change("c", None, ROW))
    [letter] = letters_of(one, WORKSPACES)
    sent = sent_back(letter, later)
    assert isinstance(sent, list)
    direct = [json.loads(value) for value in turned(message_of(one), workspaces=later).values]
    ids = {value["event_id"] for value in direct}
    assert len(ids) == 2
    assert {value["event_id"] for value in arrived(sent[0], later)} == ids


def test_a_refused_call_of_a_mapping_keeps_the_record_itself() -> None:
    one = record(change("c", None, ROW | {"amount": "much"}))
    [letter] = letters_of(one, MAPPED)
    assert b64decode(letter.original) == one.value
    assert isinstance(sent_back(letter, MAPPED), Held)
