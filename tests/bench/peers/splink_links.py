"""splink over a table of identifiers: python splink_links.py ROWS.jsonl CLUSTERS.jsonl [threshold].

Runs outside our environment. Settings as its documentation advises: u by random sampling, m by
expectation maximisation over several blockings, term frequencies for values of many, edits of
e-mails and phone numbers. Prints one JSON line.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import duckdb
import splink.comparison_library as compare
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

THRESHOLD = 0.95
MEMORY = "6GB"


def main(rows: str, clusters: str, threshold: float) -> None:
    began = time.monotonic()
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute(
        "CREATE TABLE keys AS SELECT * FROM read_json(?, format = 'newline_delimited', columns = "
        "{user_id: 'VARCHAR', email: 'VARCHAR', phone: 'VARCHAR', anonymous_id: 'VARCHAR', "
        "unique_id: 'BIGINT'})",
        [rows],
    )
    api = DuckDBAPI(connection)
    linker = Linker(api.register(connection.table("keys")), settings(), log_level=40)
    train(linker)
    predicted = linker.inference.predict(threshold_match_probability=threshold)
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold)
    query = f"SELECT cluster_id, unique_id FROM {found.physical_name}"
    with Path(clusters).open("w") as file:
        for cluster, number in connection.sql(query).fetchall():
            file.write(json.dumps([str(cluster), number]) + "\n")
    said = {
        "splink": splink_version(),
        "threshold": threshold,
        "wall_s": round(time.monotonic() - began, 1),
        "memory_mb": _memory_mb(),
    }
    sys.stdout.write(json.dumps(said) + "\n")


def settings() -> SettingsCreator:
    """One comparison for each kind; candidates share at least one value."""
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            compare.ExactMatch("user_id"),
            compare.LevenshteinAtThresholds("email", 1).configure(term_frequency_adjustments=True),
            compare.LevenshteinAtThresholds("phone", 1).configure(term_frequency_adjustments=True),
            compare.ExactMatch("anonymous_id").configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("user_id"),
            block_on("email"),
            block_on("phone"),
            block_on("anonymous_id"),
        ],
        retain_matching_columns=False,
        # of a million events some probability falls below what splink can hold after more rounds
        max_iterations=8,
    )


def train(linker: Linker) -> None:
    """Unsupervised: nobody tells it who is who."""
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("user_id"), block_on("email")], recall=0.8
    )
    training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    for blocking in ("user_id", "email", "phone", "anonymous_id"):
        training.estimate_parameters_using_expectation_maximisation(
            block_on(blocking), record_sample_proportion=1.0
        )


def _memory_mb() -> int:
    """At its highest, of this process alone: ru_maxrss would count what it was forked from."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1_024 if found else 0


def splink_version() -> str:
    from importlib.metadata import version

    return version("splink")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else THRESHOLD)
