"""The interfaces of a driver: how an operation reaches hardware.

Every method takes a `Task` (a frozen node with its ports and the settings) and is told nothing
of the database. Methods are synchronous, may be called again after a crash (at least once), and
raise a `HardwareError` whose text names the thing and the remedy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from stbernard.nodes import BootDevice, Indicator, Login, Node, Port, Portgroup, Power
from stbernard.settings import Settings

InternalInfo = Mapping[str, dict[str, Any]]
"""The internal_info that ports and portgroups are to have from now on, by their uuid."""


class Interface(Protocol):
    """What every interface has."""

    def properties(self) -> Mapping[str, str]:
        """The driver_info keys it understands, each with a line of description."""

    def validate(self, task: "Task") -> None:
        """Raise InvalidDriverInfo if the node lacks what this needs; touches no hardware."""


@dataclass(frozen=True)
class NodeStep:
    """Something an interface can do as a clean, deploy or service step.

    `priorities`: for each of `clean`, `deploy`, `service` that it is offered for, its place in the
    automatic order, highest first; 0: only by request. `arguments`: name → whether it must be
    given. `abortable`: whether an abort need not wait until it is through."""

    name: str
    priorities: Mapping[str, int]
    arguments: Mapping[str, bool] = field(default_factory=dict)
    abortable: bool = False
    needs_ramdisk: bool = True


@runtime_checkable
class StepsInterface(Protocol):
    """What an interface of any kind has besides, if it offers steps."""

    def steps(self, kind: str) -> tuple[NodeStep, ...]:
        """Those of the interface of this kind (`deploy`, `raid`, …)."""

    def execute_step(
        self, task: "Task", kind: str, step: str, arguments: Mapping[str, Any]
    ) -> float | None:
        """Begin it, or look how far it is: seconds until one should look again, None when it is
        through. Raises HardwareError."""


class PowerInterface(Interface, Protocol):
    def get_power_state(self, task: "Task") -> Power:
        """What the BMC says now: ON, OFF or ERROR. Raises BMCError."""

    def set_power_state(self, task: "Task", target: Power) -> None:
        """Ask the BMC for it and return; the caller looks until it is so. Raises BMCError."""


class ManagementInterface(Interface, Protocol):
    def supported_boot_devices(self, task: "Task") -> tuple[str, ...]:
        """Ironic's names: pxe, disk, cdrom, bios, safe, uefihttp …"""

    def get_boot_device(self, task: "Task") -> BootDevice:
        """What is set now; device None: nothing, the firmware's own order. Raises BMCError."""

    def set_boot_device(self, task: "Task", device: BootDevice) -> None:
        """Boot from it next; what get_boot_device returned is put back exactly.

        Raises BMCError; InvalidDriverInfo if it is not supported."""

    def get_boot_mode(self, task: "Task") -> str | None:
        """`bios` or `uefi`; None if the BMC does not say. Raises BMCError."""

    def set_boot_mode(self, task: "Task", mode: str) -> None:
        """Boot in this mode next. Raises BMCError."""

    def get_secure_boot(self, task: "Task") -> bool | None:
        """Whether Secure Boot is on; None if the BMC does not say. Raises BMCError."""

    def set_secure_boot(self, task: "Task", on: bool) -> None:
        """Boot with Secure Boot from now on, or without it.

        Raises BMCError; InvalidDriverInfo if the server has no Secure Boot."""

    def last_start(self, task: "Task") -> float | None:
        """When the server last began to boot, also by a reset or by its own system: seconds since
        the epoch by the BMC's clock; None if the BMC does not say. Raises BMCError."""

    def clock(self, task: "Task") -> float | None:
        """The BMC's own, in seconds since the epoch; None if it does not say. Raises BMCError."""

    def inject_nmi(self, task: "Task") -> None:
        """Interrupt the processor, so that the server's system writes a dump of its memory.

        Raises BMCError; InvalidDriverInfo if the BMC cannot do it."""

    def indicators(self, task: "Task") -> Mapping[str, Mapping[str, Indicator]]:
        """The LEDs by component (`system`, `chassis`, `disk`) and name. Raises BMCError."""

    def get_indicator(self, task: "Task", component: str, name: str) -> str:
        """`on`, `off`, `blinking` or `unknown`.

        Raises BMCError; InvalidDriverInfo if there is no such LED."""

    def set_indicator(self, task: "Task", component: str, name: str, state: str) -> None:
        """Raises BMCError; InvalidDriverInfo if there is no such LED."""


@runtime_checkable
class VirtualMediaInterface(Protocol):
    """What a management interface has besides, if people may attach media of their own."""

    def attach_virtual_media(self, task: "Task", device_type: str, image_url: str) -> None:
        """Put the image into a drive of this type (`disk`, `cdrom`, `floppy`)."""

    def detach_virtual_media(self, task: "Task", device_types: tuple[str, ...]) -> None:
        """Empty the drives of these types; those that are empty stay so."""


