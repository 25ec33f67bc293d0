"""`rapport identity show|why|merge|unmerge`: what they print, what they refuse to do, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.touchpoint import Touchpoint
from services.cli.__main__ import app
from services.cli.identity import change, reading, words
from services.cli.identity.requests import Request, call_of
from services.common import clients
from services.common.audit import Act, NotKept
from services.ingest.domain.ids import event_id
from services.ingest.door import Arrival
from services.profile.domain.ids import uuid_text
from tests.unit.graph_builders import asked, node_of, seen
from tests.unit.ingest_builders import NOW, door
from tests.unit.profile_builders import SALT, MemoryRedis, fed

U0, U1, E0, A0 = "user_id:u0", "user_id:u1", "email:e0@x.example", "anonymous_id:a0"
RUN = CliRunner()
ADA = [seen(U0, A0, at_s=1), seen(U0, E0, at_s=2)]
TWO = [*ADA, seen(U1, E0, at_s=3), seen(U1, at_s=4)]


class OpenRedis(MemoryRedis):
    """What profile left, as a client that a command opens."""

    def __enter__(self) -> OpenRedis:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_SALT", SALT)
    monkeypatch.setenv("RAPPORT_WORKSPACE", "deploy/workspace")
    monkeypatch.setenv("RAPPORT_MESSAGE_ID_BUCKETS", "16")


class Stage:
    """A profile service's memory, the command beside it; requests are taken at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, history: Sequence[Touchpoint]) -> None:
        self.run = fed(history, 4)
        self.sent: list[Request] = []
        self.client = OpenRedis()
        self.client.values, self.client.sets = self.run.redis.values, self.run.redis.sets
        monkeypatch.setattr(clients, "redis_client", lambda _: self.client)
        monkeypatch.setattr(change, "send", self._send)
        self.acts: list[Act] = []
        monkeypatch.setattr(reading, "opened", lambda *_: self)

    def note(self, act: Act) -> None:
        """As the audit trail does."""
        self.acts.append(act)

    def _send(self, _settings: object, workspace: str, request: Request, at: Any) -> None:
        """As ingest would: what it makes of the call is what profile folds."""
        self.sent.append(request)
        [verdict] = door().admit([json.dumps(call_of(request, at)).encode()], Arrival(at))
        record = verdict.output
        assert record.topic == "touchpoints.accepted", record
        self.run.take_raw(record.value)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        done = RUN.invoke(app("identity"), ["identity", *arguments])
        return done.exit_code, done.output

    def said(self, *arguments: str) -> dict[str, Any]:
        code, output = self(*arguments, "--json")
        assert code in (0, 1), output
        answer: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return answer


@pytest.fixture
def ada(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch, ADA)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch, TWO)


def test_show_tells_identifiers_parts_redirects_and_the_version(ada: Stage) -> None:
    code, output = ada("show", E0)
    assert code == 0
    assert output.startswith(f"profile {uuid_text(node_of(U0))}, workspace demo\n")
    assert "by the rules in force" in output
    for line in (f"{U0}  ", "2 events", f"{A0}  ", "no event counts for it"):
        assert line in output
    said = ada.said("show", uuid_text(node_of(U0)))
    assert said["profile_id"] == uuid_text(node_of(U0))
    assert [one["kind"] for one in said["identifiers"]] == ["user_id", "anonymous_id", "email"]
    assert said["redirects"] == []


def test_show_tells_refused_links_with_their_reason(two: Stage) -> None:
    _, output = two("show", U0)
    assert "not joined:" in output
    assert "limit: one person would have 2 user_id (at most 1)" in output
    assert two.said("show", U0)["refused"][0]["refused"] == "limit"


def test_why_tells_the_chain(ada: Stage) -> None:
    code, output = ada("why", E0, A0)
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == f"{E0} and {A0} are one person: profile {uuid_text(node_of(U0))}"
    assert [line.strip() for line in lines if ":" in line and "event" not in line][1:] == [
        E0,
        U0,
        A0,
    ]
    assert f"event {ADA[1].event_id}" in output


