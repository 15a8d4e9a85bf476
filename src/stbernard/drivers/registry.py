"""Hardware types and interfaces by name: what is enabled, and which a node gets.

As in Ironic: a node's own `<kind>_interface` if it is set, else
`[DEFAULT]default_<kind>_interface`, else the first enabled one in the hardware type's own order.
"""

import pkgutil
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from operator import attrgetter
from threading import Lock
from typing import cast

from stbernard.drivers.base import (
    BootInterface,
    DeployInterface,
    Driver,
    InspectInterface,
    Interface,
    ManagementInterface,
    NetworkInterface,
    PowerInterface,
    RescueInterface,
)
from stbernard.drivers.hardware_types import ENTRY_POINT_GROUP, HardwareType
from stbernard.drivers.vendors import instead_of_driver, instead_of_interface
from stbernard.errors import InvalidDriverInfo, InvalidParameter, NotFound, SettingsError
from stbernard.nodes import INTERFACES, Node
from stbernard.settings import Settings


class Registry:
    """Everything that is enabled, checked once; implementations are loaded when first needed.

    Raises SettingsError if a hardware type is not installed or cannot be made of what is enabled.
    `warnings` names the enabled interfaces that no enabled hardware type has."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loading = Lock()
        self._loaded: dict[str, Interface] = {}
        self._drivers: dict[tuple[str | None, ...], Driver] = {}  # by the names they are made of
        self._types = _installed(settings.default.enabled_hardware_types)
        known = {
            kind: {name for each in self._types.values() for name in each.implementations(kind)}
            for kind in INTERFACES
        }
        self._enabled = {
            kind: sorted(known[kind].intersection(self._listed(kind))) for kind in INTERFACES
        }
        self.warnings = [
            f"[DEFAULT]enabled_{kind}_interfaces: no enabled hardware type has '{name}', "
            f"it has no effect. They have {sorted(known[kind])}." + instead_of_interface(kind, name)
            for kind in INTERFACES
            for name in self._listed(kind)
            if name not in known[kind]
        ]
        self._check_defaults()

    def hardware_types(self) -> list[str]:
        """The names of the enabled hardware types, in alphabetical order."""
        return list(self._types)

    def supported(self, driver: str, kind: str) -> list[str]:
        """The enabled interfaces a hardware type supports, preferred ones first."""
        return [
            name for name in self._type(driver).implementations(kind) if name in self._enabled[kind]
        ]

    def default(self, driver: str, kind: str) -> str:
        """What a node gets that names no interface of this kind."""
        supported = self.supported(driver, kind)
        configured = getattr(self._settings.default, f"default_{kind}_interface")
        if supported and configured in (None, *supported):
            return configured or supported[0]
        raise InvalidParameter(
            f"For hardware type '{driver}', no default value found for {kind} interface could be "
            f"determined. Please ensure the interfaces are enabled: it supports "
            f"{list(self._type(driver).implementations(kind))}, enabled are {self._enabled[kind]}"
            + (f", and default_{kind}_interface is '{configured}'." if configured else ".")
        )

    def resolve(self, driver: str, given: Mapping[str, str | None]) -> dict[str, str]:
        """The interface of each kind for a node with this driver and these `<kind>` → name.

        Raises InvalidParameter in the contract's words if the driver or a name is not enabled."""
        if driver not in self._types:
            raise InvalidParameter(
                "No valid host was found. Reason: No conductor service registered which supports "
                f'driver {driver} for conductor group "{self._settings.default.conductor_group}". '
                "Ensure the driver is valid and enabled." + instead_of_driver(driver)
            )
        return {kind: self._chosen(driver, kind, given.get(kind)) for kind in INTERFACES}

    def properties(self, driver: str) -> dict[str, str]:
        """The driver_info keys of a hardware type's default interfaces, with a description each.

        Raises NotFound."""
        described: dict[str, str] = {}
        for kind in INTERFACES:
            described.update(self._load(driver, kind, self.default(driver, kind)).properties())
        return described

    def driver_for(self, node: Node) -> Driver:
        """The interfaces of this node. Raises InvalidDriverInfo if one is not enabled any more."""
        names = (node.driver, *_interface_names(node))
        if names not in self._drivers:
            self._drivers[names] = self._driver_for(node)
        return self._drivers[names]

    def _driver_for(self, node: Node) -> Driver:
        try:
            named = {
                kind: self._load(
                    node.driver, kind, self._chosen(node.driver, kind, node.interface(kind))
                )
                for kind in INTERFACES
            }
        except (InvalidParameter, NotFound) as error:
            raise InvalidDriverInfo(f"Node {node.uuid}: {error}") from error
        return Driver(
            power=cast(PowerInterface, named["power"]),
            management=cast(ManagementInterface, named["management"]),
            boot=cast(BootInterface, named["boot"]),
            network=cast(NetworkInterface, named["network"]),
            rescue=cast(RescueInterface, named["rescue"]),
            deploy=cast(DeployInterface, named["deploy"]),
            inspect=cast(InspectInterface, named["inspect"]),
            named=named,
        )

    def _listed(self, kind: str) -> tuple[str, ...]:
        names: tuple[str, ...] | None = getattr(
            self._settings.default, f"enabled_{kind}_interfaces"
        )
        if names is None:
            return tuple(next(iter(each.implementations(kind))) for each in self._types.values())
        return names

    def _check_defaults(self) -> None:
        for driver in self._types:
            for kind in INTERFACES:
                try:
                    self.default(driver, kind)
                except InvalidParameter as error:
                    raise SettingsError(f"[DEFAULT]enabled_{kind}_interfaces: {error}") from None

    def _type(self, driver: str) -> HardwareType:
        try:
            return self._types[driver]
        except KeyError:
            raise NotFound(
                f"Could not find the following driver(s) or hardware type(s): {driver}."
            ) from None

    def _chosen(self, driver: str, kind: str, name: str | None) -> str:
        if name is None:
            return self.default(driver, kind)
        if name not in self._enabled[kind]:
            raise InvalidParameter(
                "Could not find the following interface in the "
                f"'ironic.hardware.interfaces.{kind}' entrypoint: {name}. "
                f"Valid interfaces are {self._enabled[kind]}." + instead_of_interface(kind, name)
            )
        if name not in self._type(driver).implementations(kind):
            raise InvalidParameter(
                f"{kind} interface implementation '{name}' is not supported by hardware type "
                f"{driver}. Valid interfaces are {self.supported(driver, kind)}."
            )
        return name

    def _load(self, driver: str, kind: str, name: str) -> Interface:
        path = self._type(driver).implementations(kind)[name]
        with self._loading:
            if path not in self._loaded:
                try:
                    self._loaded[path] = pkgutil.resolve_name(path)(self._settings)
                except ImportError as error:
                    raise SettingsError(
                        f"The {kind} interface '{name}' of hardware type {driver} cannot be "
                        f"loaded: {error}. Install what it needs or do not enable it."
                    ) from error
            return self._loaded[path]


_interface_names = attrgetter(*(f"{kind}_interface" for kind in INTERFACES))


def _installed(wanted: Iterable[str]) -> dict[str, HardwareType]:
    """The hardware types of these names, from the entry points of this and other packages."""
    found = {each.name: each for each in entry_points(group=ENTRY_POINT_GROUP)}
    if missing := [name for name in wanted if name not in found]:
        raise SettingsError(
            f"[DEFAULT]enabled_hardware_types is wrong: {', '.join(missing)} is not installed. "
            f"Installed are {sorted(found)}." + "".join(map(instead_of_driver, missing))
        )
    return {name: found[name].load() for name in sorted(wanted)}
