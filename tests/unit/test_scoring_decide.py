"""Snapshots become messages that the published schema reads back, whatever is in the batch."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import scores as published_scores
from schemas import topics
from schemas.base import derived_id, micros
from schemas.dead_letter import DeadLetter
from schemas.scores import Scores
from services.common.batch import Output
from services.scoring import shapes
from services.scoring.decide import Asked, EventIds, Ground, decide
from services.scoring.messages import REFUSED_PROFILING, moment_texts
from services.scoring.snapshots import Snapshot, check
from tests.scoring_messages import (
    Message,
    model,
    profile_id,
    published,
    redirect,
    snapshot,
    visitor,
)
from tests.unit.scoring_builders import FITTED_AT, as_of

THRESHOLDS = (0.55, 0.5, 0.1)
GROUND = Ground({"demo": model()}, {"demo": Asked(THRESHOLDS)})
NO_GROUND = Ground({}, {"demo": Asked(THRESHOLDS)})


def messages(*values: bytes) -> list[Message]:
    return [Message(0, offset, value) for offset, value in enumerate(values)]


def scores_of(*values: bytes, ground: Ground = GROUND) -> list[Scores]:
    return [Scores.model_validate_json(out.value) for out in decide(messages(*values), ground, 0)]


def only(outputs: list[Output]) -> Output:
    assert len(outputs) == 1
    return outputs[0]


def test_every_field_is_read_back_by_the_published_schema() -> None:
    (one,) = scores_of(published(snapshot(0, version=5)))
    assert one.profile_id == profile_id(0)
    assert one.profile_version == micros(FITTED_AT) + 5
    assert one.version == one.profile_version + one.model_version
    assert one.rfm is not None
    assert one.churn is not None
    assert one.clv is not None
    assert one.rfm.orders == 4
    assert one.rfm.revenue == one.facts.revenue == one.clv.historic == Decimal("100.50")
    assert one.clv.total == one.clv.historic + one.clv.predicted_12m
    assert one.churn.p_alive + one.churn.churn_probability == pytest.approx(1)
    assert [crossing.threshold for crossing in one.churn.alive_below] == list(THRESHOLDS)
    assert one.facts.average_days_between_orders == one.clv.average_days_between_orders == 115
    assert set(one.reasons) == {"rfm", "churn", "clv", "value_segment"}
    assert one.missing == {}


@pytest.mark.parametrize(
    "name", ["Rfm", "AliveBelow", "Churn", "Clv", "Permission", "JourneyFacts", "Scores"]
)
def test_what_is_written_has_the_fields_of_the_published_schema(name: str) -> None:
    fields = [one for one in getattr(published_scores, name).model_fields if one != "erased"]
    assert getattr(shapes, name).__struct_fields__ == tuple(fields), "who is alive is not erased"


def test_the_as_of_time_is_the_later_of_snapshot_and_model() -> None:
    (fresh,) = scores_of(published(snapshot(0, version=5)))
    assert micros(fresh.as_of) == fresh.profile_version
    newer = Ground({"demo": model(later_us=99)}, {})
    (again,) = scores_of(published(snapshot(0, version=5)), ground=newer)
    assert micros(again.as_of) == again.model_version == micros(FITTED_AT) + 99


def test_the_same_snapshot_gives_the_same_bytes_and_id() -> None:
    first = only(decide(messages(published(snapshot(3))), GROUND, 1))
    again = only(decide(messages(published(snapshot(3))), GROUND, 2))
    assert first == again


@given(st.text(max_size=50), st.integers(0, 2**62))
def test_ids_are_the_derived_ids_of_the_schemas(name: str, version: int) -> None:
    by_schema = str(derived_id("scores", name, version)).encode()
    assert EventIds(f"scores\x1f{name}\x1f").of(str(version)) == by_schema


def test_headers_are_cloudevents() -> None:
    output = only(decide(messages(published(snapshot(3))), GROUND, 1))
    marks = {name: value.decode() for name, value in output.headers}
    assert marks["ce_type"] == "rapport.scores.changed"
    assert marks["ce_source"] == "rapport/demo"
    assert marks["ce_subject"] == str(profile_id(3)) == output.key.decode()
    assert marks["ce_time"] == "1998-07-01T00:00:00Z"
    assert set(marks) == {
        "ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time", "ce_subject", "content-type",
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=20, unique=True), st.integers(0, 20))
def test_a_score_does_not_depend_on_its_batch(numbers: list[int], cut: int) -> None:
    values = [published(snapshot(number)) for number in numbers]
    together = decide(messages(*values), GROUND, 0)
    apart = decide(messages(*values[:cut]), GROUND, 0) + decide(messages(*values[cut:]), GROUND, 0)
    assert together == apart


def test_only_the_newest_snapshot_of_a_profile_is_scored() -> None:
    old, new = published(snapshot(0, version=1)), published(snapshot(0, version=2))
    for order in ((old, new), (new, old)):
        assert [one.profile_version for one in scores_of(*order)] == [micros(FITTED_AT) + 2]


def test_a_merged_profile_loses_its_scores() -> None:
    (gone,) = scores_of(published(redirect(1, into=0)))
    assert gone.merged_into == profile_id(0)
    assert (gone.rfm, gone.churn, gone.clv) == (None, None, None)


def test_a_visitor_has_facts_and_says_what_is_missing() -> None:
    (one,) = scores_of(published(visitor(1)))
    assert (one.rfm, one.churn, one.clv, one.value_segment) == (None, None, None, None)
    assert one.missing == dict.fromkeys(("rfm", "churn", "clv"), "no order yet")
    assert one.facts.first_seen_at == FITTED_AT


def test_without_a_model_facts_travel_and_nothing_is_guessed() -> None:
    (one,) = scores_of(published(snapshot(0)), ground=NO_GROUND)
    assert (one.rfm, one.churn, one.clv) == (None, None, None)
    assert set(one.missing) == {"rfm", "churn", "clv"}
    assert one.model_version == 0
    assert one.facts.orders == 4
    assert one.facts.average_days_between_orders == 115


def test_open_complaints_pass_through() -> None:
    complaint = (
        b'[{"complaint_id":"c","received_at":"1998-06-30T00:00:00Z","severity":3,'
        b'"category":"late","event_id":"00000000-0000-0000-0000-000000000001"}]'
    )
    none, some = b'"open_complaints":[]', b'"open_complaints":' + complaint
    (one,) = scores_of(published(snapshot(0)).replace(none, some))
    assert one.facts.open_complaints[0].complaint_id == "c"


def test_conflicts_pass_through() -> None:
    conflict = (
        b'[{"kinds":["email","user_id"],"reason":"limit",'
        b'"event_id":"00000000-0000-0000-0000-000000000001","at":"1998-06-30T00:00:00Z"}]'
    )
    told = published(snapshot(0))
    assert b'"conflicts":[]' in told
    (one,) = scores_of(told.replace(b'"conflicts":[]', b'"conflicts":' + conflict))
    assert (one.facts.conflicts[0].reason, one.facts.conflicts[0].kinds) == (
        "limit",
        ("email", "user_id"),
    )


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"workspace":1}',
        published(snapshot(0)).replace(b"1997", b"xx97"),
        published(snapshot(0)).replace(b"00000001", b'0000"}]1'),
    ],
)
def test_what_is_no_snapshot_is_a_dead_letter_and_stops_nobody(value: bytes) -> None:
    outputs = decide(messages(value, published(snapshot(0))), GROUND, 7)
    letter, score = sorted(outputs, key=lambda output: output.topic)
    assert letter.topic == topics.DEAD_LETTERS.name
    assert DeadLetter.model_validate_json(letter.value).workspace == "demo"
    assert score.topic == topics.SCORES.name


@pytest.mark.parametrize("revenue", [b"9e999", b"NaN", b"-Infinity"])
def test_an_amount_that_no_column_can_hold_is_refused_alone(revenue: bytes) -> None:
    huge = published(snapshot(1)).replace(b'"revenue":"75.11"', b'"revenue":"' + revenue + b'"')
    outputs = decide(messages(huge, published(snapshot(0))), GROUND, 7)
    letter, score = sorted(outputs, key=lambda output: output.topic)
    assert (letter.topic, score.topic) == (topics.DEAD_LETTERS.name, topics.SCORES.name)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"currency":"USD"', b'"currency":"usd"'),
        (b'"currency":"USD"', b'"currency":"U,D"'),
        (str(profile_id(1)).encode(), b"X" * 36),
        (b'"revenue":"0"', b'"revenue":"9e999"'),
        (b'"revenue":"0"', b'"revenue":"sNaN"'),
    ],
)
def test_what_no_reader_could_take_is_refused_alone(right: bytes, wrong: bytes) -> None:
    value = published(visitor(1))
    assert right in value
    outputs = decide(messages(value.replace(right, wrong), published(snapshot(0))), GROUND, 7)
    letter, score = sorted(outputs, key=lambda output: output.topic)
    assert (letter.topic, score.topic) == (topics.DEAD_LETTERS.name, topics.SCORES.name)


def test_the_unfit_are_found_by_halving(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def counted(rows: list[Snapshot]) -> None:
        tried.append(len(rows))
        check(rows)

    monkeypatch.setattr("services.scoring.decide.check", counted)
    values = [published(snapshot(number)) for number in range(256)]
    values[100] = values[100].replace(b'"currency":"USD"', b'"currency":"usd"')
    outputs = decide(messages(*values), GROUND, 7)
    assert sorted(Counter(one.topic for one in outputs).items()) == [
        (topics.DEAD_LETTERS.name, 1),
        (topics.SCORES.name, 255),
    ]
    assert len(tried) == 1 + 2 * 8


def test_a_tombstone_is_nobody() -> None:
    assert decide(messages(b""), GROUND, 0) == []


def test_moments_are_rfc_3339() -> None:
    assert moment_texts(as_of(2)) == ["1998-07-01T00:00:00Z"] * 2
    assert moment_texts(as_of(1) + 1) == ["1998-07-01T00:00:00.000001Z"]


def said(allowed: bool) -> dict[str, Any]:
    return {"profiling": {"allowed": allowed}}


@pytest.mark.parametrize(
    ("consent", "purpose", "scored"),
    [
        (said(False), "profiling", False),
        (said(True), "profiling", True),
        ({}, "profiling", True),
        (said(False), "analysis", True),
        (said(False), None, True),
    ],
)
def test_who_refuses_to_be_profiled_has_no_scores(
    consent: dict[str, Any], purpose: str | None, scored: bool
) -> None:
    one, other = snapshot(0, version=5), snapshot(1, version=5)
    ground = Ground({"demo": model()}, {"demo": Asked(THRESHOLDS, purpose)})
    refusing = json.dumps(json.loads(published(one)) | {"consent": consent}).encode()
    by_id = {s.profile_id: s for s in scores_of(refusing, published(other), ground=ground)}
    theirs, others = by_id[profile_id(0)], by_id[profile_id(1)]
    assert (theirs.rfm is not None) == (theirs.churn is not None) == scored
    assert theirs.missing == (
        {} if scored else dict.fromkeys(("rfm", "churn", "clv"), REFUSED_PROFILING)
    )
    assert theirs.facts.orders == 4
    assert theirs.facts.high_value <= scored
    told = {name: word.allowed for name, word in theirs.facts.consent.items()}
    assert told == {name: word["allowed"] for name, word in consent.items()}
    assert others.rfm is not None