def test_why_tells_what_was_refused(two: Stage) -> None:
    _, output = two("why", U0, U1)
    assert "are not one person" in output
    assert "REFUSED (limit): one person would have 2 user_id (at most 1)" in output
    said = two.said("why", U0, U1)
    assert (said["answer"], said["chain"][1]["refused"]) == ("refused", "limit")


def test_why_of_one_tells_all_that_ties_them(ada: Stage) -> None:
    _, output = ada("why", A0)
    assert f"{A0} is profile {uuid_text(node_of(U0))}: 3 identifiers" in output
    assert output.index(A0) < output.index(U0) < output.index(E0)


def test_graphs_are_text_for_graphviz_and_mermaid(two: Stage) -> None:
    _, dot = two("why", U0, U1, "--graph", "dot")
    assert dot.startswith("graph identity {")
    assert 'label="seen together\\n' in dot
    assert "style=dashed" in dot
    _, mermaid = two("why", U0, "--graph", "mermaid")
    assert mermaid.startswith("graph LR\n")
    assert 'n0["user_id:u0"]' in mermaid
    assert "-. " in mermaid


def test_what_would_break_a_picture_or_a_terminal_is_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = 'user_id:a"]<b>\u202eevil\u200b'
    stage = Stage(monkeypatch, [seen(odd, A0)])
    for arguments in (["why", A0], ["show", A0], ["why", A0, "--graph", "mermaid"]):
        _, output = stage(*arguments)
        assert "\u202e" not in output
        assert "\u200b" not in output
    _, dot = stage("why", A0, "--graph", "dot")
    assert 'a\\"]<b>' in dot
    _, mermaid = stage("why", A0, "--graph", "mermaid")
    assert "user_id:a#34;#93;#60;b#62;" in mermaid


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("ada@x.example", "names nobody"),
        ("mail:ada@x.example", "'mail' is no kind; there are: user_id, email"),
        ("email:ada", "email is not of the form name@host"),
        ("user_id:" + "x" * 10_000, "has 10000 characters, at most 500"),
        ("user_id: ", "user_id is empty"),
        ("email:nobody@x.example", "knows nobody by email:nobody@x.example"),
        ("00000000-0000-8000-8000-000000000000", "knows nobody by profile 0000"),
    ],
)
def test_what_names_nobody_is_told(ada: Stage, typed: str, told: str) -> None:
    code, output = ada("show", typed)
    assert code != 0
    assert told in " ".join(output.replace("│", " ").split())


def test_a_merge_is_sent_as_a_call_and_its_outcome_is_told(two: Stage) -> None:
    code, output = two("merge", U0, U1, "--reason", "same birthday", "--by", "ann")
    assert code == 0, output
    [request] = two.sent
    assert f"requested: event {event_id('demo', request.message_id)}" in output
    assert f"{U0} and {U1} are one person now: profile" in output
    call = call_of(request, NOW)
    assert call["userId"] == "u0"
    assert call["properties"] == {
        "other": {"kind": "user_id", "value": "u1"},
        "reason": "same birthday",
        "requested_by": "ann",
    }


@pytest.mark.parametrize("one", [U0, E0, A0])
def test_whatever_kind_an_identifier_is_of_the_door_takes_the_request(
    monkeypatch: pytest.MonkeyPatch, one: str
) -> None:
    stage = Stage(monkeypatch, [seen(one), seen(U1), seen("phone:+4930123456")])
    code, output = stage("merge", one, "phone:+4930123456", "--reason", "r")
    assert code == 0, output


def test_an_unmerge_parts_them_and_says_who_each_is(ada: Stage) -> None:
    code, output = ada("unmerge", U0, E0, "--reason", "the family's address")
    assert code == 0, output
    assert "two people now:" in output
    assert ada.said("why", U0, E0)["chain"][0]["refused"] == "set_apart"


