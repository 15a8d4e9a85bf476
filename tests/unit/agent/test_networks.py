"""The agent in networks without DHCP, as a process, in a server made of namespaces (needs root).

VLANs and bonds, which this host's kernel may lack, are made in a rescued machine
(tests/machine/test_networks.py).
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .calls import finalize, log_in
from .fakes import TOKEN, found
from .namespaces import Machine, Site, needs_namespaces

pytestmark = needs_namespaces

MAC, OTHER_MAC = "52:54:00:77:00:11", "52:54:00:77:00:12"
V4 = "ipa-api-url=http://10.77.0.1:6385 boot_method=vmedia\n"
V6 = "ipa-api-url=http://[fd00:77::1]:6385 boot_method=vmedia\n"


def network_data(*networks: dict[str, Any], mac: str = MAC) -> dict[str, Any]:
    card = {"id": "card", "type": "phy", "ethernet_mac_address": mac, "mtu": None}
    named = [{"id": "n", "network_id": "n", "link": "card", **each} for each in networks]
    return {
        "links": [card],
        "networks": named,
        "services": [{"type": "dns", "address": "10.77.0.5"}],
    }


STATIC = {
    "type": "ipv4",
    "ip_address": "10.77.0.20",
    "netmask": "255.255.255.0",
    "routes": [{"network": "10.99.0.0", "netmask": "255.255.0.0", "gateway": "10.77.0.1"}],
}


class Booted:
    """A server whose boot medium said this."""

    def __init__(self, site: Site, command_line: str, data: Any) -> None:
        self.machine = Machine(site, command_line)
        run = self.machine.path("/run/stbernard")
        run.mkdir()
        (run / "network_data.json").write_text(json.dumps(data))


def set_constant(machine: Machine, module: str, before: str, after: str) -> None:
    """Change the agent of this machine, so that the test need not wait."""
    file = machine.path(f"/usr/lib/python3/dist-packages/stbernard_agent/{module}")
    source = file.read_text()
    assert before in source
    file.write_text(source.replace(before, after))


@pytest.fixture
def booted(site: Site, request: pytest.FixtureRequest) -> Iterator[Machine]:
    machine = Booted(site, *request.param).machine
    yield machine
    machine.close()


@pytest.mark.parametrize("booted", [(V4, network_data(STATIC))], indirect=True)
def test_a_static_only_segment(site: Site, booted: Machine) -> None:
    """Nobody answers DHCP there, and nobody is asked."""
    site.add_link("eth0", MAC, "10.77.0.1/24")
    service = site.start_service("10.77.0.1")
    booted.start_agent()
    agent, result = finalize(site, service)
    assert agent["callback_url"] == "https://10.77.0.20:9999"
    assert result["command_result"]["addresses"] == ["10.77.0.20"]
    assert log_in(site, "10.77.0.20", result["command_result"]["ssh_host_key"]) == "rescued\n"
    assert "via 10.77.0.1" in booted.ip("route", "show", "10.99.0.0/16")
    assert booted.path("/etc/resolv.conf").read_text() == "nameserver 10.77.0.5\n"
    assert not any("udhcpc" in line for line in booted.processes().values())


@pytest.mark.parametrize(
    "booted",
    [(V6, network_data({"type": "ipv6", "ip_address": "fd00:77::20/64"}))],
    indirect=True,
)
def test_a_static_address_of_ipv6(site: Site, booted: Machine) -> None:
    site.add_link("eth0", MAC, "fd00:77::1/64", "nodad")
    service = site.start_service("fd00:77::1")
    booted.start_agent()
    agent, result = finalize(site, service)
    assert agent["callback_url"] == "https://[fd00:77::20]:9999"
    assert result["command_result"]["addresses"] == ["fd00:77::20"]


@pytest.mark.parametrize("booted", [(V6, None)], indirect=True)
def test_a_segment_with_router_advertisements_alone(site: Site, booted: Machine) -> None:
    """SLAAC: no network data, and no DHCP for IPv4."""
    site.add_link("eth0", MAC, "fd00:77::1/64", "nodad")
    names = "--dhcp-option=option6:dns-server,[fd00:77::5],[fd00:77::6]"
    search = "--dhcp-option=option6:domain-search,example.org,lab.example.org"
    site.start_router_advertisements("eth0", "fd00:77::", names, search)
    service = site.start_service("fd00:77::1")
    booted.start_agent()
    agent, result = finalize(site, service)
    address = "fd00:77::5054:ff:fe77:11"  # RFC 4291, appendix A, of the MAC address
    assert agent["callback_url"] == f"https://[{address}]:9999"
    assert address in result["command_result"]["addresses"]
    assert log_in(site, address, result["command_result"]["ssh_host_key"]) == "rescued\n"
    told = booted.path("/etc/resolv.conf").read_text()
    assert told.splitlines() == [
        "search example.org lab.example.org",
        "nameserver fd00:77::5",
        "nameserver fd00:77::6",
    ]


@pytest.mark.parametrize(
    "booted", [(V6, None), (V6, network_data({"type": "ipv6_dhcp"}))], indirect=True
)
def test_a_segment_with_dhcpv6_alone(site: Site, booted: Machine) -> None:
    site.add_link("eth0", MAC, "fd00:77::1/64", "nodad")
    names = "--dhcp-option=option6:dns-server,[fd00:77::5]"
    site.start_dhcpv6("eth0", "fd00:77::99", names)
    service = site.start_service("fd00:77::1")
    booted.start_agent()
    agent, result = finalize(site, service)
    assert agent["callback_url"] == "https://[fd00:77::99]:9999"
    assert result["command_result"]["addresses"] == ["fd00:77::99"]
    assert log_in(site, "fd00:77::99", result["command_result"]["ssh_host_key"]) == "rescued\n"
    assert "nameserver fd00:77::5\n" in booted.path("/etc/resolv.conf").read_text()


@pytest.mark.parametrize("booted", [(V4, network_data(STATIC, mac=OTHER_MAC))], indirect=True)
def test_a_card_that_is_not_there(site: Site, booted: Machine) -> None:
    """The network data names another one: DHCP is asked on what there is."""
    site.add_link("eth0", MAC, "10.77.0.1/24")
    booted.start_agent()
    booted.wait_for(f"the cards of network_data.json are not there: {OTHER_MAC}")
    site.start_dhcp("eth0", "10.77.0.11")
    agent, _ = finalize(site, site.start_service("10.77.0.1"))
    assert agent["callback_url"] == "https://10.77.0.11:9999"


@pytest.mark.parametrize(
    "booted", [(V4, network_data(STATIC | {"ip_address": "10.66.0.20"}))], indirect=True
)
def test_network_data_that_leads_nowhere(site: Site, booted: Machine) -> None:
    """After a while DHCP is asked as if there were none."""
    set_constant(booted, "session.py", "FALL_BACK_AFTER = 60.0", "FALL_BACK_AFTER = 1.0")
    site.add_link("eth0", MAC, "10.77.0.1/24")
    site.start_dhcp("eth0", "10.77.0.11")
    service = site.start_service("10.77.0.1")
    booted.start_agent()
    booted.wait_for("leads nowhere: DHCP is asked on every link")
    agent, _ = finalize(site, service)
    assert agent["callback_url"] == "https://10.77.0.11:9999"


BROKEN_BOND = {
    "links": [
        {"id": "card", "type": "phy", "ethernet_mac_address": MAC, "mtu": None},
        {
            "id": "bond",
            "type": "bond",
            "ethernet_mac_address": MAC,
            "mtu": None,
            "bond_mode": "of no kernel",
            "bond_links": ["card"],
        },
    ],
    "networks": [{"id": "n", "network_id": "n", "link": "bond", "type": "ipv4_dhcp"}],
    "services": [],
}


@pytest.mark.parametrize("booted", [(V4, BROKEN_BOND)], indirect=True)
def test_a_bond_that_cannot_be_made(site: Site, booted: Machine) -> None:
    """No address at all comes of it: then the card is asked for by itself."""
    set_constant(booted, "network.py", "GIVE_UP_AFTER = 60.0", "GIVE_UP_AFTER = 1.0")
    set_constant(booted, "network.py", "PATIENCE = 10.0", "PATIENCE = 1.0")
    site.add_link("eth0", MAC, "10.77.0.1/24")
    site.start_dhcp("eth0", "10.77.0.11")
    service = site.start_service("10.77.0.1")
    booted.start_agent()
    booted.wait_for("network data: ip link add")
    booted.wait_for("leads nowhere: DHCP is asked on every link")
    agent, _ = finalize(site, service)
    assert agent["callback_url"] == "https://10.77.0.11:9999"


@pytest.mark.parametrize("booted", [(V4, None)], indirect=True)
def test_a_card_that_joins_another_link_has_no_lease_any_more(site: Site, booted: Machine) -> None:
    """What it had does not count as an address of the server's."""
    site.add_link("eth0", MAC, "10.77.0.1/24")
    site.start_dhcp("eth0", "10.77.0.11")
    booted.start_agent()
    booted.wait_for("got 10.77.0.11 on eth0")
    lease = booted.path("/run/stbernard/lease-eth0")
    assert lease.exists()
    booted.ip("link", "add", "br0", "type", "bridge")
    booted.ip("link", "set", "eth0", "master", "br0")
    deadline = time.monotonic() + 60
    while lease.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("booted", [(V4, {"links": "nonsense"})], indirect=True)
