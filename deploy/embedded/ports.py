"""Which TCP ports are free on this machine, and who holds the others."""

import secrets
import socket
from pathlib import Path

import psutil

HOST = "127.0.0.1"
LOWEST = 15_000


class PortTakenError(RuntimeError):
    """A port that was asked for by name is held by somebody else."""

    def __init__(self, engine: str, port: int) -> None:
        super().__init__(
            f"{engine}: port {port} is held by {holder(port)}; "
            f"stop it, or choose another with RAPPORT_{engine.upper()}_PORT"
        )


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now; TIME_WAIT does not count as taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to clients.

    From there a client could take an engine's port while the engine is down, even by
    connecting to itself when it tries again and again to reach it.
    """
    for _ in range(200):
        port = LOWEST + secrets.randbelow(_clients_from() - LOWEST)
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _clients_from() -> int:
    """Where the ports of clients begin; on Linux it can be set."""
    known = Path("/proc/sys/net/ipv4/ip_local_port_range")
    begin = int(known.read_text().split()[0]) if known.exists() else 32768
    return begin if begin > LOWEST + 1000 else 32768


def listens(pid: int, port: int) -> bool:
    """Whether this process, and not another one, listens on the port."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(
        connection.status == psutil.CONN_LISTEN
        and bool(connection.laddr)
        and connection.laddr[1] == port
        for connection in connections
    )


def choose(engine: str, fixed: int | None, remembered: int | None) -> int:
    """The fixed port or an error; else the remembered one, so that addresses last; else any."""
    if fixed is not None:
        if not is_free(fixed):
            raise PortTakenError(engine, fixed)
        return fixed
    if remembered is not None and is_free(remembered):
        return remembered
    return free_port()


def holder(port: int) -> str:
    """Name and pid of the process that listens on the port, as far as we may look."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "a process of another user"
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.pid and connection.laddr and connection.laddr.port == port:
            return _described(connection.pid)
    return "a process that this user may not see"


def _described(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())[:120]
        return f"pid {pid} ({process.name()}: {command})"
    except psutil.Error:
        return f"pid {pid}"
