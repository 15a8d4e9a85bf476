"""The namespace is real: these tests need root."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.errors import ProgramError
from stbernard.lab.network import HOST, Network, dnsmasq_config, port

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(f"stbernard-unit-{os.getpid()}")
    network.create([port(1), port(2)])
    yield network
    network.delete()


def test_every_machine_has_its_own_port() -> None:
    assert [port(1).mac, port(1).address] == ["52:54:00:77:00:01", "10.77.0.11"]
    ports = [port(number) for number in range(1, 201)]
    for attribute in ("mac", "address", "tap"):
        assert len({getattr(plug, attribute) for plug in ports}) == len(ports)


@needs_root
def test_bridge_and_taps_are_there(network: Network) -> None:
    assert network.exists
    shown = subprocess.run(
        network.command(["ip", "-brief", "address"]), capture_output=True, text=True, check=True
    ).stdout
    links = {line.split()[0]: line.split()[2:] for line in shown.splitlines()}
    assert f"{HOST}/24" in links["br0"]
    assert {"tap1", "tap2"} <= set(links)


@needs_root
def test_inside_the_thread_is_in_the_namespace_and_only_then(network: Network) -> None:
    outside = Path("/proc/thread-self/ns/net").readlink()
    with network.inside():
        assert Path("/proc/thread-self/ns/net").readlink() != outside
        server = socket.create_server((HOST, 0))
    assert Path("/proc/thread-self/ns/net").readlink() == outside
    # The socket has stayed behind.
    with server, network.inside(), socket.create_connection(server.getsockname(), timeout=10):
        pass


@needs_root
def test_the_thread_comes_back_from_an_error(network: Network) -> None:
    outside = Path("/proc/thread-self/ns/net").readlink()
    with pytest.raises(ZeroDivisionError), network.inside():
        _ = 1 / 0
    assert Path("/proc/thread-self/ns/net").readlink() == outside


@needs_root
def test_deleting_twice_does_no_harm(network: Network) -> None:
    network.delete()
    assert not network.exists
    network.delete()


@needs_root
def test_a_name_that_is_taken_is_an_error(network: Network) -> None:
    with pytest.raises(ProgramError, match=network.namespace):
        Network(network.namespace).create([])


def test_dnsmasq_understands_its_configuration(tmp_path: Path) -> None:
    config = tmp_path / "dnsmasq.conf"
    config.write_text(dnsmasq_config([port(1)], tmp_path))
    subprocess.run(["dnsmasq", "--test", f"--conf-file={config}"], check=True)
    assert "dhcp-host=52:54:00:77:00:01,10.77.0.11\n" in config.read_text()
