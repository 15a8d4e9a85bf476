"""BIOS, from a boot ROM that does not say it is iPXE: `undionly.kpxe` by TFTP first.

QEMU has no other BIOS boot ROM than iPXE. So what tells one from others, the DHCP options 77 (user
class) and 175 (iPXE's own), is made an unknown option in its requests on their way, until iPXE has
been loaded anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from stbernard.lab import network
from tests.machine.netboot import LOADS, into_the_ramdisk_and_back, network_world
from tests.machine.world import World

pytestmark = [pytest.mark.machine, pytest.mark.timeout(1800)]

LOADED = "undionly.kpxe to"  # dnsmasq: "sent FILE to ADDRESS"
FIRST, LAST = 248, 420  # bytes into the UDP datagram; BOOTP is before the options
_RULES = (  # to 224 (private use, RFC 3942); with lengths, as 175 is in the list of wishes, too
    "udp dport 67 @th,{at},16 0xaf10-0xaf7f @th,{at},8 set 0xe0 udp checksum set 0",
    "udp dport 67 @th,{at},16 0x4d04 @th,{at},8 set 0xe0 udp checksum set 0",
)


def test_undionly_is_loaded_first(tmp_path: Path) -> None:
    with network_world(tmp_path, "bios", rom=True) as world, rom_of_some_other_kind(world):
        into_the_ramdisk_and_back(world, "ipxe")


@contextmanager
def rom_of_some_other_kind(world: World) -> Iterator[None]:
    world.lab.run("nft", "-f", _rules(world.lab.state_dir / "rom.nft"))
    loaded = []

    def let_ipxe_say_so() -> None:
        world.wait(lambda: LOADED in world.log.read_text(), "undionly.kpxe is loaded", LOADS)
        world.lab.run("nft", "delete", "table", "netdev", "rom")
        loaded.append(LOADED)

    waiting = Thread(target=let_ipxe_say_so, daemon=True)
    waiting.start()
    yield
    waiting.join()
    assert loaded


def _rules(file: Path) -> Path:
    """nftables' rules for what comes from the first machine."""
    hook = f'type filter hook ingress device "{network.port(1).tap}" priority 0;'
    rules = [rule.format(at=8 * byte) for byte in range(FIRST, LAST) for rule in _RULES]
    lines = ["table netdev rom {", "chain heard {", hook, *rules, "}", "}"]
    file.write_text("\n".join(lines) + "\n")
    return file
