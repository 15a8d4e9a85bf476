"""Fake hardware types, and clients of an API made of them."""

import json
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from litestar.datastructures import State
from litestar.testing import TestClient

from stbernard.api.app import Api, make_app
from stbernard.api.parts import Parts
from stbernard.drivers.base import Driver, ManagementInterface, RescueInterface, Task
from stbernard.errors import (
    BMCUnreachable,
    ImageError,
    InvalidDriverInfo,
    InvalidParameter,
    NotFound,
)
from stbernard.nodes import INTERFACES, BootDevice, Node
from stbernard.operations.accept import Requests
from stbernard.operations.tasks import Tasks

HOST = "conductor-1"
Client = TestClient[Api]


class FakeInterface:
    """Any interface: valid unless driver_info says `broken: <kind>`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def properties(self) -> Mapping[str, str]:
        return {f"{self.kind}_key": f"What {self.kind} wants to know."}

    needs_ramdisk = True

    def probe_ramdisk(self, task: Task) -> None:
        if task.node.driver_info.get("broken") == "images":
            raise ImageError("Image http://images.example/kernel cannot be fetched.")

    def validate(self, task: Task) -> None:
        if task.node.driver_info.get("broken") == self.kind:
            raise InvalidDriverInfo(f"driver_info lacks {self.kind}_key. Set it.")


class FakeManagement(FakeInterface):
    def supported_boot_devices(self, task: Task) -> tuple[str, ...]:
        return ("pxe", "disk")

    def get_boot_device(self, task: Task) -> BootDevice:
        if task.node.driver_info.get("bmc") == "away":
            raise BMCUnreachable("The BMC at 192.0.2.1 does not answer.")
        return BootDevice("disk", persistent=True)


class FakeDrivers:
    """The hardware type `fake-hardware`; interfaces `fake` and `other`, rescue `no-rescue` too."""

    def hardware_types(self) -> tuple[str, ...]:
        return ("fake-hardware",)

    def supported(self, driver: str, kind: str) -> tuple[str, ...]:
        extra = {"rescue": ("no-rescue",), "network": ("noop",)}
        return ("fake", "other", *extra.get(kind, ()))

    def default(self, driver: str, kind: str) -> str | None:
        return "fake"

    def resolve(self, driver: str, given: Mapping[str, str | None]) -> dict[str, str]:
        if driver not in self.hardware_types():
            raise InvalidParameter(f"No valid host was found. Reason: no driver {driver}.")
        for kind, name in given.items():
            if name not in (None, *self.supported(driver, kind)):
                raise InvalidParameter(f"Could not find the {kind} interface {name}.")
        return {kind: given.get(kind) or "fake" for kind in INTERFACES}

    def properties(self, driver: str) -> Mapping[str, str]:
        if driver not in self.hardware_types():
            raise NotFound(f"Could not find the driver {driver}.")
        return {"power_key": "What power wants to know."}

    def driver_for(self, node: Node) -> Driver:
        if node.driver_info.get("broken") == "everything":
            raise InvalidDriverInfo("The power interface 'gone' is not enabled.")
        named = {kind: FakeInterface(kind) for kind in INTERFACES}
        named["management"] = FakeManagement("management")
        fake = cast(Any, named)
        return Driver(
            power=fake["power"],
            management=cast(ManagementInterface, named["management"]),
            boot=fake["boot"],
            network=fake["network"],
            rescue=cast(RescueInterface, named["rescue"]),
            deploy=fake["deploy"],
            inspect=fake["inspect"],
            named=MappingProxyType(named),
        )


@lru_cache
def _template() -> Api:
    """One application for all tests: to build it takes longer than most of them."""
    return make_app(cast(Parts, None))


def client_of(parts: Parts, version: str = "1.115") -> Client:
    """A client that asks for this microversion."""
    app = copy(_template())
    app.state = State({"parts": parts})
    client = TestClient(app, base_url="http://bmaas.example")
    client.headers["X-OpenStack-Ironic-API-Version"] = version
    return client


def with_settings(parts: Parts, **rooms: Any) -> Parts:
    """The same parts with other settings, e.g. `api=ApiSettings(restrict_lookup=False)`."""
    settings = replace(parts.settings, **rooms)
    tasks = Tasks(parts.store, parts.drivers, settings)
    requests = Requests(parts.store, tasks, settings)
    return replace(parts, settings=settings, requests=requests, tasks=tasks)


def fault(answer: Any) -> str:
    """The text of an error in the contract's shape."""
    inner = json.loads(answer.json()["error_message"])
    assert inner.keys() == {"faultcode", "faultstring", "debuginfo"}
    assert inner["faultcode"] == ("Server" if answer.status_code >= 500 else "Client")
    return str(inner["faultstring"])


def patch(client: Client, url: str, path: str, *value: Any, op: str = "add") -> Any:
    """The answer to a patch of one step."""
    step = {"op": op, "path": path} | ({"value": value[0]} if value else {})
    return client.patch(url, json=[step])


def uuids(client: Client, path: str) -> list[str]:
    """Those of a list, in its order."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    (entries,) = (value for key, value in answer.json().items() if key != "next")
    return [entry["uuid"] for entry in entries]
