"""Fake hardware: a server that is nothing but a record of what was done to it.

One object plays every interface of every fake node. What it knows of a node is a small record: in
memory, or with `[fake]state_dir` in a folder of JSON files, where it outlives the process and where
a test can read what happened and have calls fail:

    <node uuid>.json         the record, written by the fake alone
    <node uuid>.faults.json  {"<method>": [times, "<class in stbernard.errors>", "<text>"]}

`[fake]*_delay` never holds a thread: power and boot device become true later, as a real BMC's do,
the slow calls of boot and rescue raise an error that is not final until their time has come, and
says when that is (as a BMC does with Retry-After), and the long work (deployment, inspection,
steps) says when to look again.
"""

import json
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import msgspec

from stbernard import errors
from stbernard.drivers.base import NodeStep, Seen, Task
from stbernard.drivers.fake_steps import STEPS
from stbernard.drivers.none import Noop
from stbernard.errors import HardwareError, InvalidDriverInfo, SettingsError
from stbernard.files import write_atomically
from stbernard.nodes import BootDevice, Indicator, Login, Node, Power
from stbernard.settings import Settings

DELAYS = (
    *("power", "boot", "deploy", "vendor", "management", "inspect", "raid", "bios"),
    *("storage", "rescue", "firmware"),
)
REMEMBERED_EFFECTS = 200  # per node; a record stays small however long a node lives

_INDICATORS = {
    "chassis": {"led-0": Indicator(readonly=True, states=("off", "on"))},
    "system": {"led": Indicator(readonly=False, states=("blinking", "off", "on"))},
}
_LEADS_TO = {
    Power.ON: Power.ON,
    Power.OFF: Power.OFF,
    Power.REBOOT: Power.ON,
    Power.SOFT_OFF: Power.OFF,
    Power.SOFT_REBOOT: Power.ON,
}


class Record(msgspec.Struct):
    """One fake server. `effects`: what was done to it, oldest first; never holds a password.

    `power_at` and `boot_at` are the times (seconds since the epoch) from which `power_next` and
    `boot_next` hold; `busy` are slow calls of the operation `run` that have begun, by method, and
    when they are through;
    `failed` counts the faults that have struck, by method."""

    power: str
    boot: BootDevice = BootDevice("disk", True)
    mode: str = "uefi"
    login_open: bool = False
    started_at: float | None = None
    power_next: str | None = None
    power_at: float = 0
    boot_next: BootDevice | None = None
    boot_at: float = 0
    busy: dict[str, float] = {}
    run: str | None = None
    indicators: dict[str, str] = {}
    failed: dict[str, int] = {}
    effects: list[str] = []


