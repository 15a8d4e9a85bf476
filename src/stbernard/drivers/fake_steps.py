"""The clean, deploy and service steps that fake hardware offers, by kind of interface."""

from collections.abc import Mapping

from stbernard.drivers.base import NodeStep

_BY_REQUEST = {"clean": 0, "service": 0}

STEPS: Mapping[str, tuple[NodeStep, ...]] = {
    "bios": (
        NodeStep("apply_configuration", _BY_REQUEST, {"settings": True}, needs_ramdisk=False),
        NodeStep("factory_reset", _BY_REQUEST, needs_ramdisk=False),
        NodeStep("cache_bios_settings", _BY_REQUEST, needs_ramdisk=False),
    ),
    "deploy": (
        NodeStep("deploy", {"deploy": 100}, abortable=True),
        NodeStep("erase_devices", {"clean": 10}, abortable=True),
    ),
    "firmware": (NodeStep("update", _BY_REQUEST, {"settings": True}, needs_ramdisk=False),),
    "raid": (
        NodeStep("apply_configuration", {"deploy": 0}, {"raid_config": True}),
        NodeStep("create_configuration", _BY_REQUEST),
        NodeStep("delete_configuration", _BY_REQUEST),
    ),
    "vendor": (NodeStep("log_passthrough", {"clean": 1, "service": 0}, needs_ramdisk=False),),
}
