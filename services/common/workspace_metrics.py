"""Metrics of whoever reads the workspace again while it runs."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

RELOADS = Counter(
    "rapport_workspace_reloads_total",
    "Changes of the workspace's files, by what became of them: taken or refused",
    ("result",),
)
REFUSED = Gauge(
    "rapport_workspace_refused",
    "1 while the workspace's files are wrong and the last good ones are in use",
)
VERSION = Gauge(
    "rapport_workspace_info",
    "1, with the version of the workspace that is in use: `rapport workspace plan` names it",
    ("version",),
)