class FakeHardware(Noop):
    """Every interface of fake hardware. Raises SettingsError for a delay that is not one."""

    needs_ramdisk = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        fake = settings.fake
        self._delays = {kind: _seconds(kind, getattr(fake, f"{kind}_delay")) for kind in DELAYS}
        self._folder = Path(fake.state_dir) if fake.state_dir else None
        self._memory: dict[str, Record] = {}
        self._faults: dict[tuple[str, str], tuple[int, HardwareError]] = {}
        self._lock = RLock()

    # What a test looks at and turns.

    def record(self, node: Node) -> Record:
        """What is known of this node now; a server never touched is on, or as the node says."""
        with self._lock:
            record = self._read(node)
            now = time.time()
            if record.power_next and record.power_at <= now:
                record.power, record.power_next = record.power_next, None
            if record.boot_next and record.boot_at <= now:
                record.boot, record.boot_next = record.boot_next, None
            return record

    def fail(self, node: Node, method: str, error: HardwareError, times: int = 1) -> None:
        """Have the next calls of this method raise `error` (lives in memory only)."""
        with self._lock:
            struck = self._read(node).failed.get(method, 0)
            self._faults[node.uuid, method] = (struck + times, error)

    # power

    def get_power_state(self, task: Task) -> Power:
        with self._lock:
            self._strike(task.node, "get_power_state")
            return Power(self.record(task.node).power)

    def set_power_state(self, task: Task, target: Power) -> None:
        with self._lock:
            record = self._effect(task.node, "set_power_state", target)
            if target in (Power.REBOOT, Power.SOFT_REBOOT):
                record.power = Power.OFF
            if target != Power.ON:  # whatever ran on it ends
                record.login_open = False
                record.busy = {}
            record.power_next = _LEADS_TO[target]
            record.power_at = time.time() + self._delay("power")
            if record.power_next == Power.ON:
                record.started_at = record.power_at
            self._write(task.node, record)

    # management

    def supported_boot_devices(self, task: Task) -> tuple[str, ...]:
        return ("pxe",)

    def get_boot_device(self, task: Task) -> BootDevice:
        with self._lock:
            self._strike(task.node, "get_boot_device")
            return self.record(task.node).boot

    def set_boot_device(self, task: Task, device: BootDevice) -> None:
        with self._lock:
            record = self._effect(task.node, "set_boot_device", device.device)
            record.boot_next = device
            record.boot_at = time.time() + self._delay("management")
            self._write(task.node, record)

    def get_boot_mode(self, task: Task) -> str | None:
        with self._lock:
            self._strike(task.node, "get_boot_mode")
            return self.record(task.node).mode

    def set_boot_mode(self, task: Task, mode: str) -> None:
        with self._lock:
            record = self._effect(task.node, "set_boot_mode", mode)
            record.mode = mode
            self._write(task.node, record)

    def get_secure_boot(self, task: Task) -> bool | None:
        return task.node.secure_boot

    def set_secure_boot(self, task: Task, on: bool) -> None:
        with self._lock:
            self._write(task.node, self._effect(task.node, "set_secure_boot", str(on)))

    def last_start(self, task: Task) -> float | None:
        with self._lock:
            self._strike(task.node, "last_start")
            return self.record(task.node).started_at

    def clock(self, task: Task) -> float:
        return time.time()

    def inject_nmi(self, task: Task) -> None:
        with self._lock:
            self._write(task.node, self._effect(task.node, "inject_nmi", None))

    def indicators(self, task: Task) -> Mapping[str, Mapping[str, Indicator]]:
        self._strike(task.node, "indicators")
        return _INDICATORS

    def get_indicator(self, task: Task, component: str, name: str) -> str:
        with self._lock:
            self._strike(task.node, "get_indicator")
            return self.record(task.node).indicators.get(_led(task.node, component, name), "on")

    def set_indicator(self, task: Task, component: str, name: str, state: str) -> None:
        with self._lock:
            led = _led(task.node, component, name)
            record = self._effect(task.node, "set_indicator", f"{led} {state}")
            record.indicators[led] = state
            self._write(task.node, record)

    def attach_virtual_media(self, task: Task, device_type: str, image_url: str) -> None:
        with self._lock:
            self._write(task.node, self._effect(task.node, "attach_virtual_media", device_type))

    def detach_virtual_media(self, task: Task, device_types: tuple[str, ...]) -> None:
        with self._lock:
            names = ",".join(device_types)
            self._write(task.node, self._effect(task.node, "detach_virtual_media", names))

    # boot

    def check_ramdisk(self, task: Task) -> None:
        self._strike(task.node, "check_ramdisk")

    def probe_ramdisk(self, task: Task) -> None:
        self._strike(task.node, "probe_ramdisk")

    def carries_token(self, task: Task) -> bool:
        return False

    def medium(self, task: Task) -> None:
        return None

    def prepare_ramdisk(self, task: Task, params: Mapping[str, str]) -> BootDevice:
        self._take_time(task.node, "prepare_ramdisk", "boot")
        return BootDevice("pxe", False)

    def clean_up_ramdisk(self, task: Task) -> None:
        self._take_time(task.node, "clean_up_ramdisk", "boot")

    # deploy, inspect, and the steps of all

    def tear_down(self, task: Task) -> float | None:
        return self._work(task.node, "tear_down", "deploy")

    def inspect_hardware(self, task: Task) -> float | None:
        return self._work(task.node, "inspect_hardware", "inspect")

    def steps(self, kind: str) -> tuple[NodeStep, ...]:
        return STEPS.get(kind, ())

    def execute_step(
        self,
        task: Task,
        kind: str,
        step: str,
        arguments: Mapping[str, Any],
    ) -> float | None:
        return self._work(task.node, f"{kind}.{step}", kind)

    # rescue

    def meet(self, task: Task) -> Login:
        self._strike(task.node, "meet")
        return Login()

    def open_login(self, task: Task, password_hash: str) -> None:
        self._take_time(task.node, "open_login", "rescue", login_open=True)

    def prove_login(self, task: Task) -> tuple[Login, str]:
        self._strike(task.node, "prove_login")
        return Login(), "Fake hardware has no login to look at."

    def look(self, logins: Sequence[Login]) -> Sequence[Mapping[str, Seen]]:
        return [{} for _ in logins]

    # the record

    def _take_time(
        self, node: Node, method: str, kind: str, *, login_open: bool | None = None
    ) -> None:
        """Raise "still busy" until the delay is over, then let it happen, once."""
        with self._lock:
            if seconds := self._work(node, method, kind):
                raise HardwareError(f"Fake hardware is still busy with {method}.", seconds)
            if login_open is not None:
                record = self._read(node)
                record.login_open = login_open
                self._write(node, record)

    def _work(self, node: Node, method: str, kind: str) -> float | None:
        """Seconds until the work, begun with the first call, is through; None when it just was."""
        with self._lock:
            self._strike(node, method)
            record = self.record(node)
            if record.run != node.operation_id:  # what an aborted operation began is over
                record.run, record.busy = node.operation_id, {}
            now = time.time()
            until = record.busy.setdefault(method, now + self._delay(kind))
            if until <= now:
                del record.busy[method]
                _remember(record, method)
            self._write(node, record)
            return until - now if until > now else None

    def _effect(self, node: Node, method: str, argument: str | None) -> Record:
        """The record to change, with the call in its list of effects."""
        self._strike(node, method)
        record = self.record(node)
        _remember(record, f"{method} {argument}")
        return record

    def _strike(self, node: Node, method: str) -> None:
        """Raise the fault a test has asked for, as often as it did."""
        with self._lock:
            fault = self._faults.get((node.uuid, method)) or self._fault_file(node).get(method)
            record = self._read(node)
            struck = record.failed.get(method, 0)
            if fault and struck < fault[0]:
                record.failed[method] = struck + 1
                self._write(node, record)
                raise fault[1]

    def _fault_file(self, node: Node) -> dict[str, tuple[int, HardwareError]]:
        path = self._folder and self._folder / f"{node.uuid}.faults.json"
        if not path or not path.exists():
            return {}
        faults: dict[str, Any] = json.loads(path.read_text())
        return {
            method: (times, getattr(errors, name)(text))
            for method, (times, name, text) in faults.items()
        }

    def _delay(self, kind: str) -> float:
        return random.uniform(*self._delays[kind])  # noqa: S311 (no secret)

    def _read(self, node: Node) -> Record:
        if not self._folder:
            return self._memory.setdefault(node.uuid, Record(power=node.power_state or Power.ON))
        try:
            return msgspec.json.decode(
                (self._folder / f"{node.uuid}.json").read_bytes(), type=Record
            )
        except FileNotFoundError:
            return Record(power=node.power_state or Power.ON)

    def _write(self, node: Node, record: Record) -> None:
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{node.uuid}.json", msgspec.json.encode(record))


def _led(node: Node, component: str, name: str) -> str:
    if name not in _INDICATORS.get(component, {}):
        raise InvalidDriverInfo(f"Node {node.uuid} has no indicator {name}@{component}.")
    return f"{name}@{component}"


def _remember(record: Record, effect: str) -> None:
    record.effects = [*record.effects, effect][-REMEMBERED_EFFECTS:]


def _seconds(kind: str, text: str) -> tuple[float, float]:
    """`3` → (3, 3), `1,5` → (1, 5)."""
    try:
        first, _, last = text.partition(",")
        return float(first or 0), float(last or first or 0)
    except ValueError:
        raise SettingsError(
            f"[fake]{kind}_delay is wrong: '{text}' is neither seconds (3) nor a range (1,5)."
        ) from None
