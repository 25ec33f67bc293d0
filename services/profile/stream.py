"""touchpoints.accepted → touchpoints.resolved, profiles.changed"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import redis

from schemas.cloudevents import workspace_of
from schemas.topics import PROFILES
from services.common.batch import Batch, Decision, Output, Record, Undecidable, next_version
from services.common.dead_letters import dead_letter
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.profile.controls import Ordered
from services.profile.decode import Arrival, Refusal
from services.profile.domain.changes import Changes, Redirect, changes
from services.profile.domain.compact import compact_parts
from services.profile.domain.graph import Graph
from services.profile.domain.ids import Hashes, uuid_bytes, uuid_text
from services.profile.domain.people import people
from services.profile.domain.working import Working
from services.profile.erased import left, let_in, mark_unknown, still_erased, without_erased
from services.profile.kept import Kept, outdated
from services.profile.metrics import Counts
from services.profile.naming import Naming
from services.profile.outputs import Publications
from services.profile.rules import rules_of as rules_of
from services.profile.store import (
    Found,
    Loaded,
    ProfileStore,
    component_key,
    node_key,
    pack,
)

SERVICE = "profile"

#: Component id -> its new version and its bytes.
Written = dict[bytes, tuple[int, int]]


@dataclass(slots=True)
class Deciding:
    """One decision while it is made."""

    batch: Batch
    decision: Decision = field(default_factory=Decision)
    counts: Counts = field(default_factory=Counts)
    written: Written = field(default_factory=dict)

    def outputs(self, partition: int) -> list[Output]:
        """What is published with an input partition."""
        found = self.decision.outputs.get(partition)
        if found is None:
            found = self.decision.outputs[partition] = []
        return found


class ProfileHandler:
    """Brings identity and folds to the atomic step."""

    def __init__(
        self, client: redis.Redis, workspaces: Mapping[str, Workspace], settings: Settings
    ) -> None:
        self._store = ProfileStore(client, settings.message_id_buckets)
        self._kept = Kept(settings.profiles_kept_mb << 20)
        self._rules = {name: rules_of(workspace) for name, workspace in workspaces.items()}
        hashes = Hashes(settings.salt)
        self._hash = hashes.node
        self._naming = Naming(hashes, self._rules)
        self._history_days = {n: w.profile_history_days for n, w in workspaces.items()}
        self._publications = Publications({n: w.currency for n, w in workspaces.items()})

    def prepare(self, records: Sequence[Record]) -> None:
        """Read and name what will be decided on next."""
        self._naming.prepare(records)

    def decide(self, batch: Batch) -> Decision:
        """Load what the batch needs, link and fold its events, show who changed."""
        deciding = Deciding(batch)
        understood = self._naming.understood(batch.records)
        for refusal in understood.refusals:
            self._refuse(refusal, deciding)
        arrivals = self._first_times(understood.arrivals, deciding)
        graph = self._load(arrivals, understood.controls, deciding)
        arrivals = without_erased(arrivals, understood.controls, graph, deciding.counts)
        _fold(arrivals, graph)
        _obey(understood.controls, graph)
        self._conclude(graph, arrivals, deciding)
        # without the decision itself: a cycle would hold the batch until the collector comes
        committed = partial(self._committed, graph, deciding.counts, deciding.written)
        deciding.decision.committed = committed
        return deciding.decision

    def _committed(self, graph: Graph, counts: Counts, written: Written) -> None:
        counts.publish()
        homes = {home.key: home for home in graph.homes.values()}
        self._kept.keep(homes.values(), written)

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        """What Redis shows now under the ids of stale snapshots."""
        workspaces = {
            uuid_bytes(output.key.decode()): workspace_of(output.source)
            for output in stale
            if output.topic == PROFILES.name
        }
        profiles = list(workspaces)
        found = self._store.load(profiles)
        homes = {node.id: one for one in found.components.values() for node in one.component.nodes}
        homes |= {leaf: homes[into] for leaf, into in found.absorbed.items()}
        return still_erased(workspaces, found, self._publications) + [
            output
            for profile in profiles
            if profile in homes
            and (into := found.absorbed.get(profile, profile))
            and (output := self._shown_now(homes[profile], profile, into))
        ]

    def _shown_now(self, home: Loaded, profile: bytes, node: bytes) -> Output | None:
        """`node`: the one that the profile is named by, or what that one was absorbed into."""
        component, state = home.component, component_key(home.key)
        for person in people(component, self._rules[component.workspace]):
            if person.id is None or node not in {component.nodes[p].id for p in person.places}:
                continue
            if person.id == profile:
                return self._publications.shown(state, home.version, component, person)
            lost = Redirect(profile, person.id if node == profile else node, was_shown=True)
            return self._publications.redirected(state, home.version, component, lost)
        return None

    # -- which events count --------------------------------------------------------------------

    def _refuse(self, refusal: Refusal, deciding: Deciding) -> None:
        letter = dead_letter(
            refusal.record,
            service=SERVICE,
            workspace=refusal.workspace,
            reason=refusal.reason,
            detail=refusal.detail,
            now_us=deciding.batch.taken_at_us,
        )
        deciding.outputs(refusal.record.partition).append(letter)

    def _first_times(self, arrivals: list[Arrival], deciding: Deciding) -> list[Arrival]:
        """Drop events whose message id is remembered; remember the others."""
        messages: dict[tuple[str, int], dict[int, Arrival]] = {}
        for arrival in arrivals:
            asked = messages.setdefault((arrival.event.workspace, arrival.week), {})
            asked.setdefault(arrival.message, arrival)
        first: list[Arrival] = []
        seen: dict[str, set[int]] = {}
        remembered = deciding.decision.remembered
        for (workspace, week), asked in messages.items():
            buckets = self._store.bucketed(asked)
            elsewhere = seen.setdefault(workspace, set())  # in another week, in this batch
            again = self._store.known(workspace, week, buckets) | (asked.keys() & elsewhere)
            elsewhere |= asked.keys()
            first += [one for message, one in asked.items() if message not in again]
            for bucket, ids in buckets.items():
                news = [one for one in ids if one not in again] if again else ids
                if news:
                    remembered[self._store.message_set(workspace, week, bucket)] = news
        deciding.counts.events = len(first)
        deciding.counts.duplicates = len(arrivals) - len(first)
        return first

    # -- what they change ------------------------------------------------------------------------

    def _load(
        self, arrivals: Sequence[Arrival], controls: Sequence[Ordered], deciding: Deciding
    ) -> Graph:
        events = [arrival.event for arrival in arrivals]
        nodes = dict.fromkeys(chain.from_iterable([event.nodes for event in events]))
        nodes |= dict.fromkeys([event.alias for event in events if event.alias is not None])
        nodes |= dict.fromkeys(chain.from_iterable([one.others for one in events if one.others]))
        nodes |= dict.fromkeys(chain.from_iterable([control.nodes for control in controls]))
        kept, found = self._found(nodes)
        graph = Graph(self._rules, self._hash)
        reads = deciding.decision.reads
        # what was read comes last: it may have taken in, or be, what was kept
        kept += [Working(one.key, one.version, one.component) for one in found.components.values()]
        for home in kept:
            graph.admit(home)
            reads[component_key(home.key)] = home.versions[home.key]
        for node in found.absent:
            reads[node_key(node)] = 0
        for node, began in found.orphans.items():
            reads[node_key(node)] = began
        for leaf, into in found.absorbed.items():
            graph.admit_absorbed(leaf, into)
        let_in(graph, found, controls, deciding.decision)
        return graph

    def _found(self, nodes: Collection[bytes]) -> tuple[list[Working], Found]:
        """What is kept of them, and what Redis says of all others.

        What turns out to be an older version of what was read is not used: a node that it has, and
        that another worker absorbed or erased since, is none any more.
        """
        kept, missing = self._kept.take(nodes)
        while True:
            found = self._store.load(missing)
            stale = outdated(kept, found.components)
            if not stale:
                return kept, found
            kept = [home for home in kept if home not in stale]
            missing += [node for node in nodes if any(node in home.places for home in stale)]

    def _conclude(self, graph: Graph, arrivals: Sequence[Arrival], deciding: Deciding) -> None:
        """Write every changed component, show its people, and say whom each event counts for."""
        concluded: dict[Working, Changes] = {}
        homes, resolved = graph.homes, self._publications.resolved
        outputs = {p: deciding.outputs(p) for p in {one.record.partition for one in arrivals}}
        for arrival in arrivals:
            node, published = arrival.event.nodes[0], outputs[arrival.record.partition]
            home = homes[node]
            found = concluded.get(home)
            if found is None:
                try:
                    found = self._conclude_component(home, published, deciding)
                except Exception as error:
                    raise Undecidable(_records_of(home, arrivals, homes)) from error
                concluded[home] = found
            profile = found.person_of[home.places[node]].id
            assert profile is not None, "an event was folded, so somebody is there"
            published.append(resolved(arrival, uuid_text(profile)))
        for home in homes.values():  # those with a changed node but no event of their own
            if home.changed and home not in concluded:
                last = deciding.outputs(deciding.batch.records[-1].partition)
                concluded[home] = self._conclude_component(home, last, deciding)
        mark_unknown(graph, next_version(0, deciding.batch.taken_at_us), deciding.decision)
        deciding.counts.loose_links = graph.loose_links

    def _conclude_component(
        self, home: Working, published: list[Output], deciding: Deciding
    ) -> Changes:
        decision, counts = deciding.decision, deciding.counts
        key, versions = home.key, home.versions
        version = next_version(max(versions.values()), deciding.batch.taken_at_us)
        counts.erased += len(home.erased)
        if not home.component.nodes:
            published += left(home, version, decision, self._publications)
            return Changes({}, [], [])
        found = changes(home, self._rules[home.component.workspace])
        component = home.component
        history_days = self._history_days[component.workspace]
        compact_parts(component, home.touched, deciding.batch.taken_at_us, history_days)
        body, state = pack(component), component_key(key)
        decision.writes[state] = (version, body)
        deciding.written[key] = (version, len(body))
        if len(versions) > 1:
            taken_in = [other for other, known in versions.items() if other != key and known]
            decision.deletes += map(component_key, taken_in)
        for node in home.moved:
            decision.plain[node_key(node)] = key
        if home.left:
            published += left(home, version, decision, self._publications)
        show = self._publications
        for person in found.shown:
            published.append(show.shown(state, version, component, person))
        counts.snapshots += len(found.shown)
        for lost in found.redirects:
            published.append(show.redirected(state, version, component, lost))
            counts.redirects += 1
            counts.merges += lost.was_shown
        return found


def _fold(arrivals: Sequence[Arrival], graph: Graph) -> None:
    for arrival in arrivals:
        try:
            graph.apply(arrival.event)
        except Exception as error:
            raise Undecidable([arrival.record]) from error


def _obey(controls: Sequence[Ordered], graph: Graph) -> None:
    for control in controls:
        try:
            control.act(graph)
        except Exception as error:
            raise Undecidable([control.record]) from error


def _records_of(
    home: Working, arrivals: Sequence[Arrival], homes: Mapping[bytes, Working]
) -> list[Record]:
    """The records of one component."""
    return [one.record for one in arrivals if homes[one.event.nodes[0]] is home]
