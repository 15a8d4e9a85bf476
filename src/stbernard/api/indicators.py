"""`/v1/nodes/{ident}/management/indicators`: the LEDs of a server, each as `name@component`."""

from functools import partial
from typing import Any

from litestar import get, put

from stbernard.api import hardware
from stbernard.api.call import Call
from stbernard.api.given import GivenCall, GivenParts, InPath
from stbernard.api.parts import Parts
from stbernard.api.schemas import string
from stbernard.errors import InvalidParameter, NodeLocked
from stbernard.nodes import Indicator
from stbernard.operations.tasks import Task

_RESOURCE = "management/indicators"


@get("/v1/nodes/{ident:str}/management/indicators")
async def list_indicators(ident: InPath, call: GivenCall, parts: GivenParts) -> dict[str, Any]:
    call.need_below_node(_RESOURCE)
    call.only()
    return await hardware.wait_for(partial(_list, ident, call, parts))


@get("/v1/nodes/{ident:str}/management/indicators/{indicator:str}")
async def show(
    ident: InPath, indicator: InPath, call: GivenCall, parts: GivenParts
) -> dict[str, Any]:
    call.need_below_node(_RESOURCE)
    call.only()
    return await hardware.wait_for(partial(_show, ident, indicator, call, parts))


@put("/v1/nodes/{ident:str}/management/indicators/{indicator:str}", status_code=204)
async def change(ident: InPath, indicator: InPath, call: GivenCall, parts: GivenParts) -> None:
    call.need_below_node(_RESOURCE)
    state = string("state", call.arguments(("state",), mandatory="state")["state"])
    await hardware.wait_for_change(parts, partial(_change, ident, indicator, state, call, parts))


def _list(ident: str, call: Call, parts: Parts) -> dict[str, Any]:
    """Raises BMCError."""
    task = _task(ident, call, parts)
    return {
        "indicators": [
            _rendered(f"{name}@{component}", component, led, task.node.uuid, call)
            for component, leds in task.driver.management.indicators(task).items()
            for name, led in leds.items()
        ]
    }


def _rendered(name: str, component: str, led: Indicator, node: str, call: Call) -> dict[str, Any]:
    return {
        "name": name,
        "component": component,
        "readonly": led.readonly,
        "states": led.states,
        "links": call.links(f"nodes/{node}/{_RESOURCE}/{name}"),
    }


def _show(ident: str, indicator: str, call: Call, parts: Parts) -> dict[str, Any]:
    """Raises BMCError, InvalidDriverInfo."""
    component, name = _parsed(indicator)
    task = _task(ident, call, parts)
    return {"state": task.driver.management.get_indicator(task, component, name)}


def _change(ident: str, indicator: str, state: str | None, call: Call, parts: Parts) -> None:
    """Raises InvalidParameter for what this LED cannot show; NodeLocked, HardwareError."""
    component, name = _parsed(indicator)
    task = _task(ident, call, parts)
    node = task.node
    if node.operation:  # the BMC is not asked each time that this is tried again
        raise NodeLocked(node.uuid, node.operation, node.lease_owner)
    led = task.driver.management.indicators(task).get(component, {}).get(name)
    if led is None:
        raise InvalidParameter(f"Node {node.uuid} has no indicator {indicator[:100]}.")
    if led.readonly or state not in led.states:
        can = "nothing, it can only be read" if led.readonly else ", ".join(led.states)
        raise InvalidParameter(
            f"Indicator {indicator} cannot be set to {str(state)[:100]}. It can be set to {can}."
        )
    asked = {"component": component, "name": name, "state": state}
    parts.requests.begin_and_wait(node, "set indicator", **asked)


def _parsed(indicator: str) -> tuple[str, str]:
    """Component and name. Raises InvalidParameter."""
    name, at, component = indicator.partition("@")
    if not at:
        raise InvalidParameter(f'Malformed indicator name "{indicator[:100]}"')
    return component, name


def _task(ident: str, call: Call, parts: Parts) -> Task:
    task = parts.tasks.of(parts.store.nodes.get(call.node_ident(ident)))
    task.driver.management.validate(task)
    return task
