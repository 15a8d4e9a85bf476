"""`stbernard lab`: machines to rescue, with a BMC each, in a network of their own."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option, Typer

from stbernard.cli.options import errors_as_lines

if TYPE_CHECKING:
    from stbernard.lab import Lab

app = Typer(no_args_is_help=True, help="Virtual machines to rescue, with a Redfish BMC each.")

Machines = Annotated[int, Option(min=1, max=200, help="How many machines.")]
Memory = Annotated[int, Option(min=128, help="Memory of each machine, in MiB.")]
Firmware = Annotated[
    Literal["bios", "uefi", "secure-boot"], Option(help="What the machines start with.")
]
Namespace = Annotated[str, Option(help="Network namespace; another one for a second lab.")]
StateDir = Annotated[Path, Option(help="Directory of this lab alone: disks, logs, pid files.")]
CacheDir = Annotated[Path, Option(help="Where what is built once is kept.")]
STATE_DIR = Path(".cache/lab")
CACHE_DIR = Path(".cache")
NAMESPACE = "stbernard-lab"
WIDTH = 400


@app.command()
def up(
    *,
    machines: Machines = 1,
    memory: Memory = 1024,
    firmware: Firmware = "bios",
    state_dir: StateDir = STATE_DIR,
    cache_dir: CacheDir = CACHE_DIR,
    namespace: Namespace = NAMESPACE,
    service: Annotated[bool, Option(help="Start the service in it, too.")] = False,
) -> None:
    """Start network and BMCs; the machines are switched off, their instances on their disks."""
    from stbernard.lab import Lab
    from stbernard.lab.service import by_hand, start_service
    from stbernard.ramdisk.build import ensure_ramdisk

    with errors_as_lines():
        lab = Lab(
            state_dir,
            machines=machines,
            memory_mb=memory,
            firmware=firmware,
            cache_dir=cache_dir,
            namespace=namespace,
        )
        if service:
            ramdisk = ensure_ramdisk(lab.cache_dir)
        lab.up()
        if service:
            try:
                start_service(lab, ramdisk)
            except BaseException:
                lab.down()
                raise
        _show(lab)
        if service:
            print(f"\nThe service is up, too. By hand:\n\n{by_hand(lab)}")


@app.command()
def demo(
    *,
    memory: Memory = 1024,
    firmware: Firmware = "bios",
    state_dir: StateDir = STATE_DIR,
    cache_dir: CacheDir = CACHE_DIR,
    namespace: Namespace = NAMESPACE,
) -> None:
    """Rescue a machine whose password nobody knows, with everything real; leave nothing running."""
    from rich.console import Console

    from stbernard.lab import Lab
    from stbernard.lab.demo import demo

    # Ended from outside, it still takes the lab down.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with errors_as_lines():
        lab = Lab(
            state_dir,
            memory_mb=memory,
            firmware=firmware,
            cache_dir=cache_dir,
            namespace=namespace,
        )
        demo(Console(soft_wrap=True), lab)


@app.command()
def down(state_dir: StateDir = STATE_DIR) -> None:
    """End all that the lab started and delete its network; the logs stay."""
    from stbernard.lab import Lab

    with errors_as_lines():
        if (state_dir / "lab.json").exists():
            Lab.load(state_dir).down()


@app.command()
def status(state_dir: StateDir = STATE_DIR) -> None:
    """Show the lab's machines."""
    from stbernard.lab import Lab

    with errors_as_lines():
        _show(Lab.load(state_dir))


def _show(lab: "Lab") -> None:
    from rich.console import Console
    from rich.table import Table

    state = "up" if lab.network.exists else "down"
    table = Table("machine", "power", "MAC", "address", "Redfish system", "serial log", box=None)
    for machine in lab.machines:
        power = "on" if machine.is_on else "off"
        log = str(machine.serial_log)
        table.add_row(machine.name, power, machine.mac, machine.address, machine.system_id, log)
    # Paths are there to be copied: better a line too wide for the terminal than one cut off.
    console = Console(width=WIDTH)
    console.print(f"lab {lab.network.namespace} is {state}; BMCs at {lab.machines[0].bmc_address}")
    console.print(table)
