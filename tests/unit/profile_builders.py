"""Builders for profile's tests: touchpoints, a Redis in memory, a step that commits at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import redis
from hypothesis import strategies as st

from schemas.base import derived_id, to_json
from schemas.identifier import IDENTIFIER_KINDS, Identifier
from schemas.touchpoint import Touchpoint
from services.common.batch import Batch, Decision, Headers, Output, Record, pack_state, unpack_state
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from services.profile.stream import ProfileHandler
from tests.unit.touchpoint_strategies import contexts, every_kind

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
SALT = "test salt"
WORKSPACE = load_workspaces(Path("deploy/workspace"))["demo"]
SETTINGS = Settings(salt=SALT, message_id_buckets=16)


def limited(hub_degree_max: int = 200, **limits: int) -> Workspace:
    """The demo's workspace with these identity rules, under which every kind joins people."""
    alike = {"joins_known": True, "hub_degree_max": None}
    kinds = tuple(
        rule.model_copy(update=alike | {"limit": limits.get(rule.kind, rule.limit)})
        for rule in WORKSPACE.identity.kinds
    )
    identity = WORKSPACE.identity.model_copy(
        update={"kinds": kinds, "hub_degree_max": hub_degree_max}
    )
    return WORKSPACE.model_copy(update={"identity": identity})


def touchpoint(
    *identifiers: str, at_s: float = 0, message: str | None = None, **properties: Any
) -> Touchpoint:
    """touchpoint("user_id:ada", "email:a@x.example", kind="page_viewed"), at_s after START.

    `public`: of a public key. `other`, `previous`: an identifier in the same short form. `facts`:
    the properties, where one of them is called like a field of the touchpoint.
    """
    properties.setdefault("kind", "page_viewed")
    message = message or f"{identifiers}{at_s}{sorted(properties.items(), key=str)}"
    at = START + timedelta(seconds=at_s)
    pairs = sorted(
        (tuple(one.split(":", 1)) for one in identifiers),
        key=lambda pair: IDENTIFIER_KINDS.index(pair[0]),
    )
    envelope = {
        "workspace": properties.pop("workspace", "demo"),
        "source": properties.pop("source", "web"),
        "event_id": derived_id("event", "demo", message),
        "message_id": message[:200],
        "occurred_at": at,
        "received_at": properties.pop("received_at", at + timedelta(seconds=1)),
        "identifiers": [Identifier(kind=kind, value=value) for kind, value in pairs],
        "channel": properties.pop("channel", None),
        "public": properties.pop("public", False),
        "context": properties.pop("context", {}),
    }
    facts = properties.pop("facts", properties)
    for name in {"other", "previous"} & facts.keys():
        if isinstance(facts[name], str):
            kind, value = facts[name].split(":", 1)
            facts = facts | {name: {"kind": kind, "value": value}}
    return Touchpoint.model_validate(envelope | {"properties": facts})


class MemoryRedis:
    """The few commands that profile reads with, on a dict."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.sets: dict[bytes, set[int]] = {}

    def mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    def register_script(self, script: str) -> Callable[..., list[int]]:
        return self._known

    def _known(self, args: Sequence[Any]) -> list[int]:
        prefixes, rest = args[:3], iter(args[3:])
        found: list[int] = []
        for bucket in rest:
            ids = [next(rest) for _ in range(next(rest))]
            for prefix in prefixes:
                remembered = self.sets.get(prefix + b"%d" % bucket, ())
                found += [one for one in ids if one in remembered]
        return found

    def commit(self, decision: Decision) -> None:
        """As the step's script: all checks, then all writes."""
        for key, version in decision.reads.items():
            found = self.values.get(key)
            assert (unpack_state(found)[0] if found else 0) == version, key
        for key, ids in decision.remembered.items():
            assert not self.sets.setdefault(key, set()) & set(ids), "a message id is known"
            assert len(set(ids)) == len(ids)
            self.sets[key] |= set(ids)
        for key, (version, body) in decision.writes.items():
            found = self.values.get(key)
            assert not found or unpack_state(found)[0] < version, "versions grow"
            assert not found or key in decision.reads, "nothing is written unread"
            self.values[key] = pack_state(version, body)
        self.values |= decision.plain
        for key in decision.deletes:
            assert key not in decision.writes
            self.values.pop(key, None)


