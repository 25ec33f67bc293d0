"""The command line of an embedded ClickHouse, its analyst's password, and whether it answers."""

import secrets
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

from deploy.embedded.ports import HOST


def command(home: Path, port: int) -> list[str]:
    """A process of our own, with the engine and ClickHouse's HTTP protocol in it."""
    module = "deploy.embedded.clickhouse_http"
    options = ["--directory", str(home / "data"), "--host", HOST, "--port", str(port)]
    return [sys.executable, "-m", module, *options]


def environment(home: Path) -> dict[str, str]:
    """What is not for the command line: passwords, and where our own code is."""
    project = Path(__file__).resolve().parents[2]
    return {
        "RAPPORT_CLICKHOUSE_ANALYST_PASSWORD": analyst_password(home),
        "PYTHONPATH": str(project),
        "MALLOC_ARENA_MAX": "2",
    }


def analyst_password_file(home: Path) -> Path:
    return home / "analyst.password"


def keep_analyst_password(home: Path, password: str) -> None:
    """Readable by its owner alone."""
    home.mkdir(parents=True, exist_ok=True)
    kept = analyst_password_file(home)
    kept.touch(mode=0o600)
    kept.write_text(password)


def analyst_password(home: Path) -> str:
    """Made once for each home."""
    kept = analyst_password_file(home)
    if not kept.exists() or not kept.read_text().strip():
        keep_analyst_password(home, secrets.token_urlsafe(18))
    return kept.read_text().strip()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/ping", timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
