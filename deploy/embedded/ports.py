"""Which TCP ports are free on this machine, and who holds the others."""

import socket

import psutil

HOST = "127.0.0.1"


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
    """A port that the system says is free. Another process may still be faster."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


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
