"""The demo from start to end: start, history, the last days, fit, score again, measure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from schemas import topics
from services.cli.demo.chaos import Chaos
from services.cli.demo.drain import Backlog, Drain, StuckError, wait_until_empty
from services.cli.demo.due import deliveries_due
from services.cli.demo.generate import DAYS_TOLD, Replay, Send, generate, lately
from services.cli.demo.ledger import Ledger
from services.cli.demo.measure import DATABASE, Questions, redis_memory
from services.cli.demo.phases import Advance, Phases
from services.cli.demo.purchases import read_purchases
from services.cli.demo.replay import Sent, replay
from services.cli.demo.resources import ResourceWatch
from services.cli.demo.results import Run, Webhooks
from services.cli.demo.stage import Stage, staged
from services.cli.demo.standings import SHOWN, stage_errors
from services.common import clients
from services.common.kafka_publisher import PlainPublisher
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from services.scoring.domain.fit import fit as fit_model
from services.scoring.refit import day_at, known_purchases, publication, publish

RESCORE_S_MAX: Final = 120.0
LOOK_AGAIN_AFTER_S: Final = 0.5
#: The readers that decide on what is told.
BEFORE_EFFECTS: Final = ("ingest", "profile", "scoring.score", "journey.decide")
NOT_SCORED_YET: Final = """
SELECT count() FROM profiles FINAL
WHERE merged_into IS NULL AND (workspace, profile_id) NOT IN
    (SELECT workspace, profile_id FROM scores WHERE model_version >= {version})
"""


@dataclass(frozen=True, slots=True)
class Options:
    """`customers`: None for all. `chaos`: kill -9 of a service in the middle."""

    home: Path
    customers: int | None = None
    chaos: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run and the truth about it."""

    run: Run
    ledger: Ledger


def perform(options: Options, phases: Phases, show: Callable[[Stage, Outcome], None]) -> None:
    """Run the demo; `show` is called while everything is still up. What is started is ended.

    Raises AlreadyRunsError, EngineFailedError, ServiceFailedError, ReplayFailedError, StuckError.
    """
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with ThreadPoolExecutor(1, thread_name_prefix="generate") as hands:
        generated = [hands.submit(_generated, yesterday, options.customers)]
        with staged(options.home, phases, lately(yesterday)) as stage:
            act = Act(stage, phases, options.chaos)
            show(stage, act.run(generated))


def _generated(last: date, customers: int | None) -> Replay:
    return generate(read_purchases(), last, customers=customers)


def fitted(settings: Settings) -> int:
    """Fit the model to the purchases in ClickHouse and publish it; the version that it got."""
    now = datetime.now(UTC)
    workspace = next(iter(load_workspaces(settings.workspace).values()))
    with clients.clickhouse_client(settings, database=DATABASE) as client:
        purchases = known_purchases(client, workspace)
    model = fit_model(purchases, day_at(now), publication(workspace, now))
    publish(PlainPublisher(partial(clients.producer, settings)), model)
    return model.version


