"""Tasks for the drivers' tests, made by the real registry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stbernard.drivers.base import Task
from stbernard.drivers.registry import Registry
from stbernard.nodes import Node, Port
from stbernard.settings import Default, Settings

EVERYTHING = Default(
    enabled_hardware_types=("redfish", "ipmi", "fake-hardware"),
    enabled_boot_interfaces=("ipxe", "redfish-virtual-media", "fake"),
    enabled_management_interfaces=("redfish", "ipmitool", "fake"),
    enabled_power_interfaces=("redfish", "ipmitool", "fake"),
    enabled_rescue_interfaces=("agent", "no-rescue", "fake"),
)


def all_enabled(
    folder: Path | None = None, default: Mapping[str, Any] | None = None, **sections: Any
) -> Settings:
    """Settings with every interface enabled, state below `folder`; `default` overrides options."""
    options = {"state_path": str(folder or Default.state_path), **(default or {})}
    return Settings(default=replace(EVERYTHING, **options), **sections)


def a_task(settings: Settings, node: Node, ports: Sequence[Port] = ()) -> Task:
    return Task(node, tuple(ports), settings, Registry(settings).driver_for(node))
