"""The single-threaded reference reads the input log; everything that was left must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from schemas.account import Account
from schemas.profile import Profile
from schemas.scores import Scores
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from tests.faults.world import EFFECTS, World
from tests.reference.accounts import accounts_of, facts_of_account
from tests.reference.facts import Facts
from tests.reference.identity import Person
from tests.reference.journeys import newest_of, open_alerts_of_final, stage_of_final
from tests.reference.profiles import distinct, facts_of, profiles_of


class Findings:
    """lost: expected and not there; doubled: there too often; mismatches: there but different."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.mismatches: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.mismatches)

    def counts(self) -> dict[str, int]:
        return {
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "mismatches": len(self.mismatches),
        }

    def first(self, most: int = 5) -> list[str]:
        return [*self.lost[:most], *self.doubled[:most], *self.mismatches[:most]]


def compare(world: World, sent: Iterable[str], workspace: Workspace, now: datetime) -> Findings:
    """All claims about one run. `sent`: message ids that the senders saw acknowledged."""
    findings = Findings()
    accepted = {one.message_id for one in world.accepted}
    findings.lost += [f"acknowledged, not in the log: {m}" for m in sorted(set(sent) - accepted)]
    expected = profiles_of(world.accepted, workspace, salt="")
    _compare_profiles(expected, world, findings)
    _compare_resolved(expected, world, findings)
    _compare_accounts(world, workspace, findings)
    _compare_columns(expected, world, findings)
    _compare_journey(expected, world, workspace, now, findings)
    _compare_effects(world, findings)
    return findings


def _compare_profiles(expected: dict[Person, Facts], world: World, findings: Findings) -> None:
    """The last record of each key on profiles.changed is the newest state, or a redirect."""
    found = dict(
        facts_of(value)
        for value in world.snapshots.values()
        if msgspec.json.decode(value)["merged_into"] is None
    )
    for person in expected.keys() - found.keys():
        findings.lost.append(f"no profile of {sorted(person)}")
    for person in found.keys() - expected.keys():
        findings.doubled.append(f"a profile of {sorted(person)}")
    for person in expected.keys() & found.keys():
        if expected[person] != found[person]:
            fields = [k for k, v in expected[person].items() if found[person].get(k) != v]
            findings.mismatches.append(f"profile of {sorted(person)[0]}: {fields}")