class Act:
    """One run on a stage that stands."""

    def __init__(self, stage: Stage, phases: Phases, chaos: bool) -> None:
        self._stage = stage
        self._phases = phases
        self._settings = stage.settings
        self._with_chaos = chaos
        self._began = datetime.now(UTC)
        self._drain = Drain(stage.settings)
        self._questions: Questions | None = None

    def run(self, generated: list[Future[Replay]]) -> Outcome:
        """All phases, and what came out. The replay is taken out of the list, and let go of."""
        used = ResourceWatch(self._stage.pids).start()
        try:
            made = generated.pop().result()
            rounds, truth, to_send = made.rounds, made.ledger, [made.history]
            del made
            history = self._history(to_send, truth)
            sent = history + self._lately(rounds)
            self._fitted_and_scored()
            webhooks = self._webhooks()
        finally:
            used.stop()
        with self._phases.phase("results", "results are read back"):
            return Outcome(self._measured(truth, history, sent, webhooks, used), truth)

    def _history(self, to_send: list[tuple[Send, ...]], truth: Ledger) -> Sent:
        """A year and a half at once, with a kill in the middle; takes it out of the list."""
        sends = to_send.pop()
        count = len(sends)
        chaos = Chaos(self._stage, truth.distinct, self._phases.note)
        if self._with_chaos:
            chaos.start()
        try:
            with self._phases.phase(
                "replay", f"{count:,} messages sent by HTTP and Kafka", count
            ) as advanced:
                sent = replay(self._settings, self._stage.services.http, sends, advanced)
            del sends  # they are on their way: their memory is needed elsewhere
            with self._phases.phase("drain", "all of them went through", count) as more:
                self._drained(_Advancing(more).seen)
        finally:
            chaos.stop()
        return sent

    def _lately(self, rounds: Sequence[Sequence[Send]]) -> Sent:
        """The last days, one touchpoint of each person at a time: what is told depends on it."""
        sent, count = Sent(), sum(map(len, rounds))
        title = f"{count:,} messages of the last {DAYS_TOLD} days, in {len(rounds)} rounds"
        with self._phases.phase("lately", title, count) as advanced:
            for sends in rounds:
                sent += replay(self._settings, self._stage.services.http, sends, advanced)
                wait_until_empty(self._before_effects, lambda _: None)
            self._drained(lambda _: None)
        return sent

    def _before_effects(self) -> Backlog:
        """What waits on the way to lifecycle and alert events."""
        found = self._drain.backlog()
        return Backlog({name: found.waiting[name] for name in BEFORE_EFFECTS}, found.ends)

    def _drained(self, seen: Callable[[Backlog], None]) -> None:
        wait_until_empty(self._drain.backlog, seen)

    def _fitted_and_scored(self) -> None:
        with self._phases.phase("fit", "the model is fitted and published"):
            version = fitted(self._settings)
        with self._phases.phase("rescore", "everybody is scored by it"):
            self._scored_by(version)
            self._drained(lambda _: None)

    def _scored_by(self, version: int) -> None:
        """Until every living profile has a score of this model, or a newer one."""
        question = NOT_SCORED_YET.replace("{version}", str(int(version)))
        deadline = time.monotonic() + RESCORE_S_MAX
        while left := self._asked().number(question):
            if time.monotonic() > deadline:
                raise StuckError(f"{left} profiles have no score of model {version}")
            time.sleep(LOOK_AGAIN_AFTER_S)

    def _asked(self) -> Questions:
        if self._questions is None:
            self._questions = Questions(self._settings)
        return self._questions

    def _shown(self) -> dict[str, str]:
        return {str(row["who"]): str(row["stage"]) for row in self._asked().rows(SHOWN)}

    def _webhooks(self) -> Webhooks:
        """What was due, and what the receiver got; waits for what is still being sent."""
        with self._phases.phase("webhooks", "webhooks are delivered and verified"):
            self._drained(lambda _: None)
            due = deliveries_due(self._settings, self._drain.ends(), self._began)
            received = self._stage.received()
        arrived = Counter(one["id"] for one in received if one["verified"])
        return Webhooks(
            due=len(due.ids),
            by_clock=len(due.by_clock),
            verified=len(arrived),
            repeated=arrived.total() - len(arrived),
            rejected=sum(not one["verified"] for one in received),
            missing=len(due.ids - arrived.keys()),
            unexpected=len(arrived.keys() - due.ids),
        )

    def _measured(
        self, truth: Ledger, history: Sent, sent: Sent, webhooks: Webhooks, used: ResourceWatch
    ) -> Run:
        seconds = self._phases.seconds
        with clients.redis_client(self._settings) as client:
            redis = redis_memory(client)
            stage_wrong = stage_errors(client, self._shown)
        return Run(
            sent=sent,
            records=self._drain.backlog().ends,
            columns=self._asked().columns(truth.owners),
            webhooks=webhooks,
            stage_errors=tuple(stage_wrong),
            memory=redis,
            seconds=seconds,
            events_per_s=history.total / (seconds["replay"] + seconds["drain"]),
            peak_memory_mb=used.peak_mb,
            peaks_mb=used.peaks_mb,
            cpu_s=used.cpu_s,
            restarts=self._stage.services.restarts,
        )


class _Advancing:
    """Turns looks at the backlog into progress: what profile has done with what was accepted."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._done = 0

    def seen(self, backlog: Backlog) -> None:
        refused = backlog.ends[topics.DEAD_LETTERS.name]
        done = backlog.ends[topics.ACCEPTED.name] + refused - backlog.waiting["profile"]
        self._advance(done - self._done)
        self._done = done
