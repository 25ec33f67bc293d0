"""`rapport dead-letters` over a ClickHouse that holds some."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id
from schemas.dead_letter import DeadLetter, Reason
from services.cli.__main__ import app
from services.cli.letters.letter import PAGE_LETTERS, Which, letters_of
from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.scoring.store import DATABASE, migrate
from tests.columns_engine import fill
from tests.columns_messages import LETTER

RUN = CliRunner()
ORIGINAL = '{"userId": "ada", "email": "ada@x.example", "timestamp": "9999"}'
NOW = datetime.now(UTC)


def letter(number: int, reason: Reason, age: timedelta, **changes: Any) -> DeadLetter:
    return LETTER.model_copy(
        update={
            "workspace": "letters",
            "event_id": derived_id("a letter of the command's test", number),
            "reason": reason,
            "at": NOW - age,
            "original": b64encode(ORIGINAL.encode()).decode(),
            **changes,
        }
    )


LETTERS = [
    letter(1, Reason.BAD_TIME, timedelta(minutes=1), detail="ada@x.example in the year 9999"),
    letter(2, Reason.BAD_TIME, timedelta(hours=3), request_id="edge-7:1/2"),
    letter(3, Reason.POISON, timedelta(days=2), service="profile", source=None),
]


@pytest.fixture(autouse=True, scope="module")
def kept(engines: Engines) -> Iterator[None]:
    client = clickhouse_client(Settings(clickhouse=engines.clickhouse))
    migrate(client, DATABASE)
    fill(client, [(topics.DEAD_LETTERS.name, one) for one in LETTERS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPPORT_CLICKHOUSE", engines.clickhouse)
        yield
    client.close()


def asked(*arguments: str) -> tuple[int, str]:
    found = RUN.invoke(app("dead-letters"), ["dead-letters", *arguments])
    return found.exit_code, found.output


def rows(*arguments: str) -> list[dict[str, Any]]:
    code, output = asked(*arguments, "--workspace", "letters", "--json")
    assert code == 0, output
    return [json.loads(line) for line in output.splitlines()]


def test_counts_are_by_reason_service_and_source() -> None:
    found = [
        (one["reason"], one["service"], one["source"], one["letters"]) for one in rows("counts")
    ]
    assert found == [("bad_time", "ingest", "web", 2), ("poison", "profile", "", 1)]


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ((), [0, 1, 2]),
        (("--reason", "bad_time"), [0, 1]),
        (("--service", "profile"), [2]),
        (("--source", "web"), [0, 1]),
        (("--since", "30m"), [0]),
        (("--since", "1d"), [0, 1]),
        (("--most", "2"), [0, 1]),
        (("--reason", "too_deep"), []),
        (("--request-id", "edge-7:1/2"), [1]),
    ],
)
def test_the_list_is_newest_first_and_by_any_filter(
    filters: tuple[str, ...], numbers: list[int]
) -> None:
    found = [one["id"] for one in rows("list", *filters)]
    assert found == [str(LETTERS[number].event_id) for number in numbers]


def test_the_list_is_masked_and_what_is_shown_is_as_it_came() -> None:
    code, listed = asked("list", "--workspace", "letters")
    assert (code, "ada@x.example" in listed) == (0, False)
    assert rows("list")[0]["detail"] == "***@*** in the year 9999"
    code, shown = asked("show", str(LETTERS[0].event_id))
    assert (code, shown.endswith(f"\n{ORIGINAL}\n")) == (0, True)
    code, as_json = asked("show", str(LETTERS[0].event_id), "--json")
    assert json.loads(as_json)["original"] == ORIGINAL
    assert json.loads(as_json)["reason"] == "bad_time"
    assert "request_id  edge-7:1/2\n" in asked("show", str(LETTERS[1].event_id))[1]


def test_what_is_not_there_is_told() -> None:
    assert asked("list", "--reason", "none such") == (0, "none\n")
    code, said = asked("show", str(derived_id("nothing")))
    assert (code, "none with this id" in said) == (1, True)
    assert asked("show", "x")[0] == 2
    assert asked("list", "--since", "yesterday")[0] == 2


def test_a_whole_page_of_ids_can_be_asked_for() -> None:
    """As parameters of the address they would be too many."""
    ids = tuple(str(derived_id("nothing", number)) for number in range(PAGE_LETTERS - 1))
    which = Which(state="all", ids=(*ids, str(LETTERS[0].event_id)))
    assert [one.id for one in letters_of(which)] == [LETTERS[0].event_id]
