"""An archive of Kafka's loaded classes: a start takes 3.5 s of CPU instead of 8.

Made by hand, once for each user: python -m deploy.embedded.kafka_archive. Without it all works.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.embedded import kafka
from deploy.embedded.engines import EngineFailedError, within
from deploy.embedded.kafka_jars import archive
from deploy.embedded.ports import free_port


def train() -> Path:
    """Let a broker start and stop under the JVM's eyes, which then writes the archive."""
    made = archive()
    made.parent.mkdir(parents=True, exist_ok=True)
    draft = made.with_suffix(".new")
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        java, *rest = kafka.command(Path(home), port, print)
        with (Path(home) / "log.txt").open("wb") as log:
            broker = subprocess.Popen(
                [java, *kafka.ARCHIVE_FLAGS, f"-XX:AOTCacheOutput={draft}", *rest],
                stdout=log,
                stderr=log,
            )
        ready = within(120, lambda: kafka.answers(port))
        broker.terminate()
        broker.wait(timeout=300)
    if not ready or not draft.exists():
        raise EngineFailedError("kafka: the archive could not be made")
    draft.replace(made)
    return made


def main() -> None:
    started = time.monotonic()
    made = train()
    size_mb = made.stat().st_size / 1e6
    sys.stdout.write(f"{made}: {size_mb:.0f} MB in {time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    main()
