"""The ports of the embedded engines: free, lasting, and never another's."""

import os
import socket

import pytest

from deploy.embedded import ports


@pytest.fixture
def taken() -> "socket.socket":
    holder = socket.socket()
    holder.bind((ports.HOST, ports.free_port()))
    holder.listen()
    return holder


def test_a_free_port_is_below_those_of_clients() -> None:
    found = {ports.free_port() for _ in range(20)}
    assert all(ports.LOWEST <= port < ports._clients_from() for port in found)
    assert all(ports.is_free(port) for port in found)


def test_a_remembered_port_is_kept_unless_it_is_taken(taken: socket.socket) -> None:
    with taken:
        held = taken.getsockname()[1]
        free = ports.free_port()
        assert ports.choose("redis", None, free) == free
        assert ports.choose("redis", None, held) != held


def test_a_fixed_port_that_is_taken_is_an_error_that_names_its_holder(
    taken: socket.socket,
) -> None:
    with taken:
        held = taken.getsockname()[1]
        with pytest.raises(ports.PortTakenError, match=f"{held} is held by pid {os.getpid()}"):
            ports.choose("redis", held, None)


def test_a_port_that_another_listens_on_is_not_ours(taken: socket.socket) -> None:
    with taken:
        held = taken.getsockname()[1]
        assert ports.listens(os.getpid(), held)
        assert not ports.listens(os.getppid(), held)
    assert not ports.listens(os.getpid(), held)
