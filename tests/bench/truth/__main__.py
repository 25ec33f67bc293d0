"""python -m tests.bench.truth: precision and recall of who is who, beside splink's."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.common.workspace_files import load_workspaces
from tests.bench.stage import PROJECT
from tests.bench.truth.events import Happening, happenings, moments, written
from tests.bench.truth.graph import Graph, graph_of
from tests.bench.truth.judge import Judgement, Seen, judge
from tests.bench.truth.peer import splink_groups
from tests.bench.truth.people import Truth, hard_truth_of, truth_of

PRECISION_MIN = 0.999


def main() -> int:
    """0 when the graph's precision is as high as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.truth", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", type=Path, default=PROJECT / "deploy" / "workspace")
    parser.add_argument("--hard", action="store_true", help="with what no rule can tell apart")
    parser.add_argument("--without-splink", action="store_true")
    options = parser.parse_args()
    made = hard_truth_of if options.hard else truth_of
    truth = made(options.people, options.seed)
    report = measured(
        truth, options.events, options.seed, options.rules, splink=not options.without_splink
    )
    target = PROJECT / "build" / "truth.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n")
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if report["rapport"]["precision"] >= PRECISION_MIN else 1


def measured(
    truth: Truth, events: int, seed: int, rules: Path, *, splink: bool = True
) -> dict[str, Any]:
    """The graph's pairs and splink's, against one truth."""
    seen = Seen()
    workspace = load_workspaces(rules)["demo"]
    happened = _noted(happenings(truth, events, seed), seen)
    numbered = enumerate(zip(moments(events), happened, strict=True))
    records = (written(number, at, one, workspace.name) for number, (at, one) in numbered)
    graph = graph_of(records, workspace)
    report: dict[str, Any] = {"people": len(truth.people), "events": events, "seed": seed}
    report["rapport"] = _told(judge(graph.groups(), truth, seen)) | _told_of(graph)
    if splink:
        peer = splink_groups(seen.rows)
        report["splink"] = _told(judge(peer.groups, truth, seen)) | peer.told
    return report


def _noted(events: Iterator[Happening], seen: Seen) -> Iterator[Happening]:
    for event in events:
        seen.note(event)
        yield event


def _told(found: Judgement) -> dict[str, Any]:
    return {
        "precision": round(found.precision, 6),
        "recall": round(found.recall, 4),
        "pairs": found.right + found.false,
        "false_pairs": found.false,
        "false_pairs_by_trouble": dict(found.false_by.most_common(8)),
        "missed_pairs_by_trouble": dict(found.missed_by.most_common(8)),
        "identifiers_a_group": _spread(found.sizes),
    }


def _spread(sizes: Counter[int]) -> dict[str, int]:
    """Sizes at 50, 90, 99 and 100 % of all."""
    ordered, spread = sorted(sizes.elements()), {}
    for share in (50, 90, 99, 100):
        spread[f"p{share}"] = ordered[(len(ordered) - 1) * share // 100]
    return spread


def _told_of(graph: Graph) -> dict[str, Any]:
    sizes = Counter(len(one.nodes) for one in graph.components)
    return {
        "components": len(graph.components),
        "identifiers_a_component": _spread(sizes),
        "hubs": graph.hubs(),
        "refused_links": graph.refused(),
        "cpu_s": round(graph.seconds, 1),
        "memory_mb": round(graph.memory_mb),
    }


if __name__ == "__main__":
    sys.exit(main())
