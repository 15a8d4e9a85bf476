"""The management interface `redfish` (the Boot object of ComputerSystem, DSP0268)."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from sushy import (
    BootSource,
    BootSourceOverrideEnabled,
    BootSourceOverrideMode,
    IndicatorLED,
    ResetType,
)
from sushy.exceptions import (
    AccessError,
    HTTPError,
    MissingAttributeError,
)
from sushy.resources.system.system import System

from stbernard.drivers.base import Task
from stbernard.drivers.redfish import driver_info
from stbernard.drivers.redfish.bmc import REFUSED, system
from stbernard.drivers.redfish.drive import managers
from stbernard.errors import InvalidDriverInfo
from stbernard.nodes import BootDevice, Indicator
from stbernard.settings import Settings

log = structlog.get_logger(__name__)

_SOURCES = {
    "pxe": BootSource.PXE,
    "disk": BootSource.HDD,
    "cdrom": BootSource.CD,
    "bios": BootSource.BIOS_SETUP,
    "uefihttp": BootSource.UEFI_HTTP,
}
_DEVICES = {source: device for device, source in _SOURCES.items()} | {BootSource.USB_CD: "cdrom"}
_MODES = {"uefi": BootSourceOverrideMode.UEFI, "bios": BootSourceOverrideMode.LEGACY}
_MODE_NAMES = {mode: name for name, mode in _MODES.items()}

_LEDS = {"on": IndicatorLED.LIT, "off": IndicatorLED.OFF, "blinking": IndicatorLED.BLINKING}
_LED_NAMES = {led: name for name, led in _LEDS.items()}
_LED = Indicator(readonly=False, states=tuple(_LEDS))

_ONCE = BootSourceOverrideEnabled.ONCE
_ALWAYS = BootSourceOverrideEnabled.CONTINUOUS
_DISABLED = BootSourceOverrideEnabled.DISABLED

_FIRMWARE_AT_WORK = (
    *("PrimaryProcessorInitializationStarted", "BusInitializationStarted"),
    *("MemoryInitializationStarted", "SecondaryProcessorInitializationStarted"),
    *("PCIResourceConfigStarted", "SystemHardwareInitializationComplete", "SetupEntered"),
)
"""Values of BootProgress.LastState (ComputerSystem, DSP0268): before an operating system boots."""

_NO_SUCH_THING = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


class RedfishManagement:
    def __init__(self, settings: Settings) -> None:
        pass

    def properties(self) -> Mapping[str, str]:
        return driver_info.PROPERTIES

    def validate(self, task: Task) -> None:
        driver_info.read(task.node, task.settings)

    def supported_boot_devices(self, task: Task) -> tuple[str, ...]:
        return tuple(_SOURCES)

    def get_boot_device(self, task: Task) -> BootDevice:
        with system(task) as server:
            enabled = _boot(server, "enabled")
            target = _boot(server, "target")
            if enabled is None and target is None:
                raise InvalidDriverInfo(
                    f"The BMC of node {task.node.uuid} offers no boot override "
                    "(ComputerSystem.Boot), so the server cannot be made to boot the ramdisk. "
                    "Update the BMC's firmware, or reach the server by IPMI."
                )
            if target in (None, BootSource.NONE) or enabled is _DISABLED:
                return BootDevice(None, None)
            device = _DEVICES.get(target, target.value)
            return BootDevice(device, None if enabled is None else enabled is _ALWAYS)

    def set_boot_device(self, task: Task, device: BootDevice) -> None:
        source = _source(task.node.uuid, device.device)
        with system(task) as server:
            if source:
                target = _as_offered(server, source)
                _first_accepted(server, _ways_to_say(server, target, bool(device.persistent)))
            elif _boot(server, "enabled") is not _DISABLED:
                server.set_system_boot_options(enabled=_DISABLED)

    def get_boot_mode(self, task: Task) -> str | None:
        with system(task) as server:
            return _MODE_NAMES.get(_boot(server, "mode"))

    def set_boot_mode(self, task: Task, mode: str) -> None:
        if mode not in _MODES:
            raise InvalidDriverInfo(
                f"Boot mode '{mode}' is not supported for node {task.node.uuid}. "
                f"Supported are {list(_MODES)}."
            )
        with system(task) as server:
            if _boot(server, "mode") is _MODES[mode]:
                return
            now = {"target": _boot(server, "target"), "enabled": _boot(server, "enabled")}
            _first_accepted(server, [{"mode": _MODES[mode]}, {"mode": _MODES[mode], **now}])

    def get_secure_boot(self, task: Task) -> bool | None:
        with system(task) as server:
            try:
                enabled: bool | None = server.secure_boot.enabled
            except MissingAttributeError:
                return None
            except HTTPError as error:
                if error.status_code in _NO_SUCH_THING:
                    return None
                raise
            return enabled

    def set_secure_boot(self, task: Task, on: bool) -> None:
        with system(task) as server:
            try:
                server.secure_boot.set_enabled(on)
            except MissingAttributeError:
                raise _lacks(task, "Secure Boot") from None

    def last_start(self, task: Task) -> float | None:
        """LastResetTime, and as long as the firmware is at work the time of its BootProgress: some
        BMCs count only changes of the power as resets."""
        with system(task) as server:
            told = [server.json.get("LastResetTime")]
            progress = server.json.get("BootProgress") or {}
            if progress.get("LastState") in _FIRMWARE_AT_WORK:
                told.append(progress.get("LastStateTime"))
            return max(filter(None, map(_seconds, told)), default=None)

    def clock(self, task: Task) -> float | None:
        with system(task) as server:
            try:
                told = [_seconds(each.datetime) for each in managers(server)]
            except HTTPError:  # to this account, say
                return None
            return next(filter(None, told), None)

    def inject_nmi(self, task: Task) -> None:
        with system(task) as server:
            if ResetType.NMI not in server.get_allowed_reset_system_values():
                raise _lacks(task, "NMI")
            server.reset_system(ResetType.NMI)

    def indicators(self, task: Task) -> Mapping[str, Mapping[str, Indicator]]:
        with system(task) as server:
            found = {component: _with_led(server, component) for component in _COMPONENTS}
            return {component: dict.fromkeys(leds, _LED) for component, leds in found.items()}

    def get_indicator(self, task: Task, component: str, name: str) -> str:
        with system(task) as server:
            led = _find_led(task, server, component, name).indicator_led
            return _LED_NAMES.get(led, "unknown")

    def set_indicator(self, task: Task, component: str, name: str, state: str) -> None:
        with system(task) as server:
            _find_led(task, server, component, name).set_indicator_led(_LEDS[state])


def _system(server: System) -> Iterable[tuple[str, Any]]:
    yield server.uuid or server.identity, server


def _chassis(server: System) -> Iterable[tuple[str, Any]]:
    for chassis in server.chassis:
        yield chassis.uuid or chassis.identity, chassis


def _disks(server: System) -> Iterable[tuple[str, Any]]:
    for storage in server.storage.get_members():
        for drive in storage.drives:
            yield f"{storage.identity}:{drive.identity}", drive


_COMPONENTS: Mapping[str, Callable[[System], Iterable[tuple[str, Any]]]] = {
    "chassis": _chassis,
    "disk": _disks,
    "system": _system,
}


def _with_led(server: System, component: str) -> dict[str, Any]:
    """Those resources of the component that have an LED, by its name."""
    with suppress(MissingAttributeError, HTTPError):  # it offers no such resources, or says it does
        return {
            name: owner for name, owner in _COMPONENTS[component](server) if owner.indicator_led
        }
    return {}


def _find_led(task: Task, server: System, component: str, name: str) -> Any:
    found = _with_led(server, component).get(name) if component in _COMPONENTS else None
    if found is None:
        raise InvalidDriverInfo(f"Node {task.node.uuid} has no indicator {name}@{component}.")
    return found


def _lacks(task: Task, what: str) -> InvalidDriverInfo:
    return InvalidDriverInfo(f"The BMC of node {task.node.uuid} offers no {what}.")


def _boot(server: System, name: str) -> Any:
    return server.boot.get(name) if server.boot else None


def _source(node: str, device: str | None) -> BootSource | None:
    """Redfish's source for one of Ironic's names, or for a name that get_boot_device gave out."""
    try:
        return _SOURCES.get(device) or BootSource(device) if device else None
    except ValueError:
        raise InvalidDriverInfo(
            f"Boot device '{device}' is not supported for node {node}. "
            f"Supported are {list(_SOURCES)}."
        ) from None


def _as_offered(server: System, source: BootSource) -> BootSource:
    """Some BMCs know their virtual CD drive as one on USB only."""
    offered = server.get_allowed_system_boot_source_values()
    if source is BootSource.CD and source not in offered and BootSource.USB_CD in offered:
        return BootSource.USB_CD
    return source


def _ways_to_say(server: System, target: BootSource, persistent: bool) -> list[dict[str, Any]]:
    """The same request as different BMCs want it, the one most of them take first."""
    enabled = _ALWAYS if persistent else _ONCE
    mode = _boot(server, "mode") or BootSourceOverrideMode.UEFI
    ways: list[dict[str, Any]] = [{"target": target, "enabled": enabled}]
    if _boot(server, "enabled") is enabled:
        ways.append({"target": target})  # some refuse to be told what is so already
    ways.append({"target": target, "enabled": enabled, "mode": mode})  # AMI wants all of it
    if persistent:
        ways.append({"target": target, "enabled": _ONCE})  # some have no Continuous any more
    return ways


def _first_accepted(server: System, ways: list[dict[str, Any]]) -> None:
    """Try one after the other while the BMC refuses the request itself; raises its first no."""
    first: HTTPError | None = None
    for way in ways:
        try:
            server.set_system_boot_options(**way)
        except HTTPError as error:
            if isinstance(error, AccessError) or error.status_code not in REFUSED:
                raise
            first = first or error
        else:
            if first:
                log.info("the BMC took another form of the request", server=server.path, form=way)
            return
    if first:
        raise first


def _seconds(text: object) -> float | None:
    """Of a date-time of Redfish (DSP0266); None for what is none, as with a clock not set."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