def test_network_data_that_is_wrong(site: Site, booted: Machine) -> None:
    site.add_link("eth0", MAC, "10.77.0.1/24")
    site.start_dhcp("eth0", "10.77.0.11")
    service = site.start_service("10.77.0.1")
    booted.start_agent()
    booted.wait_for("network_data.json is wrong")
    assert finalize(site, service)[1]["command_status"] == "SUCCEEDED"


@pytest.mark.parametrize("booted", [(V4, None)], indirect=True)
def test_the_server_moves_to_a_static_only_network(site: Site, booted: Machine) -> None:
    """The rescuing network has DHCP, its own has not; the service has told of it at the lookup."""
    tenant = network_data(STATIC | {"ip_address": "10.66.0.20", "routes": []})
    site.add_link("eth0", MAC, "10.77.0.1/24")
    site.start_dhcp("eth0", "10.77.0.11")
    service = site.start_service("10.77.0.1")
    status, answer = found(TOKEN)
    answer["config"]["tenant_network_data"] = tenant
    service.lookup_answers = [(status, answer)]
    booted.start_agent()
    _, result = finalize(site, service)
    site.change_network("eth0", "10.66.0.1/24")
    booted.wait_for("got 10.66.0.20 on eth0")
    assert log_in(site, "10.66.0.20", result["command_result"]["ssh_host_key"]) == "rescued\n"
