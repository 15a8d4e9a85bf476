"""The iPXE scripts: what a machine is told at boot. Nothing in them is secret."""

import re
from collections.abc import Mapping

from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import Node

ATTEMPTS = 10  # to load kernel and ramdisk before the machine goes back to its disk
PAUSE = 5  # seconds in between

BOOT_SCRIPT = """\
#!ipxe
# Every machine starts here. One that is to be rescued has a script named after the MAC address of
# one of its network cards; any other, and one whose script gives up, boots from its disk.
set card:int32 0
:next_card
isset ${net${card}/mac} || goto disk
echo Looking for a rescue of ${net${card}/mac}
chain --autofree pxelinux.cfg/${net${card}/mac:hexhyp} ||
inc card
goto next_card
:disk
echo Nothing to rescue here: booting the local disk
iseq ${platform} efi && exit ||
sanboot --no-describe --drive 0x80
"""

_RESCUE_SCRIPT = """\
#!ipxe
# The rescue ramdisk of node {node}
set attempt:int32 0
:load
imgfree
kernel {url}/rescue_kernel initrd=rescue_ramdisk BOOTIF=${{mac}} {arguments} || goto again
initrd --name rescue_ramdisk {url}/rescue_ramdisk || goto again
boot || goto again
:again
inc attempt
iseq ${{attempt}} {attempts} && exit 1 ||
echo The rescue ramdisk did not load, trying again in {pause} seconds
sleep {pause}
goto load
"""

# What iPXE or the shape of a line would understand as something else than a kernel argument.
_NOT_AN_ARGUMENT = re.compile(r"[^\x20-\x7e]|\$\{|(?:^|\s)(?:\|\||&&)(?:\s|$)")


def rescue_script(node: Node, url: str, arguments: str) -> str:
    """The script of one node; `url`: the folder that holds its kernel and ramdisk."""
    return _RESCUE_SCRIPT.format(
        node=node.uuid, url=url, arguments=arguments, attempts=ATTEMPTS, pause=PAUSE
    )


def kernel_arguments(node: Node, default: str, params: Mapping[str, str]) -> str:
    """[pxe]kernel_append_params, or driver_info's with `%default%` as its place, and `params`.

    Raises InvalidDriverInfo for what cannot stand on a kernel command line."""
    own = node.driver_info.get("kernel_append_params")
    appended = default if own is None else str(own).replace("%default%", default)
    arguments = " ".join([appended.strip(), *(f"{key}={value}" for key, value in params.items())])
    if _NOT_AN_ARGUMENT.search(arguments):
        raise InvalidDriverInfo(
            f"Node {node.uuid}: kernel_append_params holds a line break, a character that is not "
            "ASCII, '||', '&&' or '${', which iPXE does not pass to the kernel. Take it out."
        )
    return arguments.strip()