def _compare_accounts(world: World, workspace: Workspace, findings: Findings) -> None:
    """The last record of each account, and its row, are what its members' last snapshots say."""
    people = map(Profile.model_validate_json, world.snapshots.values())
    expected = accounts_of(people, workspace.currency)
    last = [Account.model_validate_json(value) for value in world.accounts.values()]
    found = {one.account_id: facts_of_account(one) for one in last if not one.gone}
    findings.lost += [f"no account {name}" for name in expected.keys() - found.keys()]
    findings.doubled += [f"account {name}" for name in found.keys() - expected.keys()]
    rows = world.columns["accounts"]
    findings.doubled += [f"row of account {name}" for name in rows.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        if expected[name] != found[name]:
            fields = [k for k, v in expected[name].items() if found[name].get(k) != v]
            findings.mismatches.append(f"account {name}: {fields}")
        members, revenue, orders = rows.get(name, (0, "0", 0))
        bought = expected[name]["purchases"]
        row = (expected[name]["members"], bought["revenue"], bought["orders"])
        if (members, Decimal(revenue), orders) != row:
            findings.mismatches.append(f"row of account {name}: {members}, {revenue}, {orders}")


def _compare_resolved(expected: dict[Person, Facts], world: World, findings: Findings) -> None:
    """Every event was published for somebody; its copies are the same event."""
    wanted = {str(event.event_id) for event in distinct(world.accepted)}
    published = {one["event_id"] for one in world.resolved}
    findings.lost += [f"never resolved: {event}" for event in sorted(wanted - published)]
    findings.doubled += [f"resolved from nothing: {event}" for event in sorted(published - wanted)]


def _compare_columns(expected: dict[Person, Facts], world: World, findings: Findings) -> None:
    """ClickHouse shows each event once, for the right profile, and each customer's sums."""
    rows = Counter(event for event, _ in world.columns["touchpoints"])
    wanted = {str(event.event_id) for event in distinct(world.accepted)}
    findings.lost += [f"no row of event {event}" for event in sorted(wanted - rows.keys())]
    findings.doubled += [f"{times} rows of event {e}" for e, times in rows.items() if times > 1]
    owner = {
        str(event.event_id): facts["profile_id"]
        for event, facts in _owners(expected, distinct(world.accepted))
    }
    for event, profile in world.columns["touchpoints"]:
        if owner.get(event) != profile:
            findings.mismatches.append(f"event {event} counts for {profile} in columns")
    customers = world.columns["customers"]
    wanted_ids = {facts["profile_id"]: facts for facts in expected.values()}
    findings.lost += [f"no customer row of {p}" for p in wanted_ids.keys() - customers.keys()]
    findings.doubled += [f"customer row of {p}" for p in customers.keys() - wanted_ids.keys()]
    for profile in wanted_ids.keys() & customers.keys():
        revenue, orders, _ = customers[profile]
        purchases = wanted_ids[profile]["purchases"]
        if (Decimal(revenue), orders) != (purchases["revenue"], purchases["orders"]):
            findings.mismatches.append(f"customer row of {profile}: {revenue}, {orders} orders")


def _owners(
    expected: dict[Person, Facts], events: Sequence[Touchpoint]
) -> Iterable[tuple[Touchpoint, Facts]]:
    by_key = {key: facts for person, facts in expected.items() for key in person}
    for event in events:
        strongest = event.identifiers[0]
        if (facts := by_key.get((strongest.kind, strongest.value))) is not None:
            yield event, facts


def _compare_journey(
    expected: dict[Person, Facts],
    world: World,
    workspace: Workspace,
    now: datetime,
    findings: Findings,
) -> None:
    """Scores of every profile; stages in Redis, on the topic and in columns; open alerts."""
    newest = {str(profile): scores for profile, scores in newest_of(world.scores).items()}
    wanted = {facts["profile_id"] for facts in expected.values()}
    findings.lost += [f"no scores of {profile}" for profile in sorted(wanted - newest.keys())]
    published = _stages_published(world)
    for profile in wanted & newest.keys():
        stage = str(stage_of_final(newest[profile], now, workspace))
        seen = (
            world.stages.get(profile),
            published.get(profile),
            world.columns["customers"].get(profile, ("", 0, None))[2],
        )
        if set(seen) != {stage}:
            findings.mismatches.append(f"stage of {profile}: {stage} expected, seen {seen}")
    _compare_alerts(newest, wanted, world, workspace, now, findings)


def _stages_published(world: World) -> dict[str, str]:
    stages: dict[str, str] = {}
    seen: set[str] = set()
    for change in world.effects["lifecycle.changed"]:
        if change["event_id"] not in seen:  # a repeat after a kill is the same event
            seen.add(change["event_id"])
            stages[change["profile_id"]] = change["to_stage"]
    return stages


def _compare_alerts(
    newest: dict[str, Scores],
    wanted: set[str],
    world: World,
    workspace: Workspace,
    now: datetime,
    findings: Findings,
) -> None:
    expected = Counter(
        (alert.kind, str(alert.profile_id))
        for profile in wanted & newest.keys()
        for alert in open_alerts_of_final(newest[profile], now, workspace)
    )
    alerts = world.effects["alerts.raised"]
    # a cleared alert is closed for good; survivors of a merge repeat a raise under its id
    cleared = {alert["alert_id"] for alert in alerts if alert["state"] == "cleared"}
    raised = {alert["alert_id"]: alert for alert in alerts if alert["alert_id"] not in cleared}
    merged = _merged(world)
    found = Counter((a["kind"], _living(a["profile_id"], merged)) for a in raised.values())
    findings.lost += [f"no alert {alert}" for alert in (expected - found)]
    findings.doubled += [f"alert {alert}" for alert in (found - expected)]


def _living(profile: str, merged: dict[str, str]) -> str:
    while profile in merged:
        profile = merged[profile]
    return profile


def _compare_effects(world: World, findings: Findings) -> None:
    """Repeats carry the same id and say the same; every due webhook arrived, and no other."""
    merged = _merged(world)
    due: set[str] = set()
    for topic in EFFECTS:
        first: dict[str, dict[str, Any]] = {}
        for effect in world.effects[topic]:
            known = first.setdefault(effect["event_id"], effect)
            if not _same(known, effect, merged):
                differs = {
                    field: (known.get(field), effect.get(field))
                    for field in known.keys() | effect.keys()
                    if known.get(field) != effect.get(field)
                }
                who = f"{topic} {effect['event_id']} of {effect['profile_id']}"
                findings.doubled.append(f"{who} says two things: {differs}")
        due |= {event_id for event_id, effect in first.items() if not effect["historic"]}
    verified = {one["id"] for one in world.webhooks if one["verified"] and one["status"] < 300}
    findings.lost += [f"no webhook of {event_id}" for event_id in sorted(due - verified)]
    findings.doubled += [f"a webhook of {event_id}" for event_id in sorted(verified - due)]


def _same(one: dict[str, Any], other: dict[str, Any], merged: dict[str, str]) -> bool:
    """By the same scores every repeat is the same in every field, whenever it was decided.

    By other scores (of a merge's survivor, or of a profile service that went back with Redis and
    told its snapshots again) only the scores and the moment of the decision may differ.
    """
    if one == other:
        return True
    if _scores_of(one) == _scores_of(other):
        return False
    return _said(one, merged) == _said(other, merged)


def _scores_of(effect: dict[str, Any]) -> tuple[str, int | None]:
    return effect["profile_id"], effect.get("scores_version")


def _said(effect: dict[str, Any], merged: dict[str, str]) -> dict[str, Any]:
    """What an effect says without who decided it on what scores. An alert clears when decided."""
    left_out = {"decided_at", "scores_version"}
    if effect.get("state") == "cleared":
        left_out.add("at")
    said = {name: value for name, value in effect.items() if name not in left_out}
    return {**said, "profile_id": _living(effect["profile_id"], merged)}


def _merged(world: World) -> dict[str, str]:
    """Lost profile id -> the one it joined."""
    values = ((key, msgspec.json.decode(value)) for key, value in world.snapshots.items())
    return {key: value["merged_into"] for key, value in values if value["merged_into"] is not None}
