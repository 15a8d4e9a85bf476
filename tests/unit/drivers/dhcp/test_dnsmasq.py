"""The service's own dnsmasq, asked by a DHCP client in a network namespace. Needs root."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stbernard.drivers.base import BootOption, DHCPProvider, Task
from stbernard.drivers.dhcp import provider
from stbernard.drivers.dhcp.dnsmasq import DnsmasqDHCP
from stbernard.drivers.dhcp.none import NoDHCP
from stbernard.drivers.dhcp.server import own_dnsmasq
from stbernard.errors import HardwareError, SettingsError
from stbernard.lab.network import Network
from stbernard.programs import run
from stbernard.settings import Dhcp, Dnsmasq, Settings
from tests.factories import a_node, a_port
from tests.unit.drivers.tasks import a_task, all_enabled

_THEY_ARE: tuple[type[DHCPProvider], ...] = (DnsmasqDHCP, NoDHCP)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")
MAC = "52:54:00:77:00:01"
SECONDS = 60
OPTIONS = (
    BootOption(67, "grub.pxe", "firmware"),
    BootOption(67, "http://10.77.0.1:6385/boot/boot.ipxe", "ipxe"),
    BootOption(66, "10.77.0.9"),
    BootOption(255, "10.77.0.9"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return all_enabled(
        tmp_path,
        {"my_ip": "10.77.0.1"},
        dhcp=Dhcp(dhcp_provider="dnsmasq"),
        dnsmasq=Dnsmasq(interface="br0", dhcp_range=("10.77.0.50;10.77.0.59;255.255.255.0;1h",)),
    )


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(f"stbernard-dhcp-{os.getpid()}")
    network.create([])
    link = f"link add client address {MAC} type veth peer name server\n"
    run(
        *("ip", "-n", network.namespace, "-batch", "-"),
        stdin=link + "link set server master br0 up\nlink set client up\n",
    )
    yield network
    network.delete()


def told(network: Network, folder: Path, *more: str) -> dict[str, str]:
    """What a client hears, by the names of udhcpc's variables."""
    script = folder / "told"
    script.write_text("#!/bin/sh\n[ $1 = bound ] && env\ntrue\n")
    script.chmod(0o755)
    asks = ("-O", "bootfile", "-O", "tftp", "-O", "60", *more)
    client = ("busybox", "udhcpc", "-i", "client", "-n", "-q", "-f", "-t", "20", "-T", "1")
    done = subprocess.run(
        network.command([*client, "-s", str(script), *asks]),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def told_boot_file(network: Network, folder: Path, expected: str | None, *more: str) -> None:
    """dnsmasq notices a file a moment after it was written."""
    end = time.monotonic() + SECONDS
    while (heard := told(network, folder, *more).get("bootfile")) != expected:
        assert time.monotonic() < end, f"told {heard}, not {expected}"


def a_rescue(settings: Settings) -> Task:
    node = a_node()
    return a_task(settings, node, [a_port(node, address=MAC)])


@needs_root
def test_a_machine_is_told_what_to_boot_while_it_is_rescued(
    settings: Settings, network: Network, tmp_path: Path
) -> None:
    task, ipxe = a_rescue(settings), ("-x", "0xaf:01")
    dhcp = provider(settings)
    asked: list[str] = []
    with network.inside(), own_dnsmasq(settings, asked.append):
        assert "bootfile" not in told(network, tmp_path)
        dhcp.send(task, OPTIONS)
        told_boot_file(network, tmp_path, "grub.pxe")
        heard = told(network, tmp_path)
        assert (heard["siaddr"], heard["tftp"]) == ("10.77.0.9", "10.77.0.9")
        told_boot_file(network, tmp_path, "http://10.77.0.1:6385/boot/boot.ipxe", *ipxe)
        dhcp.send(task, [BootOption(67, "another.pxe", "firmware")])
        told_boot_file(network, tmp_path, "another.pxe")
        dhcp.forget(task)
        dhcp.forget(task)
        told_boot_file(network, tmp_path, None)
        # iPXE that nobody rescues is told to boot from the disk by the common script.
        told_boot_file(network, tmp_path, "http://127.0.0.1:6385/boot/boot.ipxe", *ipxe)
    assert set(asked) == {MAC}


@needs_root
def test_one_address_for_one_card_and_http_clients_are_answered_as_such(
    settings: Settings, network: Network, tmp_path: Path
) -> None:
    with network.inside(), own_dnsmasq(settings, lambda _: None):
        first = told(network, tmp_path, "-C")
        other = told(network, tmp_path, "-x", "0x3d:ff01020304")
        assert first["ip"] == other["ip"]
        over_http = told(network, tmp_path, "-V", "HTTPClient:Arch:00016:UNDI:003001")
        assert over_http["vendor"] == "HTTPClient"


def test_nothing_is_started_unless_it_is_wanted(settings: Settings) -> None:
    with own_dnsmasq(replace(settings, dnsmasq=Dnsmasq()), print):
        assert not (Path(settings.default.state_path) / "dnsmasq").exists()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Dnsmasq(interface="br0"), r"\[dnsmasq\]dhcp_range is not set"),
        (
            Dnsmasq(interface="br0", dhcp_range=("all",)),
            r"dnsmasq does not take this: .*dhcp-range",
        ),
    ],
)
def test_a_wrong_setting_is_named(settings: Settings, wrong: Dnsmasq, why: str) -> None:
    with (
        pytest.raises(SettingsError, match=why),
        own_dnsmasq(replace(settings, dnsmasq=wrong), print),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "dnsmasq").write_text("")
    with pytest.raises(HardwareError, match=r"Let the service write to .*dnsmasq/hosts"):
        provider(settings).send(a_rescue(settings), OPTIONS)


def test_another_dhcp_server_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    task = a_rescue(settings)
    none = provider(replace(settings, dhcp=Dhcp()))
    none.send(task, OPTIONS)
    none.forget(task)
    assert not none.tells
    assert [*tmp_path.iterdir()] == []