class BootInterface(Interface, Protocol):
    def check_ramdisk(self, task: "Task") -> None:
        """Have the rescue images here, whole, before the server is touched. Raises ImageError."""

    def probe_ramdisk(self, task: "Task") -> None:
        """Look whether the images could be had now; takes seconds, and fetches none.

        Raises ImageError."""

    def carries_token(self, task: "Task") -> bool:
        """Whether what the ramdisk boots from reaches this server alone, with the params: then the
        agent's token goes with it, and no lookup hands one out."""

    def medium(self, task: "Task") -> str | None:
        """What somebody has in the drive that prepare_ramdisk needs; None: nothing, or it needs
        none. Raises HardwareError."""

    def prepare_ramdisk(self, task: "Task", params: Mapping[str, str]) -> BootDevice:
        """Offer the ramdisk (params: kernel arguments); returns what to boot from."""

    def clean_up_ramdisk(self, task: "Task") -> None:
        """Offer it no longer, leave no file of it, and put the medium of `before_rescue` back.
        Does nothing if all is so already."""


@dataclass(frozen=True)
class BootOption:
    """A DHCP option (RFC 2132 and 5859; 255 is, as in Ironic, the header's next server) for a
    server that boots: `to` its firmware, to iPXE, or to both."""

    number: int
    value: str
    to: Literal["firmware", "ipxe", "all"] = "all"


class DHCPProvider(Protocol):
    """Whoever answers a server's DHCP requests: no interface of a node, but one for all."""

    tells: bool
    """Whether it sends what it is given; else its servers are sent somewhere by others."""

    def send(self, task: "Task", options: Sequence[BootOption]) -> None:
        """Send these to the ports of the node that boot, instead of all it was given before.

        Raises HardwareError."""

    def forget(self, task: "Task") -> None:
        """Send the node's ports no such options any more. Raises HardwareError."""


class NetworkInterface(Interface, Protocol):
    """All of these raise NetworkError. `validate` may ask the network service."""

    moves: bool
    """Whether it does anything: `noop` does not."""

    def leave_tenant_networks(self, task: "Task") -> None:
        """Take the node out of its instance's networks."""

    def join_tenant_networks(self, task: "Task") -> None:
        """Put the node back into its instance's networks."""

    def join_rescuing_network(self, task: "Task") -> InternalInfo:
        """Put the node into the network its ramdisk boots in."""

    def leave_rescuing_network(self, task: "Task") -> InternalInfo:
        """Take it out again."""


@runtime_checkable
class VIFsInterface(Protocol):
    """What a network interface has besides, if a network service is to know of VIFs at once."""

    def attach_vif(self, task: "Task", vif: str) -> None:
        """The VIF belongs to this node from now on; if its instance runs, it joins the network.

        Raises NetworkError."""

    def detach_vif(self, task: "Task", vif: str) -> None:
        """The VIF belongs to nobody from now on. Raises NetworkError."""


class DeployInterface(Interface, Protocol):
    """`validate` also refuses an instance_info that asks for what it cannot do."""

    def tear_down(self, task: "Task") -> float | None:
        """Take back what it did for the instance: seconds until one should look again, None when
        it is done. Raises HardwareError."""


class InspectInterface(Interface, Protocol):
    def inspect_hardware(self, task: "Task") -> float | None:
        """Begin it, or look how far it is: seconds until one should look again, None when it is
        through. Raises HardwareError."""


class Answer(StrEnum):
    """Who answers at the ssh port of an address."""

    RESCUE = "the rescue"
    STRANGER = "the rescue of another server"
    OTHER = "another system"
    REFUSED = "a system without ssh"
    NOBODY = "nobody"


class Seen(NamedTuple):
    """`shown`: by what it was told, for people; empty where nothing was shown."""

    answer: Answer
    shown: str = ""


class RescueInterface(Interface, Protocol):
    needs_ramdisk: bool
    """Whether a rescue boots a ramdisk and waits for its agent."""

    def meet(self, task: "Task") -> Login:
        """Ask the agent for its addresses and ssh host key. Raises AgentError."""

    def open_login(self, task: "Task", password_hash: str) -> None:
        """Have the agent create the user `rescue`. Raises AgentError; a HardwareError that is
        not final if it takes longer: then it is called again."""

    def prove_login(self, task: "Task") -> tuple[Login, str]:
        """See the server's ssh with the host key reported; returns where it was seen, and what,
        for people. Raises AgentError when the key is another one."""

    def look(self, logins: Sequence[Login]) -> Sequence[Mapping[str, Seen]]:
        """Who answers at the addresses of each of these logins; all are asked at once."""


@dataclass(frozen=True)
class Driver:
    """The interfaces of one node, resolved by the registry from its hardware type."""

    power: PowerInterface
    management: ManagementInterface
    boot: BootInterface
    network: NetworkInterface
    rescue: RescueInterface
    deploy: DeployInterface
    inspect: InspectInterface
    named: Mapping[str, Interface]
    """All interfaces by kind (`power`, `console`, …), those without methods of their own too."""


class Sign(NamedTuple):
    """What was seen of a server while it boots, and when (seconds since the epoch)."""

    at: float
    what: str


@dataclass(frozen=True)
class Task:
    """One node to work on, with all that a step or a driver may look at."""

    node: Node
    ports: tuple[Port, ...]
    settings: Settings
    driver: Driver
    portgroups: tuple[Portgroup, ...] = ()
    signs: Callable[[], Sequence[Sign]] = tuple
    """Asks for what was seen of the server in this run of its operation, oldest first."""

    @property
    def parts(self) -> list[Port | Portgroup]:
        """What VIFs are attached to: portgroups first."""
        return [*self.portgroups, *self.ports]
