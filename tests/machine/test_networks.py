"""Networks that take Debian's kernel: bonds and VLANs, in a rescued machine.

One boot: its medium brings network data with a static address on a bond. In the rescue, namespaces
then play a switch with LACP and a VLAN trunk, and the agent's code the server at the other end.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from passlib.hash import sha512_crypt

from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.direct_boot import Service, booted, free_port

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1200)]

CACHE = Path(__file__).parents[2] / ".cache"
PASSWORD = "Fetch-the-barrel"
ADDRESS = "10.0.2.77"  # not what QEMU's DHCP would give
MAC, OTHER_MAC = "52:54:00:12:34:56", "52:54:00:12:34:57"


def card(name: str, mac: str) -> dict[str, Any]:
    return {"id": name, "type": "phy", "ethernet_mac_address": mac, "mtu": None}


def bond(mac: str, mode: str) -> dict[str, Any]:
    made_of = {"type": "bond", "bond_mode": mode, "bond_links": ["one", "two"]}
    return {"id": "bond", "ethernet_mac_address": mac, "mtu": None, **made_of}


def static(link: str, address: str, mask: str) -> dict[str, Any]:
    net = {"id": link, "network_id": link, "type": "ipv4", "link": link}
    return {**net, "ip_address": address, "netmask": mask, "routes": []}


def medium(folder: Path, data: dict[str, Any]) -> Path:
    """An ISO as the service puts into a virtual drive."""
    latest = folder / "tree/openstack/latest"
    latest.mkdir(parents=True)
    (latest / "network_data.json").write_text(json.dumps(data))
    iso = folder / "medium.iso"
    command: list[str | Path] = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "config-2"]
    subprocess.run([*command, "-o", iso, folder / "tree"], check=True)
    return iso


SWITCH = """
set -e
ip() { /usr/sbin/ip "$@"; }
for each in switch server; do ip netns add $each; done
ip -n switch link add lag type bond mode MODE miimon 50
for each in one two; do
    ip -n switch link add to-$each type veth peer name $each netns server
    ip -n switch link set to-$each master lag
    ip -n switch link set to-$each up
done
ip -n server link set one address 52:54:00:00:00:01
ip -n server link set two address 52:54:00:00:00:02
ip -n switch link set lag up
ip -n switch link add link lag name lag.100 type vlan id 100
ip -n switch addr add 10.55.0.1/24 dev lag.100
ip -n switch link set lag.100 up
"""

SERVER = """
import json, sys
from stbernard_agent.console import Console
from stbernard_agent.layout import Layout
from stbernard_agent.links import ethernet_links, mac
from stbernard_agent.network_data import read
layout = Layout(read(json.loads(sys.argv[1])), Console())
layout.look({mac(link): link for link in ethernet_links()})
assert not layout.missing(), layout.missing()
"""


def trunk(mode: str) -> dict[str, Any]:
    first, second = "52:54:00:00:00:01", "52:54:00:00:00:02"
    vlan = {"id": "vlan", "type": "vlan", "vlan_id": 100, "vlan_link": "bond", "mtu": None}
    return {
        "links": [
            card("one", first),
            card("two", second),
            bond(first, mode) | {"bond_miimon": 50},
            vlan | {"vlan_mac_address": first},
        ],
        "networks": [static("vlan", "10.55.0.5", "255.255.255.0")],
        "services": [],
    }


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(sha512_crypt.using(rounds=5000).hash(PASSWORD))
    yield service
    service.close()


async def as_root(connection: asyncssh.SSHClientConnection, command: str, stdin: str = "") -> str:
    done = await connection.run(f"sudo {command}", input=stdin)
    assert done.exit_status == 0, (command, done.stdout, done.stderr)
    return str(done.stdout)


async def trunk_with(connection: asyncssh.SSHClientConnection, mode: str) -> str:
    """Through the bond's VLAN to the switch; returns what the kernel says of the bond."""
    await as_root(connection, "sh", SWITCH.replace("MODE", mode))
    inside = "ip netns exec server"
    data = json.dumps(trunk(mode))
    await as_root(connection, f"{inside} python3 -I - '{data}'", SERVER)
    # the first packets go before LACP has agreed
    await as_root(connection, f"{inside} ping -q -c 1 -w 60 10.55.0.1")
    shown = await as_root(connection, f"{inside} cat /proc/net/bonding/bond0")
    for namespace in ("switch", "server"):
        await as_root(connection, f"ip netns del {namespace}")
    return shown


async def in_the_rescue(port: int) -> None:
    async with await asyncssh.connect(
        *("127.0.0.1", port),
        username="rescue",
        password=PASSWORD,
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        login_timeout=600,
    ) as connection:
        booted = await as_root(connection, "cat /proc/net/bonding/bond0")
        assert "Bonding Mode: fault-tolerance (active-backup)" in booted
        assert booted.count("Slave Interface") == 2
        assert f"inet {ADDRESS}/24" in await as_root(connection, "ip -4 addr show dev bond0")
        assert await as_root(connection, "sh -c 'pgrep udhcpc || true'") == ""
        assert await as_root(connection, "cat /etc/resolv.conf") == "nameserver 10.0.2.3\n"

        lacp = await trunk_with(connection, "802.3ad")
        assert "IEEE 802.3ad Dynamic link aggregation" in lacp
        assert "Number of ports: 2" in lacp  # both cards carry, agreed with the other end
        assert "Bonding Mode: fault-tolerance" in await trunk_with(connection, "active-backup")


def test_a_bond_from_the_medium_and_trunks(tmp_path: Path, service: Service) -> None:
    data = {
        "links": [card("one", MAC), card("two", OTHER_MAC), bond(MAC, "active-backup")],
        "networks": [static("bond", ADDRESS, "255.255.255.0")],
        "services": [{"type": "dns", "address": "10.0.2.3"}],
    }
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(1 << 20)
    drive = f"if=none,id=cd,media=cdrom,format=raw,file={medium(tmp_path, data)}"
    more = ["-device", "virtio-scsi-pci", "-drive", drive, "-device", "scsi-cd,drive=cd"]
    more += ["-netdev", "hubport,id=n1,hubid=1"]
    more += ["-device", f"virtio-net-pci,netdev=n1,romfile=,mac={OTHER_MAC}"]
    port = free_port()
    with booted(
        ensure_ramdisk(CACHE),
        service,
        port,
        disk=disk,
        address=ADDRESS,
        more=more,
        append="boot_method=vmedia",
    ) as machine:
        machine.wait_for(f"rescue login open: ssh rescue@{ADDRESS}")
        asyncio.run(in_the_rescue(port))
