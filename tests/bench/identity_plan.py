"""Rows of group `identity_plan`: changed identity rules on a graph of 100,000 components.

The crowd goes through the profile service like any other. `plan` runs at a fifth of it and at all
of it, beside a loop that only reads the same values; `apply` is killed in the middle and run again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import yaml

from schemas import topics
from services.cli.identity.walk import LOOKED_AT, watched
from services.common import clients
from services.common.settings import Settings
from services.journey.store import JourneyStore, state_key
from services.profile.store import component_key
from tests.bench.identity_crowd import CHANGED, Expected, Shown, events, expected, newest
from tests.bench.stage import PROJECT, Service, environment, fill, row, service, until

COMPONENTS: Final = int(os.environ.get("BENCH_COMPONENTS", "100000"))
FEWER: Final = COMPONENTS // 5
_FOLDED: Final = "rapport_profile_events_total"
_REGROUPED_AT_ONCE: Final = (
    "from services.cli.identity import regroup; regroup.ASKED_MAX = {};"
    "from services.cli.__main__ import main; main()"
)


class Ran(NamedTuple):
    """A command in a process of its own."""

    code: int
    said: str
    seconds: float
    cpu_s: float
    peak_mb: float

    @property
    def answer(self) -> dict[str, Any]:
        assert self.code == 0, self.said
        answer: dict[str, Any] = json.loads(self.said.strip().splitlines()[-1])
        return answer


def bench_identity_plan(settings: Settings) -> list[dict[str, object]]:
    """plan at two sizes, then apply; what was foretold is compared with what was published."""
    settings = _with_a_folder_of_its_own(settings)
    draft = _draft(settings)
    rows = []
    with service(settings, "services.profile") as profile:
        _load(settings, profile, 0, FEWER)
        small, _ = _planned(settings, draft, FEWER)
        _load(settings, profile, FEWER, COMPONENTS)
        large, foretold = _planned(settings, draft, COMPONENTS)
        rows += [small, large, *_applied(settings, draft, foretold)]
    return rows


# -- plan ------------------------------------------------------------------------------------------


def _planned(
    settings: Settings, draft: Path, components: int
) -> tuple[dict[str, object], dict[str, Any]]:
    idle = _run(settings, "plan", str(settings.workspace), "--json")
    ran = _run(settings, "plan", str(draft), "--json")
    people, wanted = ran.answer["people"], expected(components)
    assert people["components_that_differ"] == wanted.components, people
    assert (people["ids_new"], people["ids_gone"]) == wanted, people
    assert people["components"] >= components
    bare_s, bare_cpu_s = _bare(settings, components)
    cpu_s = ran.cpu_s - idle.cpu_s
    told = row(
        f"identity plan, {components:,} components",
        components,
        ran.seconds - idle.seconds,
        cpu_s,
        components / bare_s,
        cpu_of_bare=round(cpu_s / bare_cpu_s, 1),
        peak_mb=round(ran.peak_mb),
        peak_mb_with_nothing_to_do=round(idle.peak_mb),
        start_s=round(idle.seconds, 2),
    )
    return told, people


def _bare(settings: Settings, components: int) -> tuple[float, float]:
    """(seconds, CPU seconds) of a loop that reads the values and does nothing with them."""
    seen, cursor, began, cpu = 0, 0, time.monotonic(), time.process_time()
    with clients.redis_client(settings) as client:
        while True:
            answer: Any = client.scan(cursor, match=component_key(b"*"), count=LOOKED_AT)
            cursor, keys = answer
            seen += len(client.mget(keys)) if keys else 0
            if not cursor:
                assert seen >= components
                return time.monotonic() - began, time.process_time() - cpu


# -- apply -----------------------------------------------------------------------------------------


def _applied(settings: Settings, draft: Path, foretold: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = expected(COMPONENTS)
    before = newest(settings, topics.PROFILES)
    since = max(each[-1].version for each in before.values())
    at_once = wanted.components // 4
    killed = _run(
        settings, "apply", str(draft), "--yes", at_once=at_once, failpoint="regroup_sent:3"
    )
    assert killed.code == -signal.SIGKILL, killed
    ran = _run(settings, "apply", "--json")
    regrouped = ran.answer["demo"]["components_regrouped"]
    assert 0 < regrouped < wanted.components, regrouped
    again = _run(settings, "apply", "--json")
    assert again.answer["demo"]["components_regrouped"] == 0
    after = newest(settings, topics.PROFILES, since)
    _as_foretold(before, after, foretold, wanted)
    seconds, cpu_s = killed.seconds + ran.seconds, killed.cpu_s + ran.cpu_s
    _followed(settings, after)
    whole = row(
        f"identity apply, {wanted.components:,} of {COMPONENTS:,} components, killed in the middle",
        wanted.components,
        seconds,
        cpu_s,
        0,
        peak_mb=round(max(killed.peak_mb, ran.peak_mb)),
        left_after_the_kill=regrouped,
        each_s=[round(one.seconds, 1) for one in (killed, ran)],
    )
    nothing = row(
        f"identity apply with nothing left to do, {COMPONENTS:,} components",
        COMPONENTS,
        again.seconds,
        again.cpu_s,
        0,
        peak_mb=round(again.peak_mb),
    )
    return [whole, nothing]


def _as_foretold(
    before: Mapping[UUID, list[Shown]],
    after: Mapping[UUID, list[Shown]],
    foretold: Mapping[str, Any],
    wanted: Expected,
) -> None:
    """Who was to merge or split has, nobody was decided on twice, and nobody else was shown."""
    assert {len(each) for each in after.values()} == {1}, "nobody is decided on twice"
    was = {profile for profile, each in before.items() if each[-1].merged_into is None}
    now = {profile for profile, [each] in after.items() if each.merged_into is None}
    gone = {profile for profile, [each] in after.items() if each.merged_into is not None}
    assert len(now - was) == foretold["ids_new"] == wanted.splits
    assert len(gone & was) == foretold["ids_gone"] == wanted.merges
    fates = foretold["fates"]
    shown = sum(fates[fate]["after"] for fate in ("altered", "merge", "split", "mixed"))
    assert len(now) == shown, "only whom it concerns is shown"
    assert {each.merged_into for [each] in after.values() if each.merged_into} <= now


def _followed(settings: Settings, after: Mapping[UUID, list[Shown]]) -> None:
    """Scores and stages are those of the newest profiles, once score and decide have read them."""
    sys.stderr.write("identity_plan: scores and stages\n")
    with (
        service(settings, "services.scoring", "score"),
        service(settings, "services.journey", "decide"),
        clients.redis_client(settings) as client,
    ):
        store, newer = JourneyStore(client), {profile: each[-1] for profile, each in after.items()}
        until(lambda: _stages_follow(store, newer), every_s=1)
    scores = newest(settings, topics.SCORES)
    for profile, shown in newer.items():
        scored = scores[profile][-1]
        assert scored.profile_version == shown.version, "scores follow"
        assert scored.merged_into == shown.merged_into


def _stages_follow(store: JourneyStore, newer: Mapping[UUID, Shown]) -> bool:
    """Whether journey knows these profiles as they were shown last; of who merged there is none."""
    found = store.load([state_key("demo", profile.bytes) for profile in newer])
    done = 0
    for shown, loaded in zip(newer.values(), found.values(), strict=True):
        state, into = loaded.state, shown.merged_into
        known = None if state is None else (state.profile_version, state.merged_into)
        done += known == (shown.version, into.bytes if into else b"")
    return done == len(newer)


# -- the stage -------------------------------------------------------------------------------------


def _with_a_folder_of_its_own(settings: Settings) -> Settings:
    """`apply` exchanges the folder."""
    folder = settings.home / "workspaces" / "running"
    shutil.copytree(PROJECT / "deploy" / "workspace", folder)
    return settings.model_copy(update={"workspace": folder})


def _draft(settings: Settings) -> Path:
    draft = Path(shutil.copytree(settings.workspace, settings.workspace.with_name("draft")))
    file = draft / "identity.yaml"
    said = yaml.safe_load(file.read_text())
    for rule in said["kinds"]:
        rule["limit"] = CHANGED.get(rule["kind"], rule["limit"])
    file.write_text(yaml.safe_dump(said))
    return draft


def _load(settings: Settings, profile: Service, first: int, end: int) -> None:
    before = profile.metric(_FOLDED)
    records = list(events(first, end))
    fill(settings, topics.ACCEPTED.name, records)
    with watched("loading") as watch:
        seen = before
        while (now := profile.metric(_FOLDED)) < before + len(records):
            watch(round((now - seen) / len(records) * (end - first)))
            seen = now
            time.sleep(0.2)


def _run(settings: Settings, *command: str, at_once: int = 2_000, failpoint: str = "") -> Ran:
    """`rapport identity ...`, with what the system says it took."""
    sys.stderr.write(f"identity_plan: rapport identity {command[0]}\n")
    said = [sys.executable, "-c", _REGROUPED_AT_ONCE.format(at_once), "identity", *command]
    env = environment(settings) | ({"RAPPORT_FAILPOINT": failpoint} if failpoint else {})
    began = time.monotonic()
    process = subprocess.Popen(said, env=env, stdout=subprocess.PIPE, cwd=PROJECT)
    assert process.stdout is not None
    peak_mb = _watched_mb(process.pid)
    output = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    cpu_s = used.ru_utime + used.ru_stime
    return Ran(process.returncode, output, seconds, cpu_s, peak_mb)


def _watched_mb(pid: int) -> float:
    """The most memory that a process ever held, once it is gone. What the system says of it
    afterwards (ru_maxrss) may be that of this process, of which it was forked."""
    peak = 0.0
    while True:
        try:
            said = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return peak
        held = [line.split()[1] for line in said.splitlines() if line.startswith("VmHWM:")]
        if not held:  # a process that has ended has no memory
            return peak
        peak = max(peak, int(held[0]) / 1024)
        time.sleep(0.02)
