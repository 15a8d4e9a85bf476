"""The scripts of iPXE and GRUB: what a machine is told at boot. Nothing in them is secret."""

import re

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


def rescue_script(node: Node, url: str, arguments: str) -> str:
    """The script of one node; `url`: the folder that holds its kernel and ramdisk."""
    return _RESCUE_SCRIPT.format(
        node=node.uuid, url=url, arguments=arguments, attempts=ATTEMPTS, pause=PAUSE
    )


GRUB_SCRIPT = """\
# Every machine starts here. One that is to be rescued has a configuration named after the MAC
# address of the network card it has booted from; any other boots from its disk.
echo "Looking for a rescue of $net_default_mac"
source $prefix/rescue-$net_default_mac.cfg
echo "Nothing to rescue here: booting the local disk"
exit
"""

_GRUB_RESCUE = """\
# The rescue ramdisk of node {node}
for attempt in {attempts}; do
  if linux {folder}/rescue_kernel BOOTIF=$net_default_mac {arguments}; then
    if initrd {folder}/rescue_ramdisk; then
      boot
    fi
  fi
  echo "The rescue ramdisk did not load, trying again in {pause} seconds"
  sleep {pause}
done
"""

_ARGUMENT = re.compile(r'(?:[^\s"]|"[^"]*")+')


def grub_script(node: Node, folder: str, arguments: str) -> str:
    """The configuration of one node; `folder`: what holds its kernel and ramdisk, for GRUB."""
    return _GRUB_RESCUE.format(
        node=node.uuid,
        attempts=" ".join(map(str, range(ATTEMPTS))),
        pause=PAUSE,
        folder=folder,
        arguments=" ".join(map(_quoted, _ARGUMENT.findall(arguments))),
    )


def _quoted(argument: str) -> str:
    """One kernel argument as one word of GRUB's, whatever is in it."""
    bare = argument.replace('"', "")  # GRUB puts them again around what has a space
    return "'" + bare.replace("'", "'\\''") + "'"
