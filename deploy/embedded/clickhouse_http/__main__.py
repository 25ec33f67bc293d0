"""Opens the data directory and serves it: python -m deploy.embedded.clickhouse_http."""

import argparse
import os
from pathlib import Path

import uvicorn

from deploy.embedded.clickhouse_http.access import Passwords
from deploy.embedded.clickhouse_http.app import app
from deploy.embedded.clickhouse_http.engine import Engine


def main() -> None:
    """Passwords come by the environment: a command line is for everybody to read."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--directory", type=Path, required=True)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    options = arguments.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    passwords = Passwords(
        default=os.environ.get("RAPPORT_CLICKHOUSE_DEFAULT_PASSWORD", ""),
        analyst=os.environ.get("RAPPORT_CLICKHOUSE_ANALYST_PASSWORD", ""),
    )
    engine = Engine(options.directory)
    try:
        uvicorn.run(
            app(engine, passwords),
            host=options.host,
            port=options.port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=5,
        )
    finally:
        engine.close()


if __name__ == "__main__":
    main()