class Run:
    """A profile service in memory: feed it batches, look at what a compacted topic would hold."""

    def __init__(self, workspace: Workspace = WORKSPACE) -> None:
        self.redis = MemoryRedis()
        self.handler = ProfileHandler(
            cast(redis.Redis, self.redis), {workspace.name: workspace}, SETTINGS
        )
        self.outputs: list[Output] = []
        self.topic: dict[bytes, Output] = {}
        self.now_us = int(START.timestamp()) * 1_000_000
        self.offset = 0

    def take(self, *touchpoints: Touchpoint) -> list[Output]:
        """One batch of touchpoints; its outputs."""
        return self.take_raw(*map(to_json, touchpoints))

    def take_raw(self, *values: bytes) -> list[Output]:
        """One batch of records; its outputs."""
        return self.take_records(*((value, ()) for value in values))

    def take_records(self, *values: tuple[bytes, Headers]) -> list[Output]:
        """The same of records with headers."""
        records = []
        for value, headers in values:
            place = self.offset % 3
            records.append(
                Record("touchpoints.accepted", place, self.offset, b"key", value, headers)
            )
            self.offset += 1
        self.now_us += 1_000
        decision = self.handler.decide(Batch(records, (), self.now_us))
        self.redis.commit(decision)
        decision.committed()
        assert decision.outputs.keys() <= {record.partition for record in records}
        outputs = [output for those in decision.outputs.values() for output in those]
        self.outputs += outputs
        self._publish(outputs)
        return outputs

    def _publish(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.topic != "profiles.changed":
                continue
            newest = self.topic.get(output.key)
            assert newest is None or newest.version < output.version, "one snapshot a batch, newer"
            assert output.watch is not None
            self.topic[output.key] = output


def fed(history: Sequence[Touchpoint], batch: int = 10, workspace: Workspace = WORKSPACE) -> Run:
    """A run that took the history in batches."""
    run = Run(workspace)
    for start in range(0, len(history), batch):
        run.take(*history[start : start + batch])
    return run


# -- hypothesis ------------------------------------------------------------------------------------

NAMES = [
    *(f"user_id:u{number}" for number in range(3)),
    *(f"email:e{number}@x.example" for number in range(4)),
    *(f"phone:+4912345{number}" for number in range(3)),
    *(f"anonymous_id:a{number}" for number in range(4)),
]
few = st.integers(0, 2).map(str)
money = st.builds(
    lambda cents, currency: {"amount": Decimal(cents) / 100, "currency": currency},
    st.integers(-500, 100_000),
    st.sampled_from(["USD", "USD", "EUR"]),
)
json_values = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.booleans())
properties = st.one_of(
    st.builds(lambda c: {"kind": "page_viewed", "category": c}, st.sampled_from([None, "a", "b"])),
    st.builds(lambda c: {"kind": "product_viewed", "sku": "s", "category": c}, st.text(max_size=2)),
    st.builds(
        lambda order, total, lines: {
            "kind": "order_completed",
            "order_id": order,
            "total": total,
            "lines": [{"sku": "s", "category": line} for line in lines],
        },
        few,
        money,
        st.lists(st.sampled_from(["a", "c", None]), max_size=2),
    ),
    st.builds(lambda total: {"kind": "order_refunded", "order_id": "1", "total": total}, money),
    st.builds(
        lambda seconds: {"kind": "call_completed", "duration_s": seconds},
        st.floats(0, 86_400, allow_nan=False),
    ),
    st.builds(
        lambda one, severity: {
            "kind": "complaint_received",
            "complaint_id": one,
            "severity": severity,
            "category": "delivery",
        },
        few,
        st.integers(1, 4),
    ),
    st.builds(lambda one: {"kind": "complaint_handled", "complaint_id": one}, few),
    st.builds(
        lambda survey, score: {"kind": "survey_answered", "survey": survey, "score": score},
        st.sampled_from(["csat", "nps", "ces"]),
        st.floats(1, 5, allow_nan=False),
    ),
    st.builds(
        lambda traits: {"kind": "identified", "traits": traits},
        st.dictionaries(
            st.sampled_from(["name", "city", "email", "birthday", "country"]),
            st.one_of(json_values, st.sampled_from(["a@x.example", "1990-01-31"])),
            max_size=2,
        ),
    ),
    st.builds(lambda name: {"kind": "aliased", "previous": name}, st.sampled_from(NAMES)),
    st.builds(
        lambda what, name: {"kind": f"profile_{what}_requested", "other": name},
        st.sampled_from(["merge", "unmerge", "unmerge"]),
        st.sampled_from(NAMES),
    ),
    st.builds(
        lambda one, role, left, kind, traits: {
            "kind": "account_linked",
            "account_id": f"acme{one}",
            "role": role,
            "left": left,
            "account_kind": kind,
            "traits": traits,
        },
        few,
        st.sampled_from([None, "buyer", "user"]),
        st.booleans(),
        st.sampled_from([None, "company", "household"]),
        st.dictionaries(st.sampled_from(["industry", "size", "role"]), json_values, max_size=2),
    ),
    st.just({"kind": "custom", "name": "Wishlist Shared"}),
    every_kind,
)


@st.composite
def histories(draw: st.DrawFn, most: int = 25) -> list[Touchpoint]:
    """Touchpoints of a few people who share identifiers, at few moments, so that ties occur."""
    drawn = st.tuples(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        st.integers(0, 8),
        st.integers(0, 3),
        st.sampled_from([None, "web", "phone"]),
        st.sampled_from([False, False, True]),
        properties,
        contexts,
    )
    return [
        touchpoint(
            *names,
            at_s=moment * 20_000,
            message=f"m{number}",
            received_at=START + timedelta(days=10, seconds=received),
            channel=channel,
            public=public,
            context=context,
            facts=facts,
        )
        for number, (names, moment, received, channel, public, facts, context) in enumerate(
            draw(st.lists(drawn, max_size=most))
        )
    ]