def test_who_set_them_apart_and_why_is_told_where_the_columns_know(
    ada: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada("unmerge", U0, E0, "--reason", "r")
    event = event_id("demo", ada.sent[0].message_id)

    def answer(*asked: Any) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        assert f"'{event}'" in asked[1]
        return (), [(event, "ann", "father and son")]

    monkeypatch.setattr(words, "answer", answer)
    assert f"event {event}, by ann: father and son" in ada("why", U0, E0)[1]
    assert ada.said("why", U0, E0)["chain"][0]["requested_by"] == "ann"
    assert "by ann: father and son" in ada("show", U0)[1]

    def away(*_: object) -> None:
        raise clients.EngineMissing("ClickHouse", "", "gone")

    monkeypatch.setattr(words, "answer", away)
    assert "by ann" not in ada("why", U0, E0)[1]


def test_profiles_can_be_named_instead_of_identifiers(two: Stage) -> None:
    ids = [uuid_text(node_of(name)) for name in (U0, U1)]
    code, output = two("merge", *ids, "--reason", "r")
    assert code == 0, output
    assert (two.sent[0].one.value, two.sent[0].other.value) == ("u0", "u1")


def test_nothing_is_sent_where_the_state_does_not_fit(two: Stage) -> None:
    for arguments, told in [
        (("merge", U0, U0, "--reason", "r"), "both are user_id:u0"),
        (("merge", U0, E0, "--reason", "r"), "are one person already"),
        (("merge", U0, U1, "--reason", " "), "say why"),
        (("merge", U0, U1), "Missing option"),
        (("merge", U0, "user_id:typo", "--reason", "r"), "knows nobody by user_id:typo"),
        (("unmerge", U0, U1), "there is nothing to part"),
        (("unmerge", U0, U0), "both are user_id:u0"),
        (("unmerge", U0, "email:e9@x.example"), "knows nobody by email:e9@x.example"),
    ]:
        code, output = two(*arguments)
        assert code != 0, arguments
        assert told in " ".join(output.replace("│", " ").split()), output
    assert two.sent == []


def test_who_was_set_apart_is_merged_only_by_whoever_overrules_it(ada: Stage) -> None:
    ada("unmerge", U0, E0)
    code, output = ada("merge", U0, E0, "--reason", "r")
    assert code == 1
    assert "were set apart at" in output
    assert "add --overrule" in output
    ada.run.now_us += 60_000_000
    assert ada("merge", U0, E0, "--reason", "r", "--overrule")[0] == 0


def test_reads_and_requests_are_on_record_before_and_hold_no_value(two: Stage) -> None:
    two("show", U0)
    two("why", E0, U1)
    two("merge", U0, U1, "--reason", "r", "--by", "ann")
    ids = [uuid_text(node_of(name)) for name in (U0, U1)]
    asked_for = [("profile.merge_requested", one) for one in ids]
    read = [("profile.read", one) for one in (ids[0], *ids)]
    assert [(act.what, act.subject) for act in two.acts] == [*read, *asked_for]
    assert two.acts[-1].details["requested_by"] == "ann"
    assert "e0@x" not in repr(two.acts)


def test_what_can_not_be_on_record_is_not_done(two: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise NotKept("the audit trail is not written (RAPPORT_KAFKA): gone")

    monkeypatch.setattr(reading, "opened", away)
    for arguments in (["show", U0], ["why", U0], ["merge", U0, U1, "--reason", "r"]):
        code, output = two(*arguments)
        assert code == 1
        assert output == "the audit trail is not written (RAPPORT_KAFKA): gone\n"
    assert two.sent == []


def test_a_merge_that_another_word_forbids_names_the_pair_to_merge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(monkeypatch, [*ADA, asked("unmerge", U0, E0, at_s=5)])
    code, output = stage("merge", A0, E0, "--reason", "r", "--overrule")
    assert code == 1
    assert "merge these two with --overrule" in output
    assert stage.sent == []


def test_a_request_that_profile_does_not_take_in_time_says_where_to_look(
    two: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change, "send", lambda *_: None)
    code, output = two("merge", U0, U1, "--reason", "r", "--wait", "0.1")
    assert code == 1
    assert "has not taken it within 0.1 s" in output
    assert two("merge", U0, U1, "--reason", "r", "--wait", "0")[0] == 0
