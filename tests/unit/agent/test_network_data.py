"""What a network_data.json means, and the `ip` commands that make it true."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from stbernard_agent.layout import Layout
from stbernard_agent.network_data import NetworkDataError, read
from tests.unit.agent.fakes import RecordingConsole

ANY = "0.0.0.0"  # noqa: S104 (nobody binds to it)
A, B, C = "52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"


def phy(name: str, mac: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "phy", "ethernet_mac_address": mac, "mtu": None, **more}


def v4(link: str, address: str, *routes: dict[str, Any]) -> dict[str, Any]:
    net = {"id": f"net-{link}", "network_id": "n", "type": "ipv4", "link": link}
    return {**net, "ip_address": address, "netmask": "255.255.255.0", "routes": list(routes)}


def to(network: str, netmask: str, gateway: str) -> dict[str, Any]:
    return {"network": network, "netmask": netmask, "gateway": gateway}


BOND = {
    "id": "bond",
    "type": "bond",
    "ethernet_mac_address": A,
    "mtu": 9000,
    "bond_mode": "802.3ad",
    "bond_links": ["a", "b"],
    "bond_xmit_hash_policy": "layer3+4",
    "bond_miimon": 50,
}
VLAN = {
    "id": "vlan",
    "type": "vlan",
    "vlan_mac_address": C,
    "vlan_id": 100,
    "vlan_link": "bond",
    "mtu": None,
}
DATA: dict[str, Any] = {
    "links": [VLAN, BOND, phy("b", B), phy("a", A.upper())],  # in no order
    "networks": [
        v4("vlan", "10.0.0.5", to(ANY, ANY, "10.0.0.1")),
        {
            "id": "six",
            "network_id": "n",
            "type": "ipv6",
            "link": "vlan",
            "ip_address": "2001:db8::5/64",
            "routes": [
                to("::", "::", "2001:db8::1"),
                to("2001:db8:1::", "ffff:ffff:ffff::", "fe80::1"),
            ],
        },
    ],
    "services": [{"type": "dns", "address": "10.0.0.2"}],
}


@pytest.fixture
def ip(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands given to `ip`."""
    commands: list[str] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if command[0] == "ip":
            commands.append(" ".join(command[1:]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_a_vlan_on_a_bond_with_lacp(ip: list[str]) -> None:
    made = Layout(read(DATA), RecordingConsole())
    made.look({A: "eth0", B: "eth1"})
    assert ip == [
        "link set eth1 up",
        "link set eth0 up",
        f"link add bond0 address {A} type bond mode 802.3ad miimon 50 xmit_hash_policy layer3+4",
        "link set eth0 down",
        "addr flush dev eth0",
        "link set eth0 master bond0",
        "link set eth0 up",
        "link set eth1 down",
        "addr flush dev eth1",
        "link set eth1 master bond0",
        "link set eth1 up",
        "link set bond0 mtu 9000",
        "link set bond0 up",
        f"link add link bond0 name bond0.100 address {C} type vlan id 100",
        "link set bond0.100 up",
        "-4 addr replace 10.0.0.5/24 dev bond0.100",
        "-4 route replace 0.0.0.0/0 via 10.0.0.1 dev bond0.100 metric 50",
        "-6 addr replace 2001:db8::5/64 dev bond0.100 nodad",
        "-6 route replace ::/0 via 2001:db8::1 dev bond0.100 metric 51",
        "-6 route replace 2001:db8:1::/48 via fe80::1 dev bond0.100 metric 51",
    ]
    assert made.without_dhcp() == {"eth0", "eth1", "bond0", "bond0.100"}
    assert made.addresses() == {"bond0.100": ["10.0.0.5"]}
    ip.clear()
    made.look({A: "eth0", B: "eth1"})
    assert ip == []


def test_cards_that_come_late(ip: list[str]) -> None:
    """A bond works with the first one; the other joins."""
    made = Layout(read(DATA), RecordingConsole())
    made.look({})
    assert (ip, made.missing()) == ([], [B, A])
    made.look({B: "eth1"})
    assert "link set eth1 master bond0" in ip
    assert "-4 addr replace 10.0.0.5/24 dev bond0.100" in ip
    assert made.missing() == [A]
    ip.clear()
    made.look({A: "eth0", B: "eth1"})
    assert ip == [
        "link set eth0 up",
        "link set eth0 down",
        "addr flush dev eth0",
        "link set eth0 master bond0",
        "link set eth0 up",
    ]


def test_what_is_taken_down_again(ip: list[str]) -> None:
    made = Layout(read(DATA), RecordingConsole())
    made.look({A: "eth0", B: "eth1"})
    ip.clear()
    made.undo()
    assert ip == ["link del bond0.100", "link del bond0"]


def test_active_backup_and_dhcp_on_it(ip: list[str]) -> None:
    bond = BOND | {"bond_mode": "active-backup", "bond_miimon": None, "bond_xmit_hash_policy": None}
    net = {"id": "n", "network_id": "n", "type": "ipv4_dhcp", "link": "bond"}
    data = {"links": [phy("a", A), phy("b", B), bond], "networks": [net], "services": []}
    made = Layout(read(data), RecordingConsole())
    made.look({A: "eth0", B: "eth1"})
    assert f"link add bond0 address {A} type bond mode active-backup miimon 100" in ip
    assert (made.wants_dhcp(), made.wants_dhcp("6")) == ({"bond0"}, set())
    assert made.without_dhcp() == {"eth0", "eth1"}


def test_a_plain_card_keeps_dhcp_where_nothing_is_said_of_it(ip: list[str]) -> None:
    data = {"links": [phy("a", A), phy("b", B)], "networks": [v4("a", "10.0.0.5")], "services": []}
    made = Layout(read(data), RecordingConsole())
    made.look({A: "eth0", B: "eth1"})
    assert made.without_dhcp() == {"eth0"}


@pytest.mark.parametrize(
    ("netmask", "cidr"),
    [("255.255.255.0", "10.0.0.5/24"), ("24", "10.0.0.5/24"), (None, "10.0.0.5/32")],
)
def test_masks_in_every_form(netmask: str | None, cidr: str) -> None:
    net = v4("a", "10.0.0.5") | {"netmask": netmask}
    (read_net,) = read({"links": [phy("a", A)], "networks": [net], "services": []}).nets
    assert read_net.address == cidr


def test_dns_of_networks_and_services_once_each() -> None:
    dns = [{"type": "dns", "address": "10.0.0.2"}, {"type": "dns", "address": "10.0.0.3"}]
    net = v4("a", "10.0.0.5") | {"services": dns}
    data = {"links": [phy("a", A)], "networks": [net], "services": dns[:1]}
    assert read(data).dns == ("10.0.0.2", "10.0.0.3")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "KeyError"),
        ([], "TypeError"),
        ({"links": [BOND], "networks": []}, "what bond is made of is not there"),
        ({"links": [], "networks": [v4("x", "10.0.0.5")]}, "a network on link x"),
        ({"links": [phy("a", A)], "networks": [v4("a", "nonsense")]}, "nonsense"),
    ],
)
def test_what_cannot_be_used_is_said(data: Any, reason: str) -> None:
    with pytest.raises(NetworkDataError, match=reason):
        read(data)


def test_what_the_kernel_refuses_is_said(tmp_path: Path) -> None:
    console = RecordingConsole()
    made = Layout(read(DATA), console)
    made.look({A: "no-such-card"})
    line = console.next()
    assert line.startswith("network data: ip link set no-such-card up: ")
