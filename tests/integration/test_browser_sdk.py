"""Segment's browser SDK in a real Chromium, on a page of another origin than ingest."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.embedded.engines import Engines
from tests.integration.flaky_proxy import Fault, flaky
from tests.integration.test_ingest import KEY, Ingest, all_of, running
from tests.waiting import until

PACKAGES = Path("tests/sdks/browser/node_modules")
SDK = "node_modules/@segment/analytics-next/dist/umd/index.js"
EVENTS = 20
#: Nothing but the page: no updates, no look-ups of the browser's own.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
PAGE = """<!doctype html><title>A shop</title><script src={sdk}></script><script>
const batching = {{strategy: "batching", config: {{size: 7, timeout: 500}}}};
const analytics = AnalyticsNext.AnalyticsBrowser.load(
  {{writeKey: {key}, cdnURL: {host}}},
  {{integrations: {{"Segment.io": {{
    apiHost: {host}.replace("http://", "") + "/v1", protocol: "http",
    deliveryStrategy: {batched} ? batching : {{}},
  }}}}}},
);
analytics.page();
analytics.identify("u-" + {prefix}, {{email: "Ada@X.example"}});
for (let n = 0; n < {events}; n++) analytics.track({prefix} + " " + n, {{n}});
analytics.group("g-" + {prefix});
</script>"""


@pytest.fixture(scope="module")
def ingest(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running(engines.kafka, tmp_path_factory.mktemp("browser")) as one:
        yield one


@contextmanager
def page_at(folder: Path, page: str) -> Iterator[str]:
    """The address of the page; the SDK's package is beside it."""
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / "node_modules").symlink_to(PACKAGES.resolve(), target_is_directory=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a site of a test."""


@contextmanager
def browser(folder: Path, address: str) -> Iterator[None]:
    """Chromium on that page until the test has seen enough."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", address],
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize(
    ("batched", "faults"),
    [
        (False, ()),
        (False, (500, None, 503, None, 429, None, "cut before", None, "cut after")),
        (True, ()),
        (True, (500, 503, "cut before", "cut after")),
    ],
    ids=["alone", "alone, faults", "batches", "batches, faults"],
)
def test_every_event_of_a_page_arrives(
    ingest: Ingest, prefix: str, tmp_path: Path, batched: bool, faults: tuple[Fault | None, ...]
) -> None:
    wanted: set[tuple[str, str | None]] = {("custom", f"{prefix} {n}") for n in range(EVENTS)}
    wanted |= {("page_viewed", None), ("identified", None), ("account_linked", None)}

    def arrived() -> Counter[tuple[str, str | None, str]]:
        """(kind, name, message id) of what the page's user sent -> how often it is in the log."""
        return Counter(
            (value["properties"]["kind"], value["properties"].get("name"), value["message_id"])
            for value in all_of(ingest.kafka, "touchpoints.accepted")
            if {"kind": "user_id", "value": f"u-{prefix}"} in value["identifiers"]
        )

    with flaky(ingest.url, *faults) as (proxy, host):
        texts = {"key": KEY, "host": host, "prefix": prefix, "batched": batched, "events": EVENTS}
        texts["sdk"] = SDK
        page = PAGE.format(**{name: json.dumps(text) for name, text in texts.items()})
        with page_at(tmp_path, page) as address, browser(tmp_path, address):
            until(lambda: {one[:2] for one in arrived()} == wanted, "the page's events to arrive")
    times = arrived()
    assert len(times) == len(wanted), "each under one id"
    if "cut after" not in faults:
        assert set(times.values()) == {1}
    assert (len(proxy.answered) < EVENTS) == batched
    given = Counter(answer for answer in proxy.answered if answer != 200)
    assert given == Counter(fault for fault in faults if fault)
